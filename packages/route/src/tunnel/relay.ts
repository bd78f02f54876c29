import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SpliceEngine, spliceEngine } from '@sluice/core/native/splice-engine';
import { closeTogether } from './close-together.ts';
import { SocketRelay } from './socket-relay.ts';
import { canTakeOver } from './takeover.ts';
import type { ByteMeter } from './tracker.ts';

/** Whoever keeps count of relayed bytes. */
export type ByteCounter = {
  countUpload(bytes: number): void;
  countDownload(bytes: number): void;
  /** Counts by reading a meter from time to time; the result takes the last reading. */
  observe(meter: ByteMeter): () => void;
};

/** A relay that is running. */
export type Relay = {
  /** Resolves when both sides are closed; never rejects. */
  readonly finished: Promise<void>;
  /** Ends both sides at once. */
  close(): void;
};

/** Most connections carry less than this, and are not worth sockets that read into buffers of ours. */
const TAKE_OVER_BYTES = 32_768;

/**
 * Copies both ways between two paused streams until both have ended. The end of one direction half-closes the other side;
 * a failure of either side closes both. Neither side is read faster than the other is written. Busy pairs of sockets read into
 * buffers that grow, and are handed to the splice engine where there is one.
 */
export function startRelay(
  client: Duplex,
  upstream: Duplex,
  counter: ByteCounter,
  findEngine: () => SpliceEngine | undefined = spliceEngine,
): Relay {
  return canTakeOver(client) && canTakeOver(upstream)
    ? new GradualRelay(client, upstream, counter, findEngine)
    : relayStreams(client, upstream, counter);
}

/** Two sockets that are relayed as streams until they turn out to be busy. */
class GradualRelay implements Relay {
  readonly finished: Promise<void>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #counter: ByteCounter;
  readonly #findEngine: () => SpliceEngine | undefined;
  readonly #pumps: readonly [Pump, Pump];
  #relay: Relay;
  #passedBytes = 0;
  #isAsked = false;

  constructor(
    client: Socket,
    upstream: Socket,
    counter: ByteCounter,
    findEngine: () => SpliceEngine | undefined,
  ) {
    this.#client = client;
    this.#upstream = upstream;
    this.#counter = counter;
    this.#findEngine = findEngine;
    this.#relay = closeTogether(client, upstream);
    this.finished = this.#relay.finished.then(() => this.#relay.finished);
    this.#pumps = [
      new Pump(client, upstream, (bytes) => {
        counter.countUpload(bytes);
        this.#passed(bytes);
      }),
      new Pump(upstream, client, (bytes) => {
        counter.countDownload(bytes);
        this.#passed(bytes);
      }),
    ];
  }

  close(): void {
    this.#relay.close();
  }

  #passed(bytes: number): void {
    this.#passedBytes += bytes;
    if (this.#isAsked || this.#passedBytes < TAKE_OVER_BYTES) return;
    this.#isAsked = true;
    // Not now: the runtime is in the middle of reading.
    setImmediate(() => this.#takeOver());
  }

  #takeOver(): void {
    const [client, upstream] = [this.#client, this.#upstream];
    if (client.destroyed || upstream.destroyed) return;
    if (!canTakeOver(client) || !canTakeOver(upstream)) {
      // Something is still being written: the next bytes ask again. An end of either side stays for good.
      this.#isAsked = client.readableEnded || upstream.readableEnded;
      return;
    }
    for (const pump of this.#pumps) pump.stop();
    this.#relay = new SocketRelay(client, upstream, this.#counter, this.#findEngine());
  }
}

function relayStreams(client: Duplex, upstream: Duplex, counter: ByteCounter): Relay {
  const relay = closeTogether(client, upstream);
  new Pump(client, upstream, (bytes) => counter.countUpload(bytes));
  new Pump(upstream, client, (bytes) => counter.countDownload(bytes));
  return relay;
}

/** One way between two streams. */
class Pump {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #count: (bytes: number) => void;
  readonly #onData = (chunk: Buffer) => this.#forward(chunk);
  readonly #onEnd = () => void this.#to.end();
  readonly #onDrain = () => void this.#from.resume();

  constructor(from: Duplex, to: Duplex, count: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#count = count;
    from.on('data', this.#onData);
    from.once('end', this.#onEnd);
    // Whoever read before may have left the stream paused.
    from.resume();
  }

  /** Leaves the streams paused. */
  stop(): void {
    this.#from.off('data', this.#onData).off('end', this.#onEnd).pause();
    this.#to.off('drain', this.#onDrain);
  }

  #forward(chunk: Buffer): void {
    this.#count(chunk.length);
    if (this.#to.write(chunk)) return;
    this.#from.pause();
    this.#to.once('drain', this.#onDrain);
  }
}
