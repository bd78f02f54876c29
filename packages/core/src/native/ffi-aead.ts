import {
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  type AeadAlgorithm,
  type AeadFactory,
  type AeadOpener,
  type AeadSealer,
  aeadKeyBytes,
  incrementNonce,
} from '@sluice/base/aead';
import { GatewayError } from '@sluice/base/errors';
import { type Ffi, type PinnedBytes, pinBytes } from './ffi.ts';

const CTRL_GET_TAG = 16;
const CTRL_SET_TAG = 17;
const NULL = 0n;
const MAX_KEY_BYTES = 32;
const MAX_LENGTH = 0x7fff_ffff;

/** What the sessions of one thread share: calls are synchronous, so one set of argument memory serves all. */
type Workspace = {
  readonly ffi: Ffi;
  readonly key: PinnedBytes;
  readonly nonce: PinnedBytes;
  readonly written: PinnedBytes;
};

/** AEAD on OpenSSL's own contexts, kept for the life of a session: no object a message and no copy. */
export function createFfiAead(ffi: Ffi): AeadFactory {
  const workspace: Workspace = {
    ffi,
    key: pinBytes(ffi, MAX_KEY_BYTES),
    nonce: pinBytes(ffi, AEAD_NONCE_BYTES),
    written: pinBytes(ffi, 8),
  };
  return {
    engine: 'ffi',
    sealer: (algorithm, key) => new FfiSealer(workspace, algorithm, key),
    opener: (algorithm, key) => new FfiOpener(workspace, algorithm, key),
  };
}

/** A context, its nonce counter, and the addresses of the buffers it met last. */
class FfiSession {
  protected readonly workspace: Workspace;
  protected context: bigint;
  protected readonly nonce = new Uint8Array(AEAD_NONCE_BYTES);
  // Holding the buffer is what keeps the remembered address valid.
  #sourceBuffer: ArrayBufferLike | undefined;
  #sourceAddress = NULL;
  #outputBuffer: ArrayBufferLike | undefined;
  #outputAddress = NULL;

  constructor(workspace: Workspace) {
    this.workspace = workspace;
    this.context = workspace.ffi.openssl.EVP_CIPHER_CTX_new();
    if (this.context === NULL) throw failure('EVP_CIPHER_CTX_new');
  }

  close(): void {
    if (this.context === NULL) return;
    this.workspace.ffi.openssl.EVP_CIPHER_CTX_free(this.context);
    this.context = NULL;
    this.#sourceBuffer = undefined;
    this.#outputBuffer = undefined;
  }

  protected loadKey(algorithm: AeadAlgorithm, key: Uint8Array): void {
    if (key.byteLength !== aeadKeyBytes(algorithm)) {
      this.close();
      throw new GatewayError(
        'internal',
        'native.aead-key',
        `${algorithm} takes ${aeadKeyBytes(algorithm)} bytes of key`,
      );
    }
    this.workspace.key.bytes.set(key);
  }

  protected forgetKey(): void {
    this.workspace.key.bytes.fill(0);
  }

  /** Foreign code checks nothing, so a length beyond its buffer must end here. */
  protected checkBounds(bytes: Uint8Array, offset: number, length: number): void {
    if (
      !(offset >= 0 && length >= 0 && length <= MAX_LENGTH && offset + length <= bytes.byteLength) ||
      this.context === NULL
    ) {
      throw new GatewayError('internal', 'native.aead-bounds', 'AEAD call outside its buffer or after close');
    }
  }

  protected sourceAddress(bytes: Uint8Array, offset: number): bigint {
    if (bytes.buffer !== this.#sourceBuffer) {
      this.#sourceAddress = this.workspace.ffi.addressOf(bytes.buffer as ArrayBuffer);
      this.#sourceBuffer = bytes.buffer;
    }
    return this.#sourceAddress + BigInt(bytes.byteOffset + offset);
  }

  protected outputAddress(bytes: Uint8Array, offset: number): bigint {
    if (bytes.buffer !== this.#outputBuffer) {
      this.#outputAddress = this.workspace.ffi.addressOf(bytes.buffer as ArrayBuffer);
      this.#outputBuffer = bytes.buffer;
    }
    return this.#outputAddress + BigInt(bytes.byteOffset + offset);
  }
}

