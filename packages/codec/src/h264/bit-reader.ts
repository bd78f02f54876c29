import { ProtocolError } from '@sluice/base/errors';

/** Reads bits, most significant first, and Exp-Golomb codes (ITU-T H.264 §9.1); running out is a `ProtocolError`. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #bit = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bit(): number {
    const at = this.#bit >> 3;
    const byte = this.#bytes[at];
    if (byte === undefined) throw new ProtocolError('truncated', at);
    const value = (byte >> (7 - (this.#bit & 7))) & 1;
    this.#bit++;
    return value;
  }

  /** Up to 32 bits, unsigned. */
  bits(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value = value * 2 + this.bit();
    return value;
  }

  skip(count: number): void {
    this.#bit += count;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** ue(v), at most `max`. */
  unsignedGolomb(max: number): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros++;
      if (zeros > 31) throw new ProtocolError('golomb-too-long', this.#bit >> 3);
    }
    const value = 2 ** zeros - 1 + this.bits(zeros);
    if (value > max) throw new ProtocolError('golomb-too-large', this.#bit >> 3);
    return value;
  }

  /** se(v). */
  signedGolomb(): number {
    const code = this.unsignedGolomb(0xffffffff);
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}
