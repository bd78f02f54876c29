import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { DatagramEngine, DatagramHandlers, DatagramPeer, DatagramSocket } from './datagram-engine.ts';
import { type Ffi, type PinnedBytes, pinBytes } from './ffi.ts';
import { ReceiveMemory, SendMemory } from './message-memory.ts';
import type { NativeSockets } from './native-sockets.ts';
import { namedEndpoint, PeerTable } from './peer-table.ts';
import { FAMILY_IPV4, FAMILY_IPV6, familyOf } from './socket-address.ts';
import { IPV6_ONLY, LEVEL_IPV6, LEVEL_SOCKET, SO_RECEIVE_BUFFER } from './socket-constants.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x1;
// The structure is packed on x86-64 only.
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EVENT_WORDS = EVENT_BYTES / 4;
const EVENT_DATA_WORD = process.arch === 'x64' ? 1 : 2;
const EVENTS = 64;
/** Rounds in a row before other work gets its turn. */
const ROUNDS_PER_TURN = 4;
const BATCH = 64;
/** Several small batches are answered in one call. */
const SLOTS = 2 * BATCH;
const LISTENER_BUFFER_BYTES = 4 << 20;
const TRY_AGAIN = 11;
const INTERRUPTED = 4;
const SO_ERROR = 4;
/** A socket that has only errors to tell, so many times in a row, is given up. */
const ERRORS_IN_A_ROW = 32;
const NOTHING = new Uint8Array(0);

/**
 * UDP sockets in one epoll set that the event loop watches; one call moves up to 64 datagrams, and what is only passed on is
 * never copied in this process.
 */
export class BatchDatagrams implements DatagramEngine {
  readonly #ffi: Ffi;
  readonly #sockets: NativeSockets;
  readonly #epoll: number;
  readonly #events: PinnedBytes;
  readonly #eventWords: Int32Array;
  readonly #argument: PinnedBytes;
  readonly #argumentWords: Int32Array;
  readonly #received: ReceiveMemory;
  readonly #outgoing: SendMemory;
  /** By descriptor. */
  readonly #open = new Map<number, BatchSocket>();
  /** Slots that hold datagrams which may wait to be sent from there. */
  #usedSlots = 0;
  #isServing = false;
  #isScheduled = false;

  constructor(ffi: Ffi, sockets: NativeSockets) {
    this.#ffi = ffi;
    this.#sockets = sockets;
    this.#events = pinBytes(ffi, EVENT_BYTES * EVENTS);
    this.#eventWords = new Int32Array(this.#events.bytes.buffer);
    this.#argument = pinBytes(ffi, EVENT_BYTES);
    this.#argumentWords = new Int32Array(this.#argument.bytes.buffer);
    this.#received = new ReceiveMemory(ffi, SLOTS);
    this.#outgoing = new SendMemory(ffi, BATCH, this.#received);
    this.#epoll = ffi.libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw new Error(`epoll_create1 failed with errno ${ffi.errno()}`);
    sockets.watch(this.#epoll, () => this.#serve());
  }

  /** Sends a datagram to itself. @throws Error when the system does not let it */
  test(): void {
    let answer = '';
    const fd = this.#bind(FAMILY_IPV4, { host: '127.0.0.1', port: 0 });
    try {
      const local = this.#sockets.localAddress(fd);
      if (local === undefined) throw new Error('a socket without an address');
      this.#outgoing.put(fd, Buffer.from('a'), Buffer.from('b'), namedEndpoint(local, FAMILY_IPV4).name);
      this.#outgoing.flush();
      const received = this.#received.receive(fd, 0, 1);
      if (received < 0) throw new Error(`recvmmsg failed with errno ${-received}`);
      answer = Buffer.from(this.#received.view(0) ?? NOTHING).toString();
    } finally {
      this.#sockets.close(fd);
    }
    if (answer !== 'ab') throw new Error('a datagram to itself did not come');
  }

  async listen(
    { host, port }: Endpoint,
    handlers: DatagramHandlers,
  ): Promise<{ readonly socket: DatagramSocket; readonly local: Endpoint }> {
    const family = familyOf(host);
    const fd = this.#bind(family, { host, port }, (each) => {
      this.#sockets.setOption(each, LEVEL_SOCKET, SO_RECEIVE_BUFFER, LISTENER_BUFFER_BYTES, 'SO_RCVBUF');
      if (family === FAMILY_IPV6) this.#sockets.setOption(each, LEVEL_IPV6, IPV6_ONLY, 0, 'IPV6_V6ONLY');
    });
    const local = this.#sockets.localAddress(fd) ?? { host, port };
    return { socket: this.adopt(fd, family === FAMILY_IPV4 ? 4 : 6, handlers), local };
  }

