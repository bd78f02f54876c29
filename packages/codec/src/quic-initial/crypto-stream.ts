import { ProtocolError } from '@sluice/base/errors';

/** Most bytes of handshake that are put together, and most pieces they may come in. */
export const MAX_CRYPTO_BYTES = 16_384;
const MAX_PIECES = 128;

type Piece = { readonly start: number; readonly bytes: Uint8Array };

/** Puts CRYPTO frames (RFC 9000 §19.6) together that come in any order, more than once, or overlapping. */
export class CryptoStream {
  readonly #pieces: Piece[] = [];

  /** @throws ProtocolError `crypto-too-large`, `crypto-too-many-pieces` */
  add(start: number, bytes: Uint8Array): void {
    if (start + bytes.length > MAX_CRYPTO_BYTES) throw new ProtocolError('crypto-too-large', start);
    if (bytes.length === 0) return;
    if (this.#pieces.length >= MAX_PIECES) throw new ProtocolError('crypto-too-many-pieces', start);
    const before = this.#pieces.findLastIndex((piece) => piece.start <= start);
    this.#pieces.splice(before + 1, 0, { start, bytes: Uint8Array.from(bytes) });
  }

  /** The bytes from the start to the first gap. */
  prefix(): Buffer {
    const parts: Uint8Array[] = [];
    let end = 0;
    for (const { start, bytes } of this.#pieces) {
      if (start > end) break;
      if (start + bytes.length <= end) continue;
      parts.push(bytes.subarray(end - start));
      end = start + bytes.length;
    }
    return Buffer.concat(parts);
  }
}
