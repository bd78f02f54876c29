import { type Ffi, loadFfi, pinBytes } from './ffi.ts';
import { noteEngine } from './native-status.ts';

/** Two joined sockets whose bytes move inside the kernel. Counters rise as bytes are moved. */
export interface SplicedPair {
  /** Bytes from the first socket to the second, and back. */
  readonly forward: number;
  readonly backward: number;
  /** Ends both sides at once. */
  close(): void;
}

/** Moves bytes between sockets with splice(2), without copying them into this process. */
export interface SpliceEngine {
  /** Pairs that are joined now. */
  readonly size: number;
  /**
   * Takes two connected, non-blocking sockets by duplicates of their descriptors; the caller closes its own. The end of one
   * direction half-closes the other side. `onClosed` is called once, in a later turn, when both descriptors are closed.
   * @throws Error when the system refuses (too many descriptors)
   */
  join(first: number, second: number, onClosed: () => void): SplicedPair;
}

// Linux, the values of the generic ABI that x86-64 and arm64 share.
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const EPOLL_CLOEXEC = O_CLOEXEC;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x8000_0000;
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const SHUT_WR = 1;
const EAGAIN = 11;
const ENOTCONN = 107;

// The structure is packed on x86-64 only.
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EVENT_WORDS = EVENT_BYTES / 4;
const EVENT_DATA_WORD = process.arch === 'x64' ? 1 : 2;
const EVENTS_PER_WAIT = 256;
const WAITS_PER_TURN = 4;

const MOVE_BYTES = 1n << 20n;
const PIPE_BYTES = 1 << 20;
const ROUNDS_PER_TURN = 64;
/** Beyond this many directions that wait for a slow reader, further ones get pipes of the system's default size. */
const LARGE_PIPES = 64;
const POOLED_PIPES = 32;
const NO_DESCRIPTOR = -1;

type Pipe = { readonly read: number; readonly write: number; readonly isLarge: boolean };

/** One way of a pair. */
type Direction = {
  readonly from: number;
  readonly to: number;
  /** Holds what the reader has not taken, `undefined` while that is nothing. */
  pipe: Pipe | undefined;
  heldBytes: number;
  ended: boolean;
  movedBytes: number;
};

let engine: SpliceEngine | undefined;
let probed = false;

/** The engine of this process; `undefined` where the system or the runtime lacks what it needs. */
export function spliceEngine(): SpliceEngine | undefined {
  if (probed) return engine;
  probed = true;
  const availability = loadFfi();
  if (!availability.available) {
    noteEngine('TCP relay', 'runtime', availability.reason);
    return undefined;
  }
  try {
    engine = new EpollSplice(availability.ffi);
    noteEngine('TCP relay', 'splice', '');
  } catch (error) {
    noteEngine('TCP relay', 'runtime', `splice cannot be used: ${String(error)}`);
  }
  return engine;
}

class Pair implements SplicedPair {
  readonly id: number;
  readonly directions: readonly [Direction, Direction];
  readonly onClosed: () => void;
  readonly #end: (pair: Pair) => void;
  isClosed = false;
  isQueued = false;

  constructor(id: number, first: number, second: number, onClosed: () => void, end: (pair: Pair) => void) {
    this.id = id;
    this.directions = [directionOf(first, second), directionOf(second, first)];
    this.onClosed = onClosed;
    this.#end = end;
  }

  get forward(): number {
    return this.directions[0].movedBytes;
  }

  get backward(): number {
    return this.directions[1].movedBytes;
  }

  close(): void {
    this.#end(this);
  }
}

function directionOf(from: number, to: number): Direction {
  return { from, to, pipe: undefined, heldBytes: 0, ended: false, movedBytes: 0 };
}

/**
 * Edge-triggered epoll over all joined sockets, watched by the runtime's own loop. What is read goes through one pipe that all
 * directions share; only a direction whose reader is slow keeps the pipe, and the next one gets another.
 */
class EpollSplice implements SpliceEngine {
  readonly #ffi: Ffi;
  readonly #epoll: number;
  readonly #events: { readonly words: Int32Array; readonly address: bigint };
  readonly #argument: { readonly words: Int32Array; readonly address: bigint };
  readonly #pairs: (Pair | undefined)[] = [];
  readonly #freeIds: number[] = [];
  readonly #idlePipes: Pipe[] = [];
  #largePipes = 0;
  /** Empty between two directions; absent when the last one kept it. */
  #shared: Pipe | undefined;
  #size = 0;
  /** Directions that had more to move than one turn allows; edge-triggered epoll does not tell of them again. */
  #unfinished: Pair[] = [];
  #closed: Pair[] = [];
  #isScheduled = false;

