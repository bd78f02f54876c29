import { ProtocolError } from '@sluice/base/errors';

export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const MAX_VARINT_BYTES = 10;

/**
 * Walks the fields of a protobuf message between two offsets of a larger one, without copying.
 * A key is `field number << 3 | wire type` as a varint. Groups are refused.
 */
export class FieldReader {
  readonly bytes: Uint8Array;
  #next: number;
  readonly #end: number;
  #field = 0;
  #type = VARINT;
  #value = 0;
  #start = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#next = start;
    this.#end = end;
  }

  get field(): number {
    return this.#field;
  }

  get wireType(): number {
    return this.#type;
  }

  /** A varint's value; beyond 2^53 it loses precision. */
  get value(): number {
    return this.#value;
  }

  /** Where the content of a length-delimited field starts and ends. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#next;
  }

  /** Steps to the next field; false at the end of the message. @throws ProtocolError `dat-field`, `truncated` */
  next(): boolean {
    if (this.#next === this.#end) return false;
    const keyAt = this.#next;
    const key = this.#varint();
    this.#field = Math.floor(key / 8);
    this.#type = key % 8;
    if (this.#field === 0) throw new ProtocolError('dat-field', keyAt);
    if (this.#type === VARINT) {
      this.#value = this.#varint();
      return true;
    }
    let length = 0;
    if (this.#type === LENGTH_DELIMITED) length = this.#varint();
    else if (this.#type === FIXED64) length = 8;
    else if (this.#type === FIXED32) length = 4;
    else throw new ProtocolError('dat-field', keyAt);
    if (length > this.#end - this.#next) throw new ProtocolError('truncated', keyAt);
    this.#start = this.#next;
    this.#next += length;
    return true;
  }

  /** The content of a length-delimited field as UTF-8. */
  text(): string {
    return utf8(this.bytes, this.#start, this.#next);
  }

  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      if (this.#next === this.#end) throw new ProtocolError('truncated', this.#next);
      const byte = this.bytes[this.#next++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new ProtocolError('dat-field', this.#next);
  }
}

/** The bytes from `start` to `end` as UTF-8. */
export function utf8(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
