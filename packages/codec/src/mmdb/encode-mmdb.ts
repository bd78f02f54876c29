import { ByteWriter } from '@sluice/base/bytes';
import type { Cidr } from '@sluice/base/ip';
import {
  MMDB_ARRAY,
  MMDB_BOOLEAN,
  MMDB_BYTES,
  MMDB_DOUBLE,
  MMDB_MAP,
  MMDB_STRING,
  MMDB_UINT32,
  MMDB_UINT64,
  type MmdbValue,
} from './decoder.ts';

export type MmdbNetwork = { readonly cidr: Cidr; readonly value: MmdbValue };

export type MmdbContent = {
  readonly databaseType: string;
  readonly recordSize: 24 | 28 | 32;
  /** 4 leaves IPv6 networks out. */
  readonly ipVersion: 4 | 6;
  /** Of networks that overlap the later one holds. */
  readonly networks: readonly MmdbNetwork[];
};

type Branch = { left: Branch | Leaf | undefined; right: Branch | Leaf | undefined };
type Leaf = { readonly value: MmdbValue };

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const SEPARATOR_BYTES = 16;

/** A MaxMind DB file with the networks, without pointers in its data. */
export function encodeMmdb({ databaseType, recordSize, ipVersion, networks }: MmdbContent): Buffer {
  const root: Branch = { left: undefined, right: undefined };
  for (const { cidr, value } of networks) {
    const bits = bitsOf(cidr, ipVersion);
    if (bits !== undefined) insert(root, bits, { value });
  }
  const branches: Branch[] = [root];
  const numbers = new Map<Branch, number>([[root, 0]]);
  for (const branch of branches) {
    for (const child of [branch.left, branch.right]) {
      if (child !== undefined && !('value' in child)) numbers.set(child, branches.push(child) - 1);
    }
  }
  const data = new ByteWriter();
  const tree = new ByteWriter();
  const recordOf = (child: Branch | Leaf | undefined): number => {
    if (child === undefined) return branches.length;
    if (!('value' in child)) return numbers.get(child) ?? 0;
    const record = branches.length + SEPARATOR_BYTES + data.length;
    encodeValue(data, child.value);
    return record;
  };
  for (const { left, right } of branches) writeNode(tree, recordSize, recordOf(left), recordOf(right));
  const metadata = new ByteWriter();
  encodeValue(
    metadata,
    new Map<string, MmdbValue>([
      ['binary_format_major_version', 2],
      ['binary_format_minor_version', 0],
      ['build_epoch', 1_700_000_000n],
      ['database_type', databaseType],
      ['description', new Map([['en', databaseType]])],
      ['ip_version', ipVersion],
      ['languages', ['en']],
      ['node_count', branches.length],
      ['record_size', recordSize],
    ]),
  );
  return Buffer.concat([
    tree.finish(),
    Buffer.alloc(SEPARATOR_BYTES),
    data.finish(),
    MARKER,
    metadata.finish(),
  ]);
}

/** The path to a network in the tree. */
function bitsOf({ address, prefixLength }: Cidr, ipVersion: 4 | 6): number[] | undefined {
  if (address.family === 6 && ipVersion === 4) return undefined;
  const words = address.family === 4 ? [address.value] : address.words;
  const bits = words.flatMap((word) => Array.from({ length: 32 }, (_, bit) => (word >>> (31 - bit)) & 1));
  const path = bits.slice(0, prefixLength);
  return address.family === 4 && ipVersion === 6 ? [...new Array<number>(96).fill(0), ...path] : path;
}

function insert(root: Branch, bits: readonly number[], leaf: Leaf): void {
  let branch = root;
  for (const [depth, bit] of bits.entries()) {
    const side = bit === 0 ? 'left' : 'right';
    if (depth === bits.length - 1) {
      branch[side] = leaf;
      return;
    }
    const child = branch[side];
    // A wider network that is there already goes on in the half that the new one leaves.
    const next = child !== undefined && !('value' in child) ? child : { left: child, right: child };
    branch[side] = next;
    branch = next;
  }
}

function writeNode(writer: ByteWriter, recordSize: 24 | 28 | 32, left: number, right: number): void {
  if (recordSize === 32) writer.u32(left).u32(right);
  else if (recordSize === 24) writer.u24(left).u24(right);
  else {
    writer.u24(left & 0xff_ffff);
    writer.u8(((left >>> 24) << 4) | (right >>> 24));
    writer.u24(right & 0xff_ffff);
  }
}

function encodeValue(writer: ByteWriter, value: MmdbValue): void {
  if (typeof value === 'string') writeBytes(writer, MMDB_STRING, Buffer.from(value, 'utf8'));
  else if (typeof value === 'bigint') {
    writeControl(writer, MMDB_UINT64, 8);
    writer.u64(value);
  } else if (typeof value === 'boolean') writeControl(writer, MMDB_BOOLEAN, value ? 1 : 0);
  else if (typeof value === 'number') encodeNumber(writer, value);
  else if (value instanceof Uint8Array) writeBytes(writer, MMDB_BYTES, value);
  else if (value instanceof Map) {
    writeControl(writer, MMDB_MAP, value.size);
    for (const [key, each] of value) {
      encodeValue(writer, key);
      encodeValue(writer, each);
    }
  } else if (isList(value)) {
    writeControl(writer, MMDB_ARRAY, value.length);
    for (const each of value) encodeValue(writer, each);
  }
}

function isList(value: MmdbValue): value is readonly MmdbValue[] {
  return Array.isArray(value);
}

function encodeNumber(writer: ByteWriter, value: number): void {
  if (Number.isInteger(value) && value >= 0) {
    writeControl(writer, MMDB_UINT32, 4);
    writer.u32(value);
  } else {
    writeControl(writer, MMDB_DOUBLE, 8);
    writer.f64(value);
  }
}

function writeBytes(writer: ByteWriter, type: number, bytes: Uint8Array): void {
  writeControl(writer, type, bytes.length);
  writer.bytes(bytes);
}

/** `TTTSSSSS`, the type's own byte, and what of the size does not fit. */
function writeControl(writer: ByteWriter, type: number, size: number): void {
  const short = type > 7 ? 0 : type << 5;
  const sizeBits = size < 29 ? size : size < 285 ? 29 : size < 65_821 ? 30 : 31;
  writer.u8(short | sizeBits);
  if (type > 7) writer.u8(type - 7);
  if (sizeBits === 29) writer.u8(size - 29);
  else if (sizeBits === 30) writer.u16(size - 285);
  else if (sizeBits === 31) writer.u24(size - 65_821);
}