  open(family: 4 | 6, host: string, handlers: DatagramHandlers): DatagramSocket {
    const fd = this.#bind(family === 4 ? FAMILY_IPV4 : FAMILY_IPV6, { host, port: 0 }, (each) => {
      if (family === 6) this.#sockets.setOption(each, LEVEL_IPV6, IPV6_ONLY, 1, 'IPV6_V6ONLY');
    });
    return this.adopt(fd, family, handlers);
  }

  adopt(fd: number, family: 4 | 6, handlers: DatagramHandlers): DatagramSocket {
    this.#argumentWords[0] = EPOLLIN;
    this.#argumentWords[EVENT_DATA_WORD] = fd;
    this.#argumentWords[EVENT_DATA_WORD + 1] = 0;
    if (this.#ffi.libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.#argument.address) < 0) {
      const errno = this.#ffi.errno();
      this.#sockets.close(fd);
      throw new GatewayError('unavailable', 'native.socket', `epoll_ctl failed with errno ${errno}`);
    }
    const socket = new BatchSocket(fd, family, handlers, this);
    this.#open.set(fd, socket);
    if (handlers.onBound !== undefined)
      handlers.onBound(this.#sockets.localAddress(fd) ?? { host: '', port: 0 });
    return socket;
  }

  /** Of the sockets: adds a datagram, to leave at the end of this turn at the latest. */
  send(fd: number, header: Uint8Array, data: Uint8Array, name: Int32Array): void {
    this.#outgoing.put(fd, header, data, name);
    if (this.#isServing || this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#outgoing.flush();
    });
  }

  /** Of the sockets: what was added leaves first. */
  close(fd: number): void {
    this.#outgoing.flush();
    this.#open.delete(fd);
    this.#sockets.close(fd);
  }

  #bind(family: number, place: Endpoint, prepare?: (fd: number) => void): number {
    const fd = this.#sockets.open(family, 'datagram');
    try {
      prepare?.(fd);
      this.#sockets.bind(fd, family, place);
      return fd;
    } catch (error) {
      this.#sockets.close(fd);
      throw error;
    }
  }

  #serve(): void {
    this.#isServing = true;
    try {
      for (let round = 0; round < ROUNDS_PER_TURN; round++) {
        const count = this.#ffi.libc.epoll_wait(this.#epoll, this.#events.address, EVENTS, 0);
        for (let event = 0; event < count; event++) {
          const socket = this.#open.get(this.#eventWords[event * EVENT_WORDS + EVENT_DATA_WORD] as number);
          if (socket !== undefined) this.#receive(socket);
        }
        if (count <= 0) break;
      }
    } finally {
      this.#isServing = false;
      this.#sendAll();
    }
  }

  #receive(socket: BatchSocket): void {
    if (this.#usedSlots + BATCH > SLOTS) this.#sendAll();
    const first = this.#usedSlots;
    const count = this.#received.receive(socket.fd, first, BATCH);
    if (count < 0) {
      this.#failed(socket, -count);
      return;
    }
    socket.errorsInARow = 0;
    this.#usedSlots = first + count;
    for (let slot = first; slot < first + count && !socket.isClosed; slot++) {
      const data = this.#received.view(slot);
      const from = socket.peers.find(this.#received.names, slot);
      if (data !== undefined && from !== undefined) socket.handlers.onDatagram(data, from);
    }
  }

  #failed(socket: BatchSocket, errno: number): void {
    if (errno === TRY_AGAIN || errno === INTERRUPTED) return;
    // Reading the error takes it away, so that the socket is no longer readable because of it.
    this.#sockets.option(socket.fd, LEVEL_SOCKET, SO_ERROR);
    if (++socket.errorsInARow < ERRORS_IN_A_ROW) return;
    socket.close();
    socket.handlers.onError(new Error(`receiving failed with errno ${errno}`));
  }

  #sendAll(): void {
    this.#outgoing.flush();
    this.#usedSlots = 0;
  }
}

class BatchSocket implements DatagramSocket {
  readonly fd: number;
  readonly handlers: DatagramHandlers;
  readonly peers: PeerTable;
  readonly #family: number;
  readonly #engine: BatchDatagrams;
  errorsInARow = 0;
  isClosed = false;

  constructor(fd: number, family: 4 | 6, handlers: DatagramHandlers, engine: BatchDatagrams) {
    this.fd = fd;
    this.handlers = handlers;
    this.peers = new PeerTable(family);
    this.#family = family === 4 ? FAMILY_IPV4 : FAMILY_IPV6;
    this.#engine = engine;
  }

  peer(place: Endpoint): DatagramPeer {
    return namedEndpoint(place, this.#family);
  }

  send(data: Uint8Array, to: DatagramPeer, header: Uint8Array): void {
    if (!this.isClosed) this.#engine.send(this.fd, header, data, to.name);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#engine.close(this.fd);
  }
}
