import { type Ffi, pinBytes } from './ffi.ts';

/*
 * mmsghdr = msghdr(56) | bytes received or sent(4) | -                  (recvmmsg(2), 64-bit Linux)
 * msghdr  = name(8) | name length(4) | - | iov(8) | iov count(8) | control(8) | control length(8) | flags(4) | -
 * iovec   = base(8) | length(8)
 * All offsets are in 32-bit words, which are little-endian wherever foreign functions are used.
 */
const HEADER_WORDS = 16;
const NAME_LENGTH_AT = 2;
const IOV_AT = 4;
const IOV_COUNT_AT = 6;
const FLAGS_AT = 12;
const LENGTH_AT = 14;
const IOVEC_WORDS = 4;
const IOVEC_BYTES = 16;
const NAME_WORDS = 8;
const NAME_BYTES = 32;
const SOCKADDR_LIMIT_BYTES = 28;

const FLAG_TRUNCATED = 0x20;
const DO_NOT_WAIT = 0x40;
const INTERRUPTED = 4;
const TRY_AGAIN = 11;
const NO_BUFFERS = 105;

/** Of a slot: more than a datagram, so that the system never cuts one; pages that no datagram reaches are never there. */
const SLOT_BYTES = 65_536;
/** Slots begin at different places of the processor's caches. */
const SLOT_STRIDE_BYTES = SLOT_BYTES + 1_280;
const PREFIX_BYTES = 32;
const COPIED_BYTES = 256 * 1024;

type Words = { readonly words: Int32Array; readonly bytes: Uint8Array; readonly address: number };

/** Addresses of user memory are below 2^47, so numbers hold them; BigInts would be made anew for every one. */
function pin(ffi: Ffi, sizeBytes: number): Words {
  const { bytes, address } = pinBytes(ffi, sizeBytes);
  return { bytes, words: new Int32Array(bytes.buffer, 0, sizeBytes >> 2), address: Number(address) };
}

function putAddress(words: Int32Array, at: number, address: number): void {
  words[at] = address | 0;
  words[at + 1] = Math.floor(address / 0x1_0000_0000);
}

/** Memory that datagrams are received into; laid out once, used by all sockets in turn. */
export class ReceiveMemory {
  /** Of all data, to tell views on it from others. */
  readonly buffer: ArrayBufferLike;
  readonly address: number;
  /** `sockaddr`s, eight words each. */
  readonly names: Int32Array;
  readonly #ffi: Ffi;
  readonly #headers: Words;
  readonly #headerAddresses: readonly bigint[];
  /** Only the system reads them, so nothing else keeps them. */
  readonly #iovecs: Words;

