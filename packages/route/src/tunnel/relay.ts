import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ReadBuffer } from './read-buffer.ts';
import { canTakeOver, takeOver } from './takeover.ts';

/** Whoever keeps count of relayed bytes. */
export type ByteCounter = { countUpload(bytes: number): void; countDownload(bytes: number): void };

/** A relay that is running. */
export type Relay = {
  /** Resolves when both sides are closed; never rejects. */
  readonly finished: Promise<void>;
  /** Ends both sides at once. */
  close(): void;
};

const EMPTY = Buffer.alloc(0);

/**
 * Copies both ways between two paused streams until both have ended. The end of one direction half-closes the other side;
 * a failure of either side closes both. Neither side is read faster than the other is written.
 */
export function startRelay(client: Duplex, upstream: Duplex, counter: ByteCounter): Relay {
  return canTakeOver(client) && canTakeOver(upstream)
    ? relaySockets(client, upstream, counter)
    : relayStreams(client, upstream, counter);
}

function relaySockets(client: Socket, upstream: Socket, counter: ByteCounter): Relay {
  const up = new Direction(client, (bytes) => counter.countUpload(bytes));
  const down = new Direction(upstream, (bytes) => counter.countDownload(bytes));
  const relay = closeTogether(up.from, down.from);
  void relay.finished.then(() => {
    up.buffer.release();
    down.buffer.release();
  });
  up.run(down.from);
  down.run(up.from);
  return relay;
}

/** One way of a relay between sockets: reads into one buffer of its own, which is free again once the peer's write took it. */
class Direction {
  readonly buffer = new ReadBuffer();
  readonly from: Socket;
  readonly #count: (bytes: number) => void;
  readonly #readAhead: Uint8Array;
  readonly #resume = () => void this.from.resume();
  #to: Socket | undefined;

  constructor(old: Socket, count: (bytes: number) => void) {
    const { socket, readAhead } = takeOver(old, {
      buffer: () => this.buffer.current,
      callback: (length, buffer) => this.#forward(length, buffer),
    });
    this.from = socket;
    this.#readAhead = readAhead;
    this.#count = count;
  }

  run(to: Socket): void {
    this.#to = to;
    if (this.#readAhead.length > 0) {
      this.#count(this.#readAhead.length);
      to.write(this.#readAhead);
    }
    this.from.once('end', () => to.end());
    this.from.resume();
  }

  #forward(length: number, buffer: Uint8Array): boolean {
    const to = this.#to;
    if (to === undefined) return false;
    this.#count(length);
    to.write(length === buffer.length ? buffer : buffer.subarray(0, length));
    if (to.writableLength === 0) {
      this.buffer.note(length);
      return true;
    }
    // The kernel took only a part, so the buffer is still in use: an empty write is called back when it no longer is.
    to.write(EMPTY, this.#resume);
    return false;
  }
}

function relayStreams(client: Duplex, upstream: Duplex, counter: ByteCounter): Relay {
  const relay = closeTogether(client, upstream);
  pump(client, upstream, (bytes) => counter.countUpload(bytes));
  pump(upstream, client, (bytes) => counter.countDownload(bytes));
  return relay;
}

function pump(from: Duplex, to: Duplex, count: (bytes: number) => void): void {
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.once('end', () => to.end());
  // Whoever read before may have left the stream paused.
  from.resume();
}

function closeTogether(a: Duplex, b: Duplex): Relay {
  const finished = Promise.withResolvers<void>();
  const close = () => {
    a.destroy();
    b.destroy();
    finished.resolve();
  };
  const watch = (side: Duplex, other: Duplex) => {
    // The close that follows an error ends the relay.
    side.on('error', close);
    side.once('close', () => {
      const ended = side.readableEnded && side.writableFinished && other.readableEnded;
      // An orderly end leaves the other side time to write what it still holds.
      if (!ended || other.closed) close();
    });
  };
  watch(a, b);
  watch(b, a);
  if (a.destroyed || b.destroyed) close();
  return { finished: finished.promise, close };
}
