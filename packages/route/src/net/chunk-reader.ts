import type { Duplex } from 'node:stream';
import { GatewayError, ProtocolError } from '@sluice/base/errors';

/** Pulls bytes from a paused stream one chunk at a time; nothing is read before it is asked for. */
export class ChunkReader {
  readonly stream: Duplex;
  #unread: Buffer | undefined;
  /** Listeners stay from the first wait to `release`: adding and removing them for every chunk costs more than reading. */
  #listening = false;
  #wake: (() => void) | undefined;
  readonly #onEvent = () => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

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

  /** Lets go of the stream and gives it what was put back, for whoever reads it from now on. */
  release(): Duplex {
    this.detach();
    if (this.#unread !== undefined) this.stream.unshift(this.#unread);
    this.#unread = undefined;
    return this.stream;
  }

  /** Lets go of a stream that nobody is going to read. */
  detach(): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.stream.off('readable', this.#onEvent).off('end', this.#onEvent).off('close', this.#onEvent);
  }

  #somethingHappened(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#listening) {
        this.#listening = true;
        this.stream.on('readable', this.#onEvent).on('end', this.#onEvent).on('close', this.#onEvent);
      }
      if (signal === undefined) {
        this.#wake = resolve;
        return;
      }
      signal.addEventListener('abort', this.#onEvent);
      this.#wake = () => {
        signal.removeEventListener('abort', this.#onEvent);
        resolve();
      };
    });
  }
}
