/** Authenticated ciphers with a 12-byte nonce and a 16-byte tag, by their Shadowsocks names. */
export const AEAD_ALGORITHMS = [
  'aes-128-gcm',
  'aes-192-gcm',
  'aes-256-gcm',
  'chacha20-ietf-poly1305',
] as const;
export type AeadAlgorithm = (typeof AEAD_ALGORITHMS)[number];

export const AEAD_TAG_BYTES = 16;
export const AEAD_NONCE_BYTES = 12;

/** Key length of an algorithm in bytes. */
export function aeadKeyBytes(algorithm: AeadAlgorithm): number {
  if (algorithm === 'aes-128-gcm') return 16;
  return algorithm === 'aes-192-gcm' ? 24 : 32;
}

/**
 * One direction of an encrypted stream. The nonce is a little-endian counter that starts at 0 and moves by one with each
 * call. `output` may be `source` when both offsets are equal. After `close` the session must not be used.
 */
export interface AeadSealer {
  /** Writes `length` bytes of ciphertext and the tag to `output`. */
  seal(
    source: Uint8Array,
    sourceOffset: number,
    length: number,
    output: Uint8Array,
    outputOffset: number,
  ): void;
  close(): void;
}

/** The receiving side of an `AeadSealer`. */
export interface AeadOpener {
  /** Reads `length` bytes of ciphertext and the tag behind them; false, with rubbish in `output`, when the tag is wrong. */
  open(
    source: Uint8Array,
    sourceOffset: number,
    length: number,
    output: Uint8Array,
    outputOffset: number,
  ): boolean;
  close(): void;
}

/** Makes sealing and opening sessions; `key` must have `aeadKeyBytes(algorithm)` bytes. */
export interface AeadFactory {
  readonly engine: string;
  sealer(algorithm: AeadAlgorithm, key: Uint8Array): AeadSealer;
  opener(algorithm: AeadAlgorithm, key: Uint8Array): AeadOpener;
}

/** Moves a little-endian counter of nonce length by one. */
export function incrementNonce(nonce: Uint8Array): void {
  for (let index = 0; index < nonce.length; index++) {
    const next = ((nonce[index] as number) + 1) & 0xff;
    nonce[index] = next;
    if (next !== 0) return;
  }
}