class FfiSealer extends FfiSession implements AeadSealer {
  constructor(workspace: Workspace, algorithm: AeadAlgorithm, key: Uint8Array) {
    super(workspace);
    this.loadKey(algorithm, key);
    const { openssl } = workspace.ffi;
    const cipher = cipherOf(workspace.ffi, algorithm);
    const ok = openssl.EVP_EncryptInit_ex(
      this.context,
      cipher,
      NULL,
      workspace.key.address,
      workspace.nonce.address,
    );
    this.forgetKey();
    if (ok !== 1) {
      this.close();
      throw failure('EVP_EncryptInit_ex');
    }
  }

  seal(
    source: Uint8Array,
    sourceOffset: number,
    length: number,
    output: Uint8Array,
    outputOffset: number,
  ): void {
    this.checkBounds(source, sourceOffset, length);
    this.checkBounds(output, outputOffset, length + AEAD_TAG_BYTES);
    const { ffi, nonce, written } = this.workspace;
    const { openssl } = ffi;
    const context = this.context;
    const to = this.outputAddress(output, outputOffset);
    nonce.bytes.set(this.nonce);
    const ok =
      openssl.EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce.address) === 1 &&
      openssl.EVP_EncryptUpdate(
        context,
        to,
        written.address,
        this.sourceAddress(source, sourceOffset),
        length,
      ) === 1 &&
      openssl.EVP_EncryptFinal_ex(context, to, written.address) === 1 &&
      openssl.EVP_CIPHER_CTX_ctrl(context, CTRL_GET_TAG, AEAD_TAG_BYTES, to + BigInt(length)) === 1;
    if (!ok) throw failure('sealing');
    incrementNonce(this.nonce);
  }
}

class FfiOpener extends FfiSession implements AeadOpener {
  constructor(workspace: Workspace, algorithm: AeadAlgorithm, key: Uint8Array) {
    super(workspace);
    this.loadKey(algorithm, key);
    const { openssl } = workspace.ffi;
    const cipher = cipherOf(workspace.ffi, algorithm);
    const ok = openssl.EVP_DecryptInit_ex(
      this.context,
      cipher,
      NULL,
      workspace.key.address,
      workspace.nonce.address,
    );
    this.forgetKey();
    if (ok !== 1) {
      this.close();
      throw failure('EVP_DecryptInit_ex');
    }
  }

  open(
    source: Uint8Array,
    sourceOffset: number,
    length: number,
    output: Uint8Array,
    outputOffset: number,
  ): boolean {
    this.checkBounds(source, sourceOffset, length + AEAD_TAG_BYTES);
    this.checkBounds(output, outputOffset, length);
    const { ffi, nonce, written } = this.workspace;
    const { openssl } = ffi;
    const context = this.context;
    const from = this.sourceAddress(source, sourceOffset);
    const to = this.outputAddress(output, outputOffset);
    nonce.bytes.set(this.nonce);
    incrementNonce(this.nonce);
    const ok =
      openssl.EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce.address) === 1 &&
      openssl.EVP_CIPHER_CTX_ctrl(context, CTRL_SET_TAG, AEAD_TAG_BYTES, from + BigInt(length)) === 1 &&
      openssl.EVP_DecryptUpdate(context, to, written.address, from, length) === 1;
    if (!ok) throw failure('opening');
    if (openssl.EVP_DecryptFinal_ex(context, to, written.address) === 1) return true;
    // What is left in the error queue would be blamed on the next caller of OpenSSL in this thread.
    openssl.ERR_clear_error();
    return false;
  }
}

function cipherOf({ openssl }: Ffi, algorithm: AeadAlgorithm): bigint {
  switch (algorithm) {
    case 'aes-128-gcm':
      return openssl.EVP_aes_128_gcm();
    case 'aes-192-gcm':
      return openssl.EVP_aes_192_gcm();
    case 'aes-256-gcm':
      return openssl.EVP_aes_256_gcm();
    case 'chacha20-ietf-poly1305':
      return openssl.EVP_chacha20_poly1305();
  }
}

function failure(step: string): GatewayError {
  return new GatewayError('internal', 'native.aead', `OpenSSL refused ${step}`);
}
