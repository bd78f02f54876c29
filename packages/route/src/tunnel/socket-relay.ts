import type { Socket } from 'node:net';
import type { SplicedPair, SpliceEngine } from '@sluice/core/native/splice-engine';
import { closeTogether } from './close-together.ts';
import { ReadBuffer } from './read-buffer.ts';
import type { ByteCounter, Relay } from './relay.ts';
import { canTakeOver, descriptorOf, detach, takeOver } from './takeover.ts';
import type { ByteMeter } from './tracker.ts';

const EMPTY = Buffer.alloc(0);
/** Connections that carry less than this do not earn what handing them over costs. */
const HAND_OVER_BYTES = 262_144;

/** Both ways between two sockets: through buffers that grow at first, inside the kernel once much has passed. */
export class SocketRelay implements Relay {
  readonly finished: Promise<void>;
  readonly #counter: ByteCounter;
  readonly #engine: SpliceEngine | undefined;
  readonly #up: Direction;
  readonly #down: Direction;
  readonly #sides: Relay;
  #passedBytes = 0;
  #isAsked = false;
  #spliced: SplicedPair | undefined;
  #stopCounting: () => void = () => undefined;

  constructor(client: Socket, upstream: Socket, counter: ByteCounter, engine: SpliceEngine | undefined) {
    this.#counter = counter;
    this.#engine = engine;
    this.#up = new Direction(client, (bytes) => this.#passed(bytes, 'up'));
    this.#down = new Direction(upstream, (bytes) => this.#passed(bytes, 'down'));
    this.#sides = closeTogether(this.#up.from, this.#down.from);
    this.finished = this.#sides.finished.then(() => this.#release());
    this.#up.run(this.#down.from);
    this.#down.run(this.#up.from);
  }

  close(): void {
    if (this.#spliced === undefined) this.#sides.close();
    else this.#spliced.close();
  }

  #passed(bytes: number, way: 'up' | 'down'): void {
    if (way === 'up') this.#counter.countUpload(bytes);
    else this.#counter.countDownload(bytes);
    this.#passedBytes += bytes;
    if (this.#engine === undefined || this.#isAsked || this.#passedBytes < HAND_OVER_BYTES) return;
    this.#isAsked = true;
    // Not now: the runtime is in the middle of reading.
    setImmediate(() => this.#handOver());
  }

  #handOver(): void {
    const [client, upstream] = [this.#up.from, this.#down.from];
    const engine = this.#engine;
    if (client.destroyed || upstream.destroyed || engine === undefined) return;
    if (!canTakeOver(client) || !canTakeOver(upstream)) {
      // Something is still being written: the next bytes ask again. An end of either side stays for good.
      this.#isAsked = client.readableEnded || upstream.readableEnded;
      return;
    }
    try {
      this.#spliced = engine.join(descriptorOf(client), descriptorOf(upstream), () => this.#ended());
    } catch {
      // Out of descriptors: the relay goes on as it is.
      return;
    }
    this.#stopCounting = this.#counter.observe(meterOf(this.#spliced));
    detach(client);
    detach(upstream);
    this.#release();
  }

  #ended(): void {
    this.#stopCounting();
    this.#sides.close();
  }

  #release(): void {
    this.#up.buffer.release();
    this.#down.buffer.release();
  }
}

function meterOf(pair: SplicedPair): ByteMeter {
  return {
    get bytesWritten() {
      return pair.forward;
    },
    get bytesRead() {
      return pair.backward;
    },
  };
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
