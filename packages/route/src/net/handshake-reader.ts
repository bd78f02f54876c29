import type { Duplex } from 'node:stream';
import { ProtocolError } from '@sluice/base/errors';
import { ChunkReader } from './chunk-reader.ts';

/** A message at the front of the bytes and its size; `undefined` asks for more bytes. */
export type MessageParser<T> = (
  bytes: Uint8Array,
) => { readonly value: T; readonly sizeBytes: number } | undefined;

/** Reads whole messages from a paused stream before its bytes become opaque; what is left over goes back to the stream. */
export class HandshakeReader {
  readonly #chunks: ChunkReader;
  readonly #limitBytes: number;
  readonly #signal: AbortSignal | undefined;
  #bytes: Uint8Array = new Uint8Array(0);

  /** `signal` ends the wait; a message longer than `limitBytes` is refused. */
  constructor(stream: Duplex, limitBytes: number, signal?: AbortSignal) {
    this.#chunks = new ChunkReader(stream);
    this.#limitBytes = limitBytes;
    this.#signal = signal;
  }

  /**
   * The next message.
   * @throws ProtocolError `truncated` when the peer ended, `message-too-long`, or the parser's own; GatewayError `timeout`
   */
  async read<T>(parse: MessageParser<T>): Promise<T> {
    for (;;) {
      const message = parse(this.#bytes);
      if (message !== undefined) {
        this.#bytes = this.#bytes.subarray(message.sizeBytes);
        return message.value;
      }
      if (this.#bytes.length >= this.#limitBytes)
        throw new ProtocolError('message-too-long', this.#bytes.length);
      const chunk = await this.#chunks.next(this.#signal);
      if (chunk === undefined) throw new ProtocolError('truncated', this.#bytes.length, 'EOF');
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    }
  }

  /** Gives the bytes read beyond the last message back to the stream and lets go of it. */
  release(): void {
    this.#chunks.unread(this.#bytes);
    this.#chunks.release();
    this.#bytes = new Uint8Array(0);
  }
}