  constructor(ffi: Ffi) {
    this.#ffi = ffi;
    this.#events = pinWords(ffi, EVENT_BYTES * EVENTS_PER_WAIT);
    this.#argument = pinWords(ffi, EVENT_BYTES);
    this.#epoll = ffi.libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw new Error(`epoll_create1 failed with errno ${ffi.errno()}`);
    this.#shared = this.#takePipe();
    if (this.#shared === undefined) throw new Error(`pipe2 failed with errno ${ffi.errno()}`);
    // Called by the system's loop, where a throw would end the process.
    ffi.watchReadable(this.#epoll, () => this.#guarded());
  }

  get size(): number {
    return this.#size;
  }

  join(first: number, second: number, onClosed: () => void): SplicedPair {
    const { libc } = this.#ffi;
    const own: number[] = [];
    try {
      for (const fd of [first, second]) {
        const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) throw new Error(`duplicating a descriptor failed with errno ${this.#ffi.errno()}`);
        own.push(copy);
      }
      const [a = NO_DESCRIPTOR, b = NO_DESCRIPTOR] = own;
      const id = this.#freeIds.pop() ?? this.#pairs.length;
      const pair = new Pair(id, a, b, onClosed, (each) => this.#end(each));
      this.#watch(a, id * 2);
      this.#watch(b, id * 2 + 1);
      this.#pairs[id] = pair;
      this.#size += 1;
      return pair;
    } catch (error) {
      for (const fd of own) libc.close(fd);
      throw error;
    }
  }

  #watch(fd: number, data: number): void {
    const { words, address } = this.#argument;
    words[0] = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    words[EVENT_DATA_WORD] = data;
    words[EVENT_DATA_WORD + 1] = 0;
    if (this.#ffi.libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, address) < 0) {
      throw new Error(`epoll_ctl failed with errno ${this.#ffi.errno()}`);
    }
  }

  #guarded(): void {
    try {
      this.#serveEvents();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  }

  #serveEvents(): void {
    const { words, address } = this.#events;
    for (let wait = 0; wait < WAITS_PER_TURN; wait++) {
      const count = this.#ffi.libc.epoll_wait(this.#epoll, address, EVENTS_PER_WAIT, 0);
      for (let event = 0; event < count; event++) {
        const data = words[event * EVENT_WORDS + EVENT_DATA_WORD] as number;
        const pair = this.#pairs[data >> 1];
        if (pair !== undefined) this.#serve(pair, data & 1, words[event * EVENT_WORDS] as number);
      }
      if (count < EVENTS_PER_WAIT) break;
    }
    this.#schedule();
  }

  /** `side` is the socket that something happened to: 0 is read by the first direction and written by the second. */
  #serve(pair: Pair, side: number, happened: number): void {
    const reads = pair.directions[side as 0 | 1];
    const writes = pair.directions[(1 - side) as 0 | 1];
    let isGood = true;
    if ((happened & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0) isGood = this.#move(pair, reads);
    if (isGood && (happened & EPOLLOUT) !== 0 && writes.heldBytes > 0) isGood = this.#move(pair, writes);
    this.#settle(pair, isGood && (happened & EPOLLERR) === 0);
  }

  #settle(pair: Pair, isGood: boolean): void {
    const [forward, backward] = pair.directions;
    const isDone = forward.ended && backward.ended && forward.heldBytes === 0 && backward.heldBytes === 0;
    if (!isGood || isDone) this.#end(pair);
  }

