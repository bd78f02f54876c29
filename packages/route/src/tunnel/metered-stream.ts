import { Duplex } from 'node:stream';
import type { ByteCounter } from './relay.ts';

/** Passes everything between its user and an upstream stream, counting both ways. */
export class MeteredStream extends Duplex {
  readonly #upstream: Duplex;
  readonly #counter: ByteCounter;

  /** Takes over `upstream`, which must be paused. */
  constructor(upstream: Duplex, counter: ByteCounter) {
    super({ allowHalfOpen: true });
    this.#upstream = upstream;
    this.#counter = counter;
    upstream.on('data', (chunk: Buffer) => {
      counter.countDownload(chunk.length);
      if (!this.push(chunk)) upstream.pause();
    });
    upstream.once('end', () => this.push(null));
    upstream.on('error', (error) => this.destroy(error));
    upstream.once('close', () => {
      if (!upstream.readableEnded) this.destroy();
    });
    upstream.pause();
    // An error before the user listens must not end the process; the close that follows it is seen in any case.
    this.on('error', () => this.destroy());
  }

  override _read(): void {
    this.#upstream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#counter.countUpload(chunk.length);
    this.#upstream.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#upstream.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#upstream.destroy();
    done(error);
  }
}
