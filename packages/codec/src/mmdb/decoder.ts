import { ProtocolError } from '@sluice/base/errors';

/** A decoded value; integers above 32 bits are bigints. */
export type MmdbValue = string | number | bigint | boolean | Uint8Array | readonly MmdbValue[] | MmdbMap;
export type MmdbMap = ReadonlyMap<string, MmdbValue>;

/** Types of the data section (MaxMind DB file format, "Output Data Section"); from 8 on a second byte names them. */
export const MMDB_POINTER = 1;
export const MMDB_STRING = 2;
export const MMDB_DOUBLE = 3;
export const MMDB_BYTES = 4;
export const MMDB_UINT16 = 5;
export const MMDB_UINT32 = 6;
export const MMDB_MAP = 7;
export const MMDB_INT32 = 8;
export const MMDB_UINT64 = 9;
export const MMDB_UINT128 = 10;
export const MMDB_ARRAY = 11;
export const MMDB_BOOLEAN = 14;
export const MMDB_FLOAT = 15;

const EXTENDED = 0;
const MAX_DEPTH = 16;
/** Pointers let a small file describe an endless value, so a value may consist of that many values only. */
const MAX_VALUES = 4096;
const MAX_TEXT_BYTES = 65_536;
const POINTER_OFFSETS = [0, 2048, 526_336, 0] as const;

/** Decodes values of a data section that lies between two offsets of a file. */
export class MmdbDecoder {
  readonly #bytes: Buffer;
  readonly #base: number;
  readonly #end: number;
  #at = 0;
  #left = 0;
  #textLeft = 0;

  constructor(bytes: Buffer, base: number, end: number) {
    this.#bytes = bytes;
    this.#base = base;
    this.#end = end;
  }

  /** The value at `offset` of the section. @throws ProtocolError `mmdb-data` */
  decode(offset: number): MmdbValue {
    this.#at = this.#base + offset;
    this.#left = MAX_VALUES;
    this.#textLeft = MAX_TEXT_BYTES;
    return this.#value(0);
  }

  #value(depth: number): MmdbValue {
    const at = this.#at;
    if (depth > MAX_DEPTH || --this.#left < 0) throw new ProtocolError('mmdb-data', at);
    const control = this.#unsigned(1);
    const short = control >>> 5;
    if (short === MMDB_POINTER) return this.#follow(control, depth);
    const type = short === EXTENDED ? this.#unsigned(1) + 7 : short;
    return this.#typed(type, this.#size(control & 31), depth, at);
  }

  #typed(type: number, size: number, depth: number, at: number): MmdbValue {
    switch (type) {
      case MMDB_STRING:
        return this.#take(size).toString('utf8');
      case MMDB_BYTES:
        return Uint8Array.from(this.#take(size));
      case MMDB_UINT16:
      case MMDB_UINT32:
      case MMDB_INT32:
        if (size > 4) break;
        return type === MMDB_INT32 && size === 4 ? this.#unsigned(4) | 0 : this.#unsigned(size);
      case MMDB_UINT64:
      case MMDB_UINT128:
        if (size > 16) break;
        return this.#take(size).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
      case MMDB_DOUBLE:
        if (size === 8) return this.#take(8).readDoubleBE();
        break;
      case MMDB_FLOAT:
        if (size === 4) return this.#take(4).readFloatBE();
        break;
      case MMDB_BOOLEAN:
        if (size <= 1) return size === 1;
        break;
      case MMDB_ARRAY:
        return this.#array(size, depth);
      case MMDB_MAP:
        return this.#map(size, depth);
      default:
        break;
    }
    throw new ProtocolError('mmdb-data', at);
  }

  #array(size: number, depth: number): readonly MmdbValue[] {
    const values: MmdbValue[] = [];
    for (let index = 0; index < size; index++) values.push(this.#value(depth + 1));
    return values;
  }

  #map(size: number, depth: number): MmdbMap {
    const map = new Map<string, MmdbValue>();
    for (let index = 0; index < size; index++) {
      const at = this.#at;
      const key = this.#value(depth + 1);
      if (typeof key !== 'string') throw new ProtocolError('mmdb-data', at);
      map.set(key, this.#value(depth + 1));
    }
    return map;
  }

  /** `001SSVVV`: S + 1 bytes follow, and V are the highest bits but for the longest form. */
  #follow(control: number, depth: number): MmdbValue {
    const size = (control >>> 3) & 3;
    const high = size === 3 ? 0 : control & 7;
    const low = this.#unsigned(size + 1);
    const target = high * 2 ** (8 * (size + 1)) + low + (POINTER_OFFSETS[size] ?? 0);
    const back = this.#at;
    this.#at = this.#base + target;
    const value = this.#value(depth + 1);
    this.#at = back;
    return value;
  }

  #size(short: number): number {
    if (short < 29) return short;
    if (short === 29) return 29 + this.#unsigned(1);
    return short === 30 ? 285 + this.#unsigned(2) : 65_821 + this.#unsigned(3);
  }

  #unsigned(size: number): number {
    const at = this.#at;
    if (at + size > this.#end) throw new ProtocolError('mmdb-data', at);
    this.#at = at + size;
    let value = 0;
    for (let index = at; index < at + size; index++) value = value * 256 + (this.#bytes[index] as number);
    return value;
  }

  #take(size: number): Buffer {
    const at = this.#at;
    this.#textLeft -= size;
    if (at + size > this.#end || this.#textLeft < 0) throw new ProtocolError('mmdb-data', at);
    this.#at = at + size;
    return this.#bytes.subarray(at, at + size);
  }
}
