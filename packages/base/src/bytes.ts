import { ProtocolError } from './errors.ts';

/** Reads big-endian fields from one complete message; running past the end is a `ProtocolError('truncated')`. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
  }

  get remaining(): number {
    return this.bytes.byteLength - this.offset;
  }

  #take(count: number): number {
    const at = this.offset;
    if (count < 0 || at + count > this.bytes.byteLength) throw new ProtocolError('truncated', at);
    this.offset = at + count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u24(): number {
    const at = this.#take(3);
    return (this.#view.getUint16(at) << 8) | this.#view.getUint8(at + 2);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** The next `count` bytes as a view on the same memory. */
  view(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.subarray(at, at + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** The next `count` bytes as UTF-8 (malformed sequences become U+FFFD). */
  utf8(count: number): string {
    const at = this.#take(count);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, count).toString('utf8');
  }
}

/** Appends big-endian fields to a growing buffer; `finish` returns exactly what was written. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(initialCapacity = 256) {
    this.#bytes = Buffer.allocUnsafe(initialCapacity);
  }

  get length(): number {
    return this.#length;
  }

  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = needed;
    return at;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value & 0xff;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#bytes.writeUInt16BE(value & 0xffff, at);
    return this;
  }

  u24(value: number): this {
    const at = this.#grow(3);
    this.#bytes.writeUIntBE(value & 0xffffff, at, 3);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#bytes.writeUInt32BE(value >>> 0, at);
    return this;
  }

  u32le(value: number): this {
    const at = this.#grow(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#bytes.writeBigUInt64BE(value, at);
    return this;
  }

  f64(value: number): this {
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.byteLength);
    this.#bytes.set(value, at);
    return this;
  }

  utf8(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'));
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * Received chunks waiting for a complete message. Chunks are kept as they came; bytes are joined only when a
 * requested run crosses a chunk border. `limitBytes` bounds what may wait unread.
 */
export class ByteQueue {
  readonly limitBytes: number;
  #chunks: Uint8Array[] = [];
  #headOffset = 0;
  #length = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    if (this.#length + chunk.byteLength > this.limitBytes)
      throw new ProtocolError('too-much-unread', this.#length);
    this.#chunks.push(chunk);
    this.#length += chunk.byteLength;
  }

  /** The byte at `index` from the front, or `undefined` when it has not arrived. */
  at(index: number): number | undefined {
    let position = index + this.#headOffset;
    for (const chunk of this.#chunks) {
      if (position < chunk.byteLength) return chunk[position];
      position -= chunk.byteLength;
    }
    return undefined;
  }

  /** The first `count` bytes without consuming them, or `undefined` when fewer have arrived. */
  peek(count: number): Uint8Array | undefined {
    if (count > this.#length) return undefined;
    const head = this.#chunks[0];
    if (head === undefined) return new Uint8Array(0);
    if (head.byteLength - this.#headOffset < count) this.#joinHead(count);
    const joined = this.#chunks[0] ?? new Uint8Array(0);
    return joined.subarray(this.#headOffset, this.#headOffset + count);
  }

  /** Removes and returns the first `count` bytes, or `undefined` (and removes nothing) when fewer have arrived. */
  take(count: number): Uint8Array | undefined {
    const bytes = this.peek(count);
    if (bytes !== undefined) this.#drop(count);
    return bytes;
  }

  /** Removes and returns everything as one run. */
  takeAll(): Uint8Array {
    return this.take(this.#length) ?? new Uint8Array(0);
  }

  #joinHead(count: number): void {
    const parts: Uint8Array[] = [];
    let joined = 0;
    while (joined < count) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) break;
      const part = this.#headOffset === 0 ? chunk : chunk.subarray(this.#headOffset);
      this.#headOffset = 0;
      parts.push(part);
      joined += part.byteLength;
    }
    this.#chunks.unshift(Buffer.concat(parts));
  }

  #drop(count: number): void {
    this.#length -= count;
    let offset = this.#headOffset + count;
    while (this.#chunks.length > 0) {
      const head = this.#chunks[0] as Uint8Array;
      if (offset < head.byteLength) break;
      offset -= head.byteLength;
      this.#chunks.shift();
    }
    this.#headOffset = offset;
  }
}
