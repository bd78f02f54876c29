import { ByteReader, ByteWriter } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { Amf3Parser } from './amf3.ts';
import { AMF_LIMITS, type AmfLimits, type AmfObject, type AmfValue, EcmaArray, isAmfList } from './value.ts';

const NUMBER = 0x00;
const BOOLEAN = 0x01;
const STRING = 0x02;
const OBJECT = 0x03;
const NULL = 0x05;
const UNDEFINED = 0x06;
const REFERENCE = 0x07;
const ECMA_ARRAY = 0x08;
const OBJECT_END = 0x09;
const STRICT_ARRAY = 0x0a;
const DATE = 0x0b;
const LONG_STRING = 0x0c;
const UNSUPPORTED = 0x0d;
const XML = 0x0f;
const TYPED_OBJECT = 0x10;
const AMF3 = 0x11;

/** Reads every AMF0 value of `bytes`, switching to AMF3 where marker 11 says so. @throws ProtocolError */
export function parseAmf0(bytes: Uint8Array, limits: AmfLimits = AMF_LIMITS): AmfValue[] {
  const reader = new ByteReader(bytes);
  const parser = new Amf0Parser(reader, limits);
  const values: AmfValue[] = [];
  while (reader.remaining > 0) values.push(parser.parse());
  return values;
}

/** Reads AMF0 values one at a time from a reader, leaving it after the value. */
export class Amf0Parser {
  readonly #reader: ByteReader;
  readonly #limits: AmfLimits;
  /** Finished complex values with the number of values inside, for marker 07. */
  readonly #complex: ({ readonly value: AmfValue; readonly values: number } | undefined)[] = [];
  #values = 0;

  constructor(reader: ByteReader, limits: AmfLimits = AMF_LIMITS) {
    this.#reader = reader;
    this.#limits = limits;
  }

  parse(depth = 0): AmfValue {
    const reader = this.#reader;
    const at = reader.offset;
    this.#count(1, at);
    const marker = reader.u8();
    switch (marker) {
      case NUMBER:
        return reader.f64();
      case BOOLEAN:
        return reader.u8() !== 0;
      case STRING:
        return reader.utf8(reader.u16());
      case LONG_STRING:
      case XML:
        return reader.utf8(reader.u32());
      case NULL:
        return null;
      case UNDEFINED:
      case UNSUPPORTED:
        return undefined;
      case DATE: {
        const date = new Date(reader.f64());
        reader.skip(2); // time zone, reserved as zero by the specification
        return date;
      }
      case REFERENCE:
        return this.#dereference(reader.u16(), at);
      case OBJECT:
        return this.#nest(depth, at, () => this.#properties(depth));
      case TYPED_OBJECT:
        reader.skip(reader.u16());
        return this.#nest(depth, at, () => this.#properties(depth));
      case ECMA_ARRAY:
        reader.skip(4); // a count that senders get wrong; the end marker decides
        return this.#nest(depth, at, () => new EcmaArray(this.#properties(depth)));
      case STRICT_ARRAY:
        return this.#nest(depth, at, () => this.#list(depth));
      case AMF3:
        return this.#amf3(depth);
      default:
        throw new ProtocolError('amf0-marker', at, `unknown AMF0 marker ${marker}`);
    }
  }

  #count(values: number, at: number): void {
    this.#values += values;
    if (this.#values > this.#limits.maxValues) throw new ProtocolError('amf-too-many-values', at);
  }

  #nest(depth: number, at: number, read: () => AmfValue): AmfValue {
    if (depth >= this.#limits.maxDepth) throw new ProtocolError('amf-too-deep', at);
    const slot = this.#complex.push(undefined) - 1;
    const before = this.#values;
    const value = read();
    this.#complex[slot] = { value, values: this.#values - before + 1 };
    return value;
  }

  /** Only finished values can be referred to: a cycle would be a value nobody could walk. */
  #dereference(index: number, at: number): AmfValue {
    const target = this.#complex[index];
    if (target === undefined) throw new ProtocolError('amf-bad-reference', at);
    this.#count(target.values, at);
    return target.value;
  }

  #properties(depth: number): AmfObject {
    const reader = this.#reader;
    const properties: Record<string, AmfValue> = Object.create(null);
    for (;;) {
      const key = reader.utf8(reader.u16());
      if (key === '' && reader.remaining > 0 && reader.bytes[reader.offset] === OBJECT_END) {
        reader.skip(1);
        return properties;
      }
      properties[key] = this.parse(depth + 1);
    }
  }

  #list(depth: number): AmfValue[] {
    const count = this.#reader.u32();
    // Every element takes at least one byte, so a larger count is a lie.
    if (count > this.#reader.remaining) throw new ProtocolError('truncated', this.#reader.offset);
    const values: AmfValue[] = [];
    for (let index = 0; index < count; index++) values.push(this.parse(depth + 1));
    return values;
  }

  #amf3(depth: number): AmfValue {
    const parser = new Amf3Parser(this.#reader, {
      maxDepth: this.#limits.maxDepth - depth,
      maxValues: this.#limits.maxValues - this.#values,
    });
    const value = parser.parse();
    this.#values += parser.values;
    return value;
  }
}

/** Writes values one after the other; numbers, strings, objects and lists take their AMF0 form. @throws ProtocolError */
export function encodeAmf0(...values: readonly AmfValue[]): Buffer {
  const writer = new ByteWriter();
  for (const value of values) writeAmf0(writer, value);
  return writer.finish();
}

/** Appends one value. @throws ProtocolError `amf-too-deep`, `amf-unencodable` */
export function writeAmf0(writer: ByteWriter, value: AmfValue, depth = 0): void {
  if (depth > AMF_LIMITS.maxDepth) throw new ProtocolError('amf-too-deep', writer.length);
  if (typeof value === 'number') writer.u8(NUMBER).f64(value);
  else if (typeof value === 'boolean') writer.u8(BOOLEAN).u8(value ? 1 : 0);
  else if (typeof value === 'string') writeString(writer, value);
  else if (value === null) writer.u8(NULL);
  else if (value === undefined) writer.u8(UNDEFINED);
  else if (value instanceof Date) writer.u8(DATE).f64(value.getTime()).u16(0);
  else if (value instanceof Uint8Array) throw new ProtocolError('amf-unencodable', writer.length);
  else if (value instanceof EcmaArray) {
    writer.u8(ECMA_ARRAY).u32(Object.keys(value.properties).length);
    writeProperties(writer, value.properties, depth);
  } else if (isAmfList(value)) {
    writer.u8(STRICT_ARRAY).u32(value.length);
    for (const element of value) writeAmf0(writer, element, depth + 1);
  } else {
    writer.u8(OBJECT);
    writeProperties(writer, value, depth);
  }
}

function writeString(writer: ByteWriter, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > 0xffff) writer.u8(LONG_STRING).u32(bytes.length).bytes(bytes);
  else writer.u8(STRING).u16(bytes.length).bytes(bytes);
}

function writeProperties(writer: ByteWriter, properties: AmfObject, depth: number): void {
  for (const [key, value] of Object.entries(properties)) {
    const name = Buffer.from(key, 'utf8');
    if (name.length > 0xffff) throw new ProtocolError('amf-unencodable', writer.length);
    writer.u16(name.length).bytes(name);
    writeAmf0(writer, value, depth + 1);
  }
  writer.u16(0).u8(OBJECT_END);
}
