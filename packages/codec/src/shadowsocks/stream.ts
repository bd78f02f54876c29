import {
  AEAD_TAG_BYTES,
  type AeadAlgorithm,
  type AeadFactory,
  type AeadOpener,
  type AeadSealer,
} from '@sluice/base/aead';
import { ProtocolError } from '@sluice/base/errors';
import { deriveSubkey, shadowsocksSaltBytes } from './keys.ts';

/** What both directions of a Shadowsocks server's connections have in common; `masterKey` comes from `deriveMasterKey`. */
export type ShadowsocksCipher = {
  readonly algorithm: AeadAlgorithm;
  readonly masterKey: Uint8Array;
  readonly aead: AeadFactory;
};

/** Longest payload of one chunk; the two upper bits of the length are reserved (SIP004). */
export const SHADOWSOCKS_CHUNK_LIMIT_BYTES = 0x3fff;

const LENGTH_BYTES = 2;
const SEALED_LENGTH_BYTES = LENGTH_BYTES + AEAD_TAG_BYTES;

/**
 * The sending direction of a connection: `salt ‖ (AEAD(length 2) ‖ AEAD(payload))*`. The first plaintext of a client is
 * the SOCKS address of the destination, best joined with the first payload.
 */
export class ShadowsocksEncoder {
  readonly #sealer: AeadSealer;
  #salt: Uint8Array | undefined;

  /** `salt` is random, never used before, of `shadowsocksSaltBytes(algorithm)` bytes. */
  constructor(cipher: ShadowsocksCipher, salt: Uint8Array) {
    this.#sealer = cipher.aead.sealer(cipher.algorithm, deriveSubkey(cipher.masterKey, salt));
    this.#salt = salt;
  }

  /** The bytes for the wire, in one new buffer; `plain` is only read during the call and may be reused. */
  encode(plain: Uint8Array): Buffer {
    const salt = this.#salt;
    this.#salt = undefined;
    const chunks = Math.ceil(plain.byteLength / SHADOWSOCKS_CHUNK_LIMIT_BYTES);
    const overhead = chunks * (SEALED_LENGTH_BYTES + AEAD_TAG_BYTES) + (salt?.byteLength ?? 0);
    const output = Buffer.allocUnsafe(plain.byteLength + overhead);
    let at = 0;
    if (salt !== undefined) {
      output.set(salt);
      at = salt.byteLength;
    }
    for (let from = 0; from < plain.byteLength; from += SHADOWSOCKS_CHUNK_LIMIT_BYTES) {
      const length = Math.min(SHADOWSOCKS_CHUNK_LIMIT_BYTES, plain.byteLength - from);
      output.writeUInt16BE(length, at);
      this.#sealer.seal(output, at, LENGTH_BYTES, output, at);
      at += SEALED_LENGTH_BYTES;
      this.#sealer.seal(plain, from, length, output, at);
      at += length + AEAD_TAG_BYTES;
    }
    return output;
  }

  /** Frees the cipher; call it exactly when the connection ends. */
  close(): void {
    this.#sealer.close();
  }
}

/** The receiving direction of a connection. */
export class ShadowsocksDecoder {
  readonly #cipher: ShadowsocksCipher;
  #opener: AeadOpener | undefined;
  #closed = false;
  /** Length of the payload that comes next, `undefined` while its length is still to come. */
  #payloadBytes: number | undefined;
  /** The beginning of a unit (salt, sealed length or sealed payload) whose rest has not arrived. */
  #carry: Uint8Array | undefined;
  #carried = 0;

  constructor(cipher: ShadowsocksCipher) {
    this.#cipher = cipher;
  }

  /**
   * The plaintext that `chunk` completes, in one new buffer, possibly empty.
   * @throws ProtocolError `wrong-tag` (wrong password or damaged bytes) or `payload-too-long`; then close the connection
   */
  decode(chunk: Uint8Array): Buffer {
    if (this.#closed) throw new ProtocolError('closed', 0);
    const output = Buffer.allocUnsafe(this.#carried + chunk.byteLength);
    let written = 0;
    let offset = 0;
    for (;;) {
      const needed = this.#neededBytes();
      const available = chunk.byteLength - offset;
      if (this.#carried === 0 && available >= needed) {
        written += this.#readUnit(chunk, offset, output, written);
        offset += needed;
        continue;
      }
      if (available === 0) break;
      const taken = Math.min(needed - this.#carried, available);
      this.#carry ??= new Uint8Array(needed);
      this.#carry.set(chunk.subarray(offset, offset + taken), this.#carried);
      this.#carried += taken;
      offset += taken;
      if (this.#carried < needed) break;
      const unit = this.#carry;
      this.#carry = undefined;
      this.#carried = 0;
      written += this.#readUnit(unit, 0, output, written);
    }
    return output.subarray(0, written);
  }

  /** Frees the cipher; call it exactly when the connection ends. */
  close(): void {
    this.#closed = true;
    this.#opener?.close();
    this.#opener = undefined;
    this.#carry = undefined;
  }

  #neededBytes(): number {
    if (this.#opener === undefined) return shadowsocksSaltBytes(this.#cipher.algorithm);
    return this.#payloadBytes === undefined ? SEALED_LENGTH_BYTES : this.#payloadBytes + AEAD_TAG_BYTES;
  }

  /** Consumes one complete unit and returns how many bytes of plaintext it wrote. */
  #readUnit(source: Uint8Array, offset: number, output: Buffer, at: number): number {
    const { algorithm, masterKey, aead } = this.#cipher;
    if (this.#opener === undefined) {
      const salt = source.subarray(offset, offset + shadowsocksSaltBytes(algorithm));
      this.#opener = aead.opener(algorithm, deriveSubkey(masterKey, salt));
      return 0;
    }
    const payloadBytes = this.#payloadBytes;
    if (payloadBytes !== undefined) {
      this.#openOrFail(this.#opener, source, offset, payloadBytes, output, at);
      this.#payloadBytes = undefined;
      return payloadBytes;
    }
    // The two bytes fit: the plaintext of the units so far is shorter than their ciphertext.
    this.#openOrFail(this.#opener, source, offset, LENGTH_BYTES, output, at);
    const length = output.readUInt16BE(at);
    if (length > SHADOWSOCKS_CHUNK_LIMIT_BYTES) throw this.#fail('payload-too-long', offset);
    this.#payloadBytes = length;
    return 0;
  }

  #openOrFail(
    opener: AeadOpener,
    source: Uint8Array,
    offset: number,
    length: number,
    output: Buffer,
    at: number,
  ): void {
    if (!opener.open(source, offset, length, output, at)) throw this.#fail('wrong-tag', offset);
  }

  #fail(code: string, offset: number): ProtocolError {
    this.close();
    return new ProtocolError(code, offset);
  }
}
