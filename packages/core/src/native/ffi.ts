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

/** System calls of the C library; results of `ssize_t` are taken as 32 bits, since no call here moves more. */
const LIBC = {
  __errno_location: { return: 'pointer', arguments: [] },
  close: { return: 'i32', arguments: ['i32'] },
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  pipe2: { return: 'i32', arguments: ['u64', 'i32'] },
  splice: { return: 'i32', arguments: ['i32', 'u64', 'i32', 'u64', 'u64', 'i32'] },
  shutdown: { return: 'i32', arguments: ['i32', 'i32'] },
  epoll_create1: { return: 'i32', arguments: ['i32'] },
  epoll_ctl: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'u64'] },
  epoll_wait: { return: 'i32', arguments: ['i32', 'u64', 'i32', 'i32'] },
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  bind: { return: 'i32', arguments: ['i32', 'u64', 'i32'] },
  connect: { return: 'i32', arguments: ['i32', 'u64', 'i32'] },
  listen: { return: 'i32', arguments: ['i32', 'i32'] },
  getsockname: { return: 'i32', arguments: ['i32', 'u64', 'u64'] },
  setsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'u64', 'i32'] },
  getsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'u64', 'u64'] },
  recvmsg: { return: 'i32', arguments: ['i32', 'u64', 'i32'] },
  recvmmsg: { return: 'i32', arguments: ['i32', 'u64', 'i32', 'i32', 'u64'] },
  sendmmsg: { return: 'i32', arguments: ['i32', 'u64', 'i32', 'i32'] },
} as const;

/** Of the GNU C library only. */
const GLIBC = {
  malloc_trim: { return: 'i32', arguments: ['u64'] },
} as const;

/** The event loop that the runtime itself uses. */
const LIBUV = {
  uv_handle_size: { return: 'u64', arguments: ['i32'] },
  uv_poll_init: { return: 'i32', arguments: ['pointer', 'u64', 'i32'] },
  uv_poll_start: { return: 'i32', arguments: ['u64', 'i32', 'u64'] },
  uv_poll_stop: { return: 'i32', arguments: ['u64'] },
  uv_unref: { return: 'void', arguments: ['u64'] },
  uv_close: { return: 'void', arguments: ['u64', 'u64'] },
} as const;

type FfiModule = typeof import('node:ffi');

/** The foreign functions of this process, and how to find the address of memory that is handed to them. */
export type Ffi = {
  readonly openssl: ReturnType<typeof openOpenssl>;
  readonly libc: ReturnType<typeof openLibc>;
  /** What the last system call of this thread failed with; read it before anything else is called. */
  errno(): number;
  /**
   * Calls back from the event loop whenever a descriptor is readable; the result ends that. The descriptor must not belong to
   * a socket of the runtime, and the callback must not throw. Work that it starts waits for the next turn of the loop.
   */
  watchReadable(fd: number, onReadable: () => void): () => void;
  /** Gives free memory of the C library back to the system, where the library can. */
  trimMemory(): void;
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
      ffi: openFfi(module),
    };
  } catch (error) {
    return { available: false, reason: `node:ffi cannot be used: ${errorText(error)}` };
  }
}

/** The OpenSSL that is linked into the runtime. */
function openOpenssl(module: FfiModule) {
  return module.dlopen(null, OPENSSL).functions;
}

function openFfi(module: FfiModule): Ffi {
  const libc = openLibc(module);
  const errno = new Int32Array(module.toArrayBuffer(libc.__errno_location(), 4, false));
  return {
    openssl: openOpenssl(module),
    libc,
    addressOf: (buffer) => module.getRawPointer(buffer),
    errno: () => errno[0] ?? 0,
    trimMemory: () => trimMemory(module),
    watchReadable: (fd, onReadable) => watchReadable(module, fd, onReadable),
  };
}

function openLibc(module: FfiModule) {
  return module.dlopen(null, LIBC).functions;
}

function trimMemory(module: FfiModule): void {
  try {
    module.dlopen(null, GLIBC).functions.malloc_trim(0n);
  } catch {
    // Other C libraries give it back by themselves.
  }
}

const UV_POLL_HANDLE = 8;
const UV_READABLE = 1;

function watchReadable(module: FfiModule, fd: number, onReadable: () => void): () => void {
  const { functions: uv, lib } = module.dlopen(null, LIBUV);
  const handle = new ArrayBuffer(Math.max(Number(uv.uv_handle_size(UV_POLL_HANDLE)), PINNED_MINIMUM_BYTES));
  const address = module.getRawPointer(handle);
  const initialized = uv.uv_poll_init(module.getCurrentEventLoop(), address, fd);
  if (initialized !== 0) throw new Error(`uv_poll_init failed with ${initialized}`);
  const callback = lib.registerCallback(
    { arguments: ['pointer', 'i32', 'i32'], return: 'void' },
    () => void onReadable(),
  );
  const started = uv.uv_poll_start(address, UV_READABLE, callback);
  if (started !== 0) throw new Error(`uv_poll_start failed with ${started}`);
  // A gateway that has nothing else to do may end.
  uv.uv_unref(address);
  const kept = { handle, callback };
  watchers.add(kept);
  return () => {
    // The loop still looks at a handle until its next turn, so the memory is never given back.
    uv.uv_poll_stop(address);
  };
}

/** Memory that the event loop holds on to. */
const watchers = new Set<object>();
