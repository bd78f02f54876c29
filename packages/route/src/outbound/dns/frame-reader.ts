import { once } from 'node:events';
import type { Duplex } from 'node:stream';

const LENGTH_BYTES = 2;

/** Takes DNS messages, each behind its two-byte length, off a stream; reads no further than the one asked for. */
export class FrameReader {
  readonly #stream: Duplex;
  #buffered: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.once('end', () => {
      this.#ended = true;
    });
    stream.once('close', () => {
      this.#ended = true;
    });
  }

  /** The next message; `undefined` when the stream has ended, even in the middle of one. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const message = this.#take();
      if (message !== undefined) return message;
      const chunk: unknown = this.#stream.read();
      if (Buffer.isBuffer(chunk)) this.#buffered = Buffer.concat([this.#buffered, chunk]);
      else if (this.#ended) return undefined;
      else await firstEvent(this.#stream, ['readable', 'end', 'close']);
    }
  }

  #take(): Buffer | undefined {
    if (this.#buffered.length < LENGTH_BYTES) return undefined;
    const end = LENGTH_BYTES + this.#buffered.readUInt16BE(0);
    if (this.#buffered.length < end) return undefined;
    const message = this.#buffered.subarray(LENGTH_BYTES, end);
    this.#buffered = this.#buffered.subarray(end);
    return message;
  }
}

/** Waits for whichever of the events comes first. */
export async function firstEvent(stream: Duplex, events: readonly string[]): Promise<void> {
  const others = new AbortController();
  const waits = events.map((event) => once(stream, event, { signal: others.signal }));
  const first = Promise.race(waits);
  await Promise.allSettled([first]);
  others.abort();
  await Promise.allSettled(waits);
}