  constructor(ffi: Ffi, slots: number) {
    this.#ffi = ffi;
    this.#headers = pin(ffi, slots * HEADER_WORDS * 4);
    this.#headerAddresses = addressesOf(this.#headers, slots);
    const names = pin(ffi, slots * NAME_BYTES);
    this.#iovecs = pin(ffi, slots * IOVEC_BYTES);
    const data = pin(ffi, slots * SLOT_STRIDE_BYTES);
    this.names = names.words;
    this.buffer = data.bytes.buffer;
    this.address = data.address;
    for (let slot = 0; slot < slots; slot++) {
      const header = slot * HEADER_WORDS;
      const iovec = slot * IOVEC_WORDS;
      putAddress(this.#headers.words, header, names.address + slot * NAME_BYTES);
      putAddress(this.#headers.words, header + IOV_AT, this.#iovecs.address + slot * IOVEC_BYTES);
      this.#headers.words[header + IOV_COUNT_AT] = 1;
      putAddress(this.#iovecs.words, iovec, data.address + slot * SLOT_STRIDE_BYTES);
      this.#iovecs.words[iovec + 2] = SLOT_BYTES;
    }
  }

  /** Receives into up to `count` slots from `first` on; the result is their number, negative for the system's errno. */
  receive(fd: number, first: number, count: number): number {
    const { words } = this.#headers;
    for (let slot = first; slot < first + count; slot++)
      words[slot * HEADER_WORDS + NAME_LENGTH_AT] = SOCKADDR_LIMIT_BYTES;
    const address = this.#headerAddresses[first] as bigint;
    const received = this.#ffi.libc.recvmmsg(fd, address, count, DO_NOT_WAIT, 0n);
    return received >= 0 ? received : -this.#ffi.errno();
  }

  /** A view on what a slot holds; `undefined` for a datagram that was cut. */
  view(slot: number): Uint8Array | undefined {
    const { words } = this.#headers;
    const header = slot * HEADER_WORDS;
    if (((words[header + FLAGS_AT] as number) & FLAG_TRUNCATED) !== 0) return undefined;
    return new Uint8Array(this.buffer, slot * SLOT_STRIDE_BYTES, words[header + LENGTH_AT] as number);
  }
}

/**
 * Datagrams that are to leave by one socket in one call. Data in the receive memory is sent from there, so it must not be
 * received into before `flush`; other data is copied.
 */
export class SendMemory {
  readonly #ffi: Ffi;
  readonly #slots: number;
  readonly #received: ReceiveMemory;
  readonly #headers: Words;
  readonly #headerAddresses: readonly bigint[];
  readonly #iovecs: Words;
  readonly #names: Int32Array;
  readonly #prefixes: Words;
  readonly #copied: Words;
  #copiedBytes = 0;
  #fd = -1;
  #count = 0;

  constructor(ffi: Ffi, slots: number, received: ReceiveMemory) {
    this.#ffi = ffi;
    this.#slots = slots;
    this.#received = received;
    this.#headers = pin(ffi, slots * HEADER_WORDS * 4);
    this.#headerAddresses = addressesOf(this.#headers, slots);
    const names = pin(ffi, slots * NAME_BYTES);
    this.#iovecs = pin(ffi, slots * 2 * IOVEC_BYTES);
    this.#prefixes = pin(ffi, slots * PREFIX_BYTES);
    this.#copied = pin(ffi, COPIED_BYTES);
    this.#names = names.words;
    for (let slot = 0; slot < slots; slot++) {
      putAddress(this.#headers.words, slot * HEADER_WORDS, names.address + slot * NAME_BYTES);
      putAddress(this.#iovecs.words, slot * 2 * IOVEC_WORDS, this.#prefixes.address + slot * PREFIX_BYTES);
    }
  }

  /** Adds a datagram; `prefix` is at most 32 bytes long. Those of another socket are sent first. */
  put(fd: number, prefix: Uint8Array, data: Uint8Array, name: Int32Array): void {
    if (fd !== this.#fd || this.#count === this.#slots) this.flush();
    this.#fd = fd;
    const base = this.#addressOf(data);
    const slot = this.#count++;
    const header = slot * HEADER_WORDS;
    const iovec = slot * 2 * IOVEC_WORDS;
    const { words } = this.#headers;
    const hasPrefix = prefix.length > 0;
    putAddress(words, header + IOV_AT, this.#iovecs.address + (2 * slot + (hasPrefix ? 0 : 1)) * IOVEC_BYTES);
    words[header + IOV_COUNT_AT] = hasPrefix ? 2 : 1;
    if (hasPrefix) {
      const at = slot * PREFIX_BYTES;
      for (let index = 0; index < prefix.length; index++)
        this.#prefixes.bytes[at + index] = prefix[index] as number;
      this.#iovecs.words[iovec + 2] = prefix.length;
    }
    putAddress(this.#iovecs.words, iovec + IOVEC_WORDS, base);
    this.#iovecs.words[iovec + IOVEC_WORDS + 2] = data.length;
    words[header + NAME_LENGTH_AT] = name.length << 2;
    const at = slot * NAME_WORDS;
    for (let word = 0; word < name.length; word++) this.#names[at + word] = name[word] as number;
  }

  /** Sends everything that was added; what the system refuses is lost. */
  flush(): void {
    const count = this.#count;
    this.#count = 0;
    this.#copiedBytes = 0;
    for (let sent = 0; sent < count; ) {
      const address = this.#headerAddresses[sent] as bigint;
      const taken = this.#ffi.libc.sendmmsg(this.#fd, address, count - sent, DO_NOT_WAIT);
      if (taken > 0) {
        sent += taken;
        continue;
      }
      const errno = this.#ffi.errno();
      if (errno === TRY_AGAIN || errno === NO_BUFFERS) return;
      // An unreachable destination concerns its own datagram.
      if (errno !== INTERRUPTED) sent += 1;
    }
  }

  #addressOf(data: Uint8Array): number {
    if (data.buffer === this.#received.buffer) return this.#received.address + data.byteOffset;
    if (this.#copiedBytes + data.length > COPIED_BYTES) this.flush();
    const at = this.#copiedBytes;
    this.#copied.bytes.set(data, at);
    this.#copiedBytes += data.length;
    return this.#copied.address + at;
  }
}

function addressesOf({ address }: Words, slots: number): readonly bigint[] {
  return Array.from({ length: slots }, (_, slot) => BigInt(address + slot * HEADER_WORDS * 4));
}
