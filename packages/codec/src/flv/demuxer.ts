import { ByteQueue } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { FLV_TAG_HEADER_BYTES, type FlvTag, parseFlvHeader } from './tag.ts';

/** What an FLV stream contains, in order. */
export type FlvEvent =
  | { readonly type: 'header'; readonly video: boolean; readonly audio: boolean }
  | { readonly type: 'tag'; readonly tag: FlvTag };

/** Splits a byte stream into FLV tags; tag bodies are views on the received bytes where these were contiguous. */
export class FlvDemuxer {
  readonly #queue: ByteQueue;
  readonly #maxTagBytes: number;
  #state: 'header' | 'skip' | 'tag' = 'header';
  #skipBytes = 0;

  /** `maxTagBytes` bounds one tag body. */
  constructor(options: { readonly maxTagBytes?: number } = {}) {
    this.#maxTagBytes = options.maxTagBytes ?? 8 * 1024 * 1024;
    this.#queue = new ByteQueue(this.#maxTagBytes + 1024 * 1024);
  }

  /** Takes the next received bytes and returns what became complete. @throws ProtocolError */
  push(bytes: Uint8Array): FlvEvent[] {
    this.#queue.push(bytes);
    const events: FlvEvent[] = [];
    for (;;) {
      const event = this.#next();
      if (event === undefined) return events;
      if (event !== 'again') events.push(event);
    }
  }

  #next(): FlvEvent | 'again' | undefined {
    if (this.#state === 'header') return this.#header();
    if (this.#state === 'skip') {
      if (this.#queue.take(this.#skipBytes) === undefined) return undefined;
      this.#state = 'tag';
      return 'again';
    }
    return this.#tag();
  }

  #header(): FlvEvent | undefined {
    const bytes = this.#queue.peek(9);
    if (bytes === undefined) return undefined;
    const { video, audio, dataOffset } = parseFlvHeader(bytes);
    this.#state = 'skip';
    this.#skipBytes = dataOffset + 4;
    return { type: 'header', video, audio };
  }

  /** Tag header, body and the PreviousTagSize after it; a size of 0 is written by some encoders. */
  #tag(): FlvEvent | undefined {
    const head = this.#queue.peek(FLV_TAG_HEADER_BYTES);
    if (head === undefined) return undefined;
    const view = Buffer.from(head.buffer, head.byteOffset, FLV_TAG_HEADER_BYTES);
    const size = view.readUIntBE(1, 3);
    if (size > this.#maxTagBytes) throw new ProtocolError('flv-tag-too-large', 1);
    const total = FLV_TAG_HEADER_BYTES + size + 4;
    const whole = this.#queue.take(total);
    if (whole === undefined) return undefined;
    const all = Buffer.from(whole.buffer, whole.byteOffset, total);
    const previousTagSize = all.readUInt32BE(total - 4);
    if (previousTagSize !== 0 && previousTagSize !== FLV_TAG_HEADER_BYTES + size) {
      throw new ProtocolError('flv-previous-tag-size', total - 4);
    }
    const timestampMs = ((all.readUIntBE(4, 3) | ((all[7] ?? 0) << 24)) >>> 0) as number;
    const type = (all[0] ?? 0) & 0x1f;
    return {
      type: 'tag',
      tag: { type, timestampMs, data: all.subarray(FLV_TAG_HEADER_BYTES, FLV_TAG_HEADER_BYTES + size) },
    };
  }
}
