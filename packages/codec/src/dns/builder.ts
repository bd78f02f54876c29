import { ProtocolError } from '@sluice/base/errors';
import { HEADER_BYTES, MAX_MESSAGE_BYTES, setU16, setU32, u16At } from './header.ts';

const MAX_POINTER_TARGET = 0x3fff;
/** Names beyond this many are written out; keeps the table small in messages with very many owners. */
const MAX_REMEMBERED_NAMES = 512;

/** A piece of record data; names are in wire form without compression and may be compressed when written. */
export type DataPart = { readonly bytes: Uint8Array; readonly isName: boolean };

/** Writes a message from front to back; owner names and the names in data parts are compressed (RFC 1035 §4.1.4). */
export class MessageBuilder {
  #bytes: Buffer = Buffer.allocUnsafe(512);
  #length = HEADER_BYTES;
  readonly #names = new Map<string, number>();

  constructor(id: number, flags: number) {
    this.#bytes.fill(0, 0, HEADER_BYTES);
    setU16(this.#bytes, 0, id);
    setU16(this.#bytes, 2, flags);
  }

  get length(): number {
    return this.#length;
  }

  question(wireName: Uint8Array, type: number, questionClass: number): void {
    this.#name(wireName);
    const at = this.#reserve(4);
    setU16(this.#bytes, at, type);
    setU16(this.#bytes, at + 2, questionClass);
    this.#count(4);
  }

  /** Sections must come in rising order. */
  record(
    section: number,
    wireName: Uint8Array,
    type: number,
    recordClass: number,
    ttl: number,
    data: readonly DataPart[],
  ): void {
    this.#name(wireName);
    const at = this.#reserve(10);
    setU16(this.#bytes, at, type);
    setU16(this.#bytes, at + 2, recordClass);
    setU32(this.#bytes, at + 4, ttl);
    for (const part of data) {
      if (part.isName) this.#name(part.bytes);
      else this.#raw(part.bytes);
    }
    setU16(this.#bytes, at + 8, this.#length - at - 10);
    this.#count(6 + section * 2);
  }

  /** A whole record in wire form, for example OPT, at the end of the additional section. */
  additional(record: Uint8Array): void {
    this.#raw(record);
    this.#count(10);
  }

  /** @throws ProtocolError `too-large` when the message has grown past what DNS can carry */
  finish(): Buffer {
    if (this.#length > MAX_MESSAGE_BYTES) throw new ProtocolError('too-large', MAX_MESSAGE_BYTES);
    return this.#bytes.subarray(0, this.#length);
  }

  #name(wireName: Uint8Array): void {
    // Names are the same whatever the case of their letters (RFC 4343).
    const text = Buffer.from(wireName.buffer, wireName.byteOffset, wireName.length)
      .toString('latin1')
      .toLowerCase();
    let at = 0;
    for (let length = wireName[0] ?? 0; length !== 0; length = wireName[at] ?? 0) {
      const suffix = text.slice(at);
      const known = this.#names.get(suffix);
      if (known !== undefined) {
        setU16(this.#bytes, this.#reserve(2), 0xc000 | known);
        return;
      }
      if (this.#length <= MAX_POINTER_TARGET && this.#names.size < MAX_REMEMBERED_NAMES)
        this.#names.set(suffix, this.#length);
      this.#raw(wireName.subarray(at, at + 1 + length));
      at += 1 + length;
    }
    this.#bytes[this.#reserve(1)] = 0;
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** A place for `count` bytes; `#bytes` may be another buffer afterwards. */
  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(at + count, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = at + count;
    return at;
  }

  #count(offset: number): void {
    setU16(this.#bytes, offset, u16At(this.#bytes, offset) + 1);
  }
}
