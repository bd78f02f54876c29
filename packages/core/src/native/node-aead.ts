import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import {
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  type AeadAlgorithm,
  type AeadFactory,
  type AeadOpener,
  type AeadSealer,
  incrementNonce,
} from '@sluice/base/aead';

const OPTIONS = { authTagLength: AEAD_TAG_BYTES };

/** AEAD on the public API of `node:crypto`: one cipher object a message. */
export const nodeAead: AeadFactory = {
  engine: 'node',
  sealer: (algorithm, key) => new NodeSealer(algorithm, key),
  opener: (algorithm, key) => new NodeOpener(algorithm, key),
};

// OpenSSL's names; chacha20-poly1305 takes the same calls as GCM, which its typing does not say.
function cipherName(algorithm: AeadAlgorithm): CipherGCMTypes {
  return algorithm === 'chacha20-ietf-poly1305' ? ('chacha20-poly1305' as CipherGCMTypes) : algorithm;
}

class NodeSealer implements AeadSealer {
  readonly #name: CipherGCMTypes;
  readonly #key;
  readonly #nonce = new Uint8Array(AEAD_NONCE_BYTES);

  constructor(algorithm: AeadAlgorithm, key: Uint8Array) {
    this.#name = cipherName(algorithm);
    this.#key = createSecretKey(key);
  }

  seal(
    source: Uint8Array,
    sourceOffset: number,
    length: number,
    output: Uint8Array,
    outputOffset: number,
  ): void {
    const cipher = createCipheriv(this.#name, this.#key, this.#nonce, OPTIONS);
    output.set(cipher.update(source.subarray(sourceOffset, sourceOffset + length)), outputOffset);
    cipher.final();
    output.set(cipher.getAuthTag(), outputOffset + length);
    incrementNonce(this.#nonce);
  }

  close(): void {
    // Nothing is held outside the heap.
  }
}

class NodeOpener implements AeadOpener {
  readonly #name: CipherGCMTypes;
  readonly #key;
  readonly #nonce = new Uint8Array(AEAD_NONCE_BYTES);

  constructor(algorithm: AeadAlgorithm, key: Uint8Array) {
    this.#name = cipherName(algorithm);
    this.#key = createSecretKey(key);
  }

  open(
    source: Uint8Array,
    sourceOffset: number,
    length: number,
    output: Uint8Array,
    outputOffset: number,
  ): boolean {
    const end = sourceOffset + length;
    const decipher = createDecipheriv(this.#name, this.#key, this.#nonce, OPTIONS);
    decipher.setAuthTag(source.subarray(end, end + AEAD_TAG_BYTES));
    incrementNonce(this.#nonce);
    const plain = decipher.update(source.subarray(sourceOffset, end));
    try {
      decipher.final();
    } catch {
      // The only failure of final() here is a wrong tag, which is the peer's doing and an answer, not an error.
      return false;
    }
    output.set(plain, outputOffset);
    return true;
  }

  close(): void {
    // Nothing is held outside the heap.
  }
}
