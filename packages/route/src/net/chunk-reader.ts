import type { Duplex } from 'node:stream';
import { GatewayError, ProtocolError } from '@sluice/base/errors';

/** Pulls bytes from a paused stream one chunk at a time; nothing is read before it is asked for. */
export class ChunkReader {
  readonly stream: Duplex;
  #unread: Buffer | undefined;

  constructor(stream: Duplex) {
    this.stream = stream;
  }

  /**
   * The next bytes, or `undefined` when the peer has ended.
   * @throws ProtocolError `truncated` when the stream broke; GatewayError kind `timeout` when `signal` aborted first
   */
  async next(signal?: AbortSignal): Promise<Buffer | undefined> {
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread !== undefined) return unread;
    for (;;) {
      const chunk = this.stream.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (signal?.aborted === true)
        throw new GatewayError('timeout', 'route.handshake-timeout', 'peer took too long');
      if (this.stream.readableEnded) return undefined;
      if (this.stream.destroyed)
        throw new ProtocolError('truncated', 0, this.stream.errored?.message ?? 'closed');
      await this.#somethingHappened(signal);
    }
  }

  /** Puts bytes back in front of what is still to come. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#unread = this.#unread === undefined ? buffer : Buffer.concat([buffer, this.#unread]);
  }

  /** Gives what was put back to the stream, for whoever reads it from now on. */
  release(): Duplex {
    if (this.#unread !== undefined) this.stream.unshift(this.#unread);
    this.#unread = undefined;
    return this.stream;
  }

  #somethingHappened(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const { stream } = this;
      const done = () => {
        stream.off('readable', done).off('end', done).off('close', done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      stream.on('readable', done).on('end', done).on('close', done);
      signal?.addEventListener('abort', done);
    });
  }
}
