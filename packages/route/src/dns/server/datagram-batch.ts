import { type Ffi, type PinnedBytes, pinBytes } from '@sluice/core/native/ffi';
import { SOCKET_ADDRESS_LIMIT_BYTES } from '@sluice/core/native/socket-address';

/*
 * mmsghdr = msghdr(56) | bytes received or sent(4) | -                  (recvmmsg(2), 64-bit Linux)
 * msghdr  = name(8) | name length(4) | - | iov(8) | iov count(8) | control(8) | control length(8) | flags(4) | -
 * iovec   = base(8) | length(8)
 */
const HEADER_BYTES = 64;
const NAME_LENGTH_AT = 8;
const IOV_AT = 16;
const IOV_COUNT_AT = 24;
const FLAGS_AT = 48;
const LENGTH_AT = 56;
const IOVEC_BYTES = 16;
const NAME_BYTES = 32;

const FLAG_TRUNCATED = 0x20;
const DO_NOT_WAIT = 0x40;
const TRY_AGAIN = 11;

/** Memory for as many datagrams as one system call moves; laid out once. */
export class DatagramBatch {
  readonly capacity: number;
  readonly slotBytes: number;
  readonly #ffi: Ffi;
  readonly #headers: PinnedBytes;
  readonly #headerView: DataView;
  readonly #iovecs: DataView;
  readonly #names: Uint8Array;
  readonly #nameWords: Int32Array;
  readonly #data: Uint8Array;

  /** `slotBytes` is the longest datagram; longer ones that arrive are cut. */
  constructor(ffi: Ffi, capacity: number, slotBytes: number) {
    this.capacity = capacity;
    this.slotBytes = slotBytes;
    this.#ffi = ffi;
    this.#headers = pinBytes(ffi, capacity * HEADER_BYTES);
    this.#headerView = viewOf(this.#headers);
    const iovecs = pinBytes(ffi, capacity * IOVEC_BYTES);
    this.#iovecs = viewOf(iovecs);
    const names = pinBytes(ffi, capacity * NAME_BYTES);
    this.#names = names.bytes;
    this.#nameWords = new Int32Array(names.bytes.buffer, 0, (capacity * NAME_BYTES) / 4);
    const data = pinBytes(ffi, capacity * slotBytes);
    this.#data = data.bytes;
    for (let slot = 0; slot < capacity; slot++) {
      const header = slot * HEADER_BYTES;
      this.#headerView.setBigUint64(header, names.address + BigInt(slot * NAME_BYTES), true);
      const iovec = iovecs.address + BigInt(slot * IOVEC_BYTES);
      this.#headerView.setBigUint64(header + IOV_AT, iovec, true);
      this.#headerView.setBigUint64(header + IOV_COUNT_AT, 1n, true);
      const base = data.address + BigInt(slot * slotBytes);
      this.#iovecs.setBigUint64(slot * IOVEC_BYTES, base, true);
      this.#setIovecLength(slot, slotBytes);
    }
  }

  /** Whether the system lets this process make the calls at all; a sandbox may not. */
  isUsable(fd: number): boolean {
    const { libc } = this.#ffi;
    if (libc.sendmmsg(fd, this.#headers.address, 0, DO_NOT_WAIT) !== 0) return false;
    return (
      libc.recvmmsg(fd, this.#headers.address, 0, DO_NOT_WAIT, 0n) === 0 || this.#ffi.errno() === TRY_AGAIN
    );
  }

  /** Receives what is there; the result is the number of slots filled, 0 for none. */
  receive(fd: number): number {
    for (let slot = 0; slot < this.capacity; slot++) {
      this.#headerView.setUint32(slot * HEADER_BYTES + NAME_LENGTH_AT, SOCKET_ADDRESS_LIMIT_BYTES, true);
    }
    return Math.max(0, this.#ffi.libc.recvmmsg(fd, this.#headers.address, this.capacity, DO_NOT_WAIT, 0n));
  }

  /** A copy of a received datagram, `undefined` for one that was cut. */
  datagram(slot: number): Buffer | undefined {
    const header = slot * HEADER_BYTES;
    if ((this.#headerView.getUint32(header + FLAGS_AT, true) & FLAG_TRUNCATED) !== 0) return undefined;
    const start = slot * this.slotBytes;
    const length = this.#headerView.getUint32(header + LENGTH_AT, true);
    const copy = Buffer.allocUnsafe(length);
    copy.set(this.#data.subarray(start, start + length));
    return copy;
  }

  /** The `sockaddr` of a slot, as long as the slot is not used again. */
  name(slot: number): Uint8Array {
    const length = this.#headerView.getUint32(slot * HEADER_BYTES + NAME_LENGTH_AT, true);
    return this.#names.subarray(slot * NAME_BYTES, slot * NAME_BYTES + length);
  }

  /** Whether the addresses (not the ports) of two slots are the same. */
  hasSameHost(slot: number, other: number): boolean {
    const at = (slot * NAME_BYTES) / 4;
    const otherAt = (other * NAME_BYTES) / 4;
    // The first word holds family and port.
    for (let word = 1; word < SOCKET_ADDRESS_LIMIT_BYTES / 4; word++) {
      if (this.#nameWords[at + word] !== this.#nameWords[otherAt + word]) return false;
    }
    return true;
  }

  /** Puts a datagram into a slot to be sent; false when it is longer than a slot. */
  put(slot: number, data: Uint8Array, name: Uint8Array): boolean {
    if (data.length > this.slotBytes) return false;
    this.#data.set(data, slot * this.slotBytes);
    this.#names.set(name, slot * NAME_BYTES);
    this.#headerView.setUint32(slot * HEADER_BYTES + NAME_LENGTH_AT, name.length, true);
    this.#setIovecLength(slot, data.length);
    return true;
  }

  /** Sends the first `count` slots; those that the kernel refuses are lost, as datagrams may be. */
  send(fd: number, count: number): void {
    for (let sent = 0; sent < count; ) {
      const address = this.#headers.address + BigInt(sent * HEADER_BYTES);
      const taken = this.#ffi.libc.sendmmsg(fd, address, count - sent, DO_NOT_WAIT);
      sent += Math.max(1, taken);
    }
  }

  #setIovecLength(slot: number, length: number): void {
    this.#iovecs.setUint32(slot * IOVEC_BYTES + 8, length, true);
  }
}

function viewOf({ bytes }: PinnedBytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