  /** Moves what can be moved now; false when the pair is broken. */
  #move(pair: Pair, direction: Direction): boolean {
    const { libc } = this.#ffi;
    for (let round = 0; round < ROUNDS_PER_TURN; round++) {
      if (direction.heldBytes === 0) {
        if (direction.ended) return true;
        const read = this.#fill(direction);
        if (read === 'nothing') return true;
        if (read === 'broken') return false;
        if (read === 'ended') {
          libc.shutdown(direction.to, SHUT_WR);
          return true;
        }
      }
      const drained = this.#drain(direction);
      if (drained !== 'drained') return drained === 'waiting';
    }
    if (!pair.isQueued) {
      pair.isQueued = true;
      this.#unfinished.push(pair);
    }
    return true;
  }

  #fill(direction: Direction): 'filled' | 'nothing' | 'ended' | 'broken' {
    this.#shared ??= this.#takePipe();
    const pipe = direction.pipe ?? this.#shared;
    // Without a descriptor to spare this connection ends; the others go on.
    if (pipe === undefined) return 'broken';
    const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
    const moved = this.#ffi.libc.splice(direction.from, 0n, pipe.write, 0n, MOVE_BYTES, flags);
    if (moved > 0) {
      direction.heldBytes = moved;
      return 'filled';
    }
    if (moved === 0) {
      direction.ended = true;
      return 'ended';
    }
    return this.#ffi.errno() === EAGAIN ? 'nothing' : 'broken';
  }

  #drain(direction: Direction): 'drained' | 'waiting' | 'broken' {
    const pipe = direction.pipe ?? this.#shared;
    if (pipe === undefined) return 'broken';
    while (direction.heldBytes > 0) {
      // SPLICE_F_MORE would save a little, but hold the tail of a burst back for up to 200 ms.
      const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
      const moved = this.#ffi.libc.splice(pipe.read, 0n, direction.to, 0n, MOVE_BYTES, flags);
      if (moved <= 0) {
        const errno = this.#ffi.errno();
        // Now the pipe holds bytes of this direction only, so nobody else may use it.
        if (direction.pipe === undefined) {
          direction.pipe = pipe;
          this.#shared = undefined;
        }
        return moved < 0 && (errno === EAGAIN || errno === ENOTCONN) ? 'waiting' : 'broken';
      }
      direction.heldBytes -= moved;
      direction.movedBytes += moved;
    }
    if (direction.pipe !== undefined) {
      this.#givePipe(direction.pipe);
      direction.pipe = undefined;
    }
    return 'drained';
  }

  #takePipe(): Pipe | undefined {
    const idle = this.#idlePipes.pop();
    if (idle !== undefined) return idle;
    const { libc } = this.#ffi;
    const { words, address } = this.#argument;
    if (libc.pipe2(address, O_CLOEXEC | O_NONBLOCK) < 0) return undefined;
    const [read = NO_DESCRIPTOR, write = NO_DESCRIPTOR] = words;
    const isLarge =
      this.#largePipes < LARGE_PIPES && libc.fcntl(write, F_SETPIPE_SZ, PIPE_BYTES) === PIPE_BYTES;
    if (isLarge) this.#largePipes += 1;
    return { read, write, isLarge };
  }

  #givePipe(pipe: Pipe): void {
    if (this.#idlePipes.length < POOLED_PIPES) this.#idlePipes.push(pipe);
    else this.#closePipe(pipe);
  }

  #closePipe(pipe: Pipe): void {
    this.#ffi.libc.close(pipe.read);
    this.#ffi.libc.close(pipe.write);
    if (pipe.isLarge) this.#largePipes -= 1;
  }

  #end(pair: Pair): void {
    if (pair.isClosed) return;
    pair.isClosed = true;
    this.#size -= 1;
    this.#pairs[pair.id] = undefined;
    for (const direction of pair.directions) {
      this.#ffi.libc.close(direction.from);
      if (direction.pipe !== undefined) this.#closePipe(direction.pipe);
      direction.pipe = undefined;
    }
    this.#closed.push(pair);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || (this.#unfinished.length === 0 && this.#closed.length === 0)) return;
    this.#isScheduled = true;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#isScheduled = false;
    const unfinished = this.#unfinished;
    this.#unfinished = [];
    for (const pair of unfinished) {
      pair.isQueued = false;
      if (pair.isClosed) continue;
      const [forward, backward] = pair.directions;
      this.#settle(pair, this.#move(pair, forward) && this.#move(pair, backward));
    }
    const closed = this.#closed;
    this.#closed = [];
    for (const pair of closed) {
      // Events of the old pair that were fetched before it ended have been passed over by now.
      this.#freeIds.push(pair.id);
      pair.onClosed();
    }
    this.#schedule();
  }
}

function pinWords(ffi: Ffi, sizeBytes: number): { readonly words: Int32Array; readonly address: bigint } {
  const { bytes, address } = pinBytes(ffi, sizeBytes);
  return { words: new Int32Array(bytes.buffer, bytes.byteOffset, sizeBytes / 4), address };
}
