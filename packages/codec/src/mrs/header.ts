import type { ByteReader, ByteWriter } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';

export const MRS_BEHAVIORS = ['domain', 'ipcidr', 'classical'] as const;
export type MrsBehavior = (typeof MRS_BEHAVIORS)[number];

/** What stands in front of the entries; `count` is for display only. */
export type MrsHeader = { readonly behavior: MrsBehavior; readonly count: number };

const MAGIC = 0x4d525301;
const VERSION = 1;

/**
 * Reads the head of a decompressed MRS file and leaves the reader at the body.
 *
 *     magic "MRS" 1 (4) | behavior (1) | count (8) | extra length (8) | extra
 *
 * @throws ProtocolError `mrs-magic`, `mrs-behavior`, `mrs-length`, `truncated`
 */
export function parseMrsHeader(reader: ByteReader): MrsHeader {
  if (reader.remaining < 4 || reader.u32() !== MAGIC) throw new ProtocolError('mrs-magic', 0);
  const behavior = MRS_BEHAVIORS[reader.u8()];
  if (behavior === undefined) throw new ProtocolError('mrs-behavior', 4);
  const count = readInt64(reader);
  reader.skip(readLength(reader, 0));
  return { behavior, count: Math.max(0, Math.min(count, 0x7fff_ffff)) };
}

export function encodeMrsHeader(writer: ByteWriter, header: MrsHeader): void {
  writer.u32(MAGIC).u8(MRS_BEHAVIORS.indexOf(header.behavior)).u64(BigInt(header.count)).u64(0n);
}

/** Reads the version that each body starts with. @throws ProtocolError `mrs-version` */
export function parseBodyVersion(reader: ByteReader): void {
  if (reader.u8() !== VERSION) throw new ProtocolError('mrs-version', reader.offset - 1);
}

export function encodeBodyVersion(writer: ByteWriter): void {
  writer.u8(VERSION);
}

/** An int64 that counts things of which each takes at least a byte. @throws ProtocolError `mrs-length` */
export function readLength(reader: ByteReader, least: number, itemBytes = 1): number {
  const at = reader.offset;
  const length = readInt64(reader);
  if (length < least) throw new ProtocolError('mrs-length', at);
  if (length > reader.remaining / itemBytes) throw new ProtocolError('truncated', at);
  return length;
}

function readInt64(reader: ByteReader): number {
  return Number(BigInt.asIntN(64, reader.u64()));
}
