import { createRequire } from 'node:module';
import { errorText } from '@sluice/base/errors';

/** 64-bit integers and pointers are `u64`, so they are BigInts on both sides. */
const OPENSSL = {
  EVP_CIPHER_CTX_new: { return: 'u64', arguments: [] },
  EVP_CIPHER_CTX_free: { return: 'void', arguments: ['u64'] },
  EVP_CIPHER_CTX_ctrl: { return: 'i32', arguments: ['u64', 'i32', 'i32', 'u64'] },
  EVP_aes_128_gcm: { return: 'u64', arguments: [] },
  EVP_aes_192_gcm: { return: 'u64', arguments: [] },
  EVP_aes_256_gcm: { return: 'u64', arguments: [] },
  EVP_chacha20_poly1305: { return: 'u64', arguments: [] },
  EVP_EncryptInit_ex: { return: 'i32', arguments: ['u64', 'u64', 'u64', 'u64', 'u64'] },
  EVP_EncryptUpdate: { return: 'i32', arguments: ['u64', 'u64', 'u64', 'u64', 'i32'] },
  EVP_EncryptFinal_ex: { return: 'i32', arguments: ['u64', 'u64', 'u64'] },
  EVP_DecryptInit_ex: { return: 'i32', arguments: ['u64', 'u64', 'u64', 'u64', 'u64'] },
  EVP_DecryptUpdate: { return: 'i32', arguments: ['u64', 'u64', 'u64', 'u64', 'i32'] },
  EVP_DecryptFinal_ex: { return: 'i32', arguments: ['u64', 'u64', 'u64'] },
  ERR_clear_error: { return: 'void', arguments: [] },
} as const;

type FfiModule = typeof import('node:ffi');

/** The foreign functions of this process, and how to find the address of memory that is handed to them. */
export type Ffi = {
  readonly openssl: ReturnType<typeof openOpenssl>;
  /** The address of the first byte; valid while the buffer is referenced and not detached. */
  addressOf(buffer: ArrayBuffer): bigint;
};

/** Memory with a fixed address, for small arguments of foreign functions. */
export type PinnedBytes = { readonly bytes: Uint8Array; readonly address: bigint };

/** Foreign functions, or why there are none. */
export type FfiAvailability =
  | { readonly available: true; readonly ffi: Ffi }
  | { readonly available: false; readonly reason: string };

// Smaller typed arrays may live on the moving part of the heap; a separate ArrayBuffer of this size never does.
const PINNED_MINIMUM_BYTES = 4096;

let loaded: FfiAvailability | undefined;

/** Loads the foreign functions once; on Linux only, and not when the environment has `SLUICE_NO_FFI=1`. */
export function loadFfi(): FfiAvailability {
  loaded ??= load();
  return loaded;
}

/** Memory of at least `size` bytes that keeps its address as long as the result is referenced. */
export function pinBytes(ffi: Ffi, size: number): PinnedBytes {
  const buffer = new ArrayBuffer(Math.max(size, PINNED_MINIMUM_BYTES));
  return { bytes: new Uint8Array(buffer, 0, size), address: ffi.addressOf(buffer) };
}

function load(): FfiAvailability {
  if (process.env.SLUICE_NO_FFI === '1')
    return { available: false, reason: 'switched off by SLUICE_NO_FFI=1' };
  if (process.platform !== 'linux') return { available: false, reason: `not used on ${process.platform}` };
  try {
    // A static import would stop the process on a runtime without the module.
    const module = createRequire(import.meta.url)('node:ffi') as FfiModule;
    return {
      available: true,
      ffi: { openssl: openOpenssl(module), addressOf: (buffer) => module.getRawPointer(buffer) },
    };
  } catch (error) {
    return { available: false, reason: `node:ffi cannot be used: ${errorText(error)}` };
  }
}

/** The OpenSSL that is linked into the runtime. */
function openOpenssl(module: FfiModule) {
  return module.dlopen(null, OPENSSL).functions;
}
