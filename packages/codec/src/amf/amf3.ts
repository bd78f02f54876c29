import type { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { AMF_LIMITS, type AmfLimits, type AmfObject, type AmfValue } from './value.ts';

const UNDEFINED = 0x00;
const NULL = 0x01;
const FALSE = 0x02;
const TRUE = 0x03;
const INTEGER = 0x04;
const DOUBLE = 0x05;
const STRING = 0x06;
const XML_DOCUMENT = 0x07;
const DATE = 0x08;
const ARRAY = 0x09;
const OBJECT = 0x0a;
const XML = 0x0b;
const BYTE_ARRAY = 0x0c;

type Traits = { readonly dynamic: boolean; readonly names: readonly string[] };
type Complex = { readonly value: AmfValue; readonly values: number };

/** Reads AMF3 values (Adobe AMF3 §3) one at a time; externalizable objects and the vector types are refused. */
export class Amf3Parser {
  readonly #reader: ByteReader;
  readonly #limits: AmfLimits;
  readonly #strings: string[] = [];
  readonly #complex: (Complex | undefined)[] = [];
  readonly #traits: Traits[] = [];
  #values = 0;

  constructor(reader: ByteReader, limits: AmfLimits = AMF_LIMITS) {
    this.#reader = reader;
    this.#limits = limits;
  }

  /** How many values have been read, references counted at their full size. */
  get values(): number {
    return this.#values;
  }

  parse(depth = 0): AmfValue {
    const reader = this.#reader;
    const at = reader.offset;
    this.#count(1, at);
    const marker = reader.u8();
    switch (marker) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER: {
        const unsigned = this.#u29();
        return unsigned >= 0x10000000 ? unsigned - 0x20000000 : unsigned;
      }
      case DOUBLE:
        return reader.f64();
      case STRING:
        return this.#string();
      case XML_DOCUMENT:
      case XML:
        return this.#complexValue(depth, at, (length) => reader.utf8(length));
      case BYTE_ARRAY:
        return this.#complexValue(depth, at, (length) => reader.view(length));
      case DATE:
        return this.#complexValue(depth, at, () => new Date(reader.f64()));
      case ARRAY:
        return this.#complexValue(depth, at, (count) => this.#array(count, depth));
      case OBJECT:
        return this.#complexValue(depth, at, (flags) => this.#object(flags, depth));
      default:
        throw new ProtocolError('amf3-marker', at, `unsupported AMF3 marker ${marker}`);
    }
  }

  #count(values: number, at: number): void {
    this.#values += values;
    if (this.#values > this.#limits.maxValues) throw new ProtocolError('amf-too-many-values', at);
  }

  /** Up to four bytes, seven bits each except the last, which gives eight. */
  #u29(): number {
    let value = 0;
    for (let index = 0; index < 3; index++) {
      const byte = this.#reader.u8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.#reader.u8();
  }

  #string(): string {
    const at = this.#reader.offset;
    const head = this.#u29();
    if ((head & 1) === 0) {
      const known = this.#strings[head >> 1];
      if (known === undefined) throw new ProtocolError('amf-bad-reference', at);
      return known;
    }
    const text = this.#reader.utf8(head >> 1);
    if (text !== '') this.#strings.push(text); // the empty string is never sent by reference
    return text;
  }

  #complexValue(depth: number, at: number, read: (rest: number) => AmfValue): AmfValue {
    if (depth >= this.#limits.maxDepth) throw new ProtocolError('amf-too-deep', at);
    const head = this.#u29();
    if ((head & 1) === 0) {
      const target = this.#complex[head >> 1];
      if (target === undefined) throw new ProtocolError('amf-bad-reference', at);
      this.#count(target.values, at);
      return target.value;
    }
    const slot = this.#complex.push(undefined) - 1;
    const before = this.#values;
    const value = read(head >> 1);
    this.#complex[slot] = { value, values: this.#values - before + 1 };
    return value;
  }

  #array(count: number, depth: number): AmfValue {
    if (count > this.#reader.remaining) throw new ProtocolError('truncated', this.#reader.offset);
    const named = this.#dynamicProperties(depth);
    const list: AmfValue[] = [];
    for (let index = 0; index < count; index++) list.push(this.parse(depth + 1));
    if (Object.keys(named).length === 0) return list;
    for (const [index, value] of list.entries()) named[index] = value;
    return named;
  }

  #object(flags: number, depth: number): AmfObject {
    const traits = this.#readTraits(flags);
    const properties: Record<string, AmfValue> = Object.create(null);
    for (const name of traits.names) properties[name] = this.parse(depth + 1);
    return traits.dynamic ? Object.assign(properties, this.#dynamicProperties(depth)) : properties;
  }

  #readTraits(flags: number): Traits {
    const at = this.#reader.offset;
    if ((flags & 1) === 0) {
      const known = this.#traits[flags >> 1];
      if (known === undefined) throw new ProtocolError('amf-bad-reference', at);
      return known;
    }
    if ((flags & 2) !== 0) throw new ProtocolError('amf3-externalizable', at);
    this.#string(); // class name
    const count = flags >> 3;
    if (count > this.#reader.remaining) throw new ProtocolError('truncated', at);
    this.#count(count, at);
    const names: string[] = [];
    for (let index = 0; index < count; index++) names.push(this.#string());
    const traits = { dynamic: (flags & 4) !== 0, names };
    this.#traits.push(traits);
    return traits;
  }

  #dynamicProperties(depth: number): Record<string, AmfValue> {
    const properties: Record<string, AmfValue> = Object.create(null);
    for (;;) {
      const key = this.#string();
      if (key === '') return properties;
      properties[key] = this.parse(depth + 1);
    }
  }
}
