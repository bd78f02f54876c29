import { type ByteReader, ByteWriter } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import type { Ipv6Words } from '@sluice/base/ip';
import { encodeBodyVersion, encodeMrsHeader, parseBodyVersion, readLength } from './header.ts';

/** First and last address, both inclusive; IPv4 as `::ffff:a.b.c.d`. */
export type MrsRange = { readonly from: Ipv6Words; readonly to: Ipv6Words };

const RANGE_BYTES = 32;

/**
 * Reads the body of an `ipcidr` file: `version (1) | count (8) | count × (from (16) | to (16))`.
 * @throws ProtocolError `mrs-version`, `mrs-length`, `mrs-range`, `truncated`
 */
export function* parseMrsRanges(reader: ByteReader): Generator<MrsRange> {
  parseBodyVersion(reader);
  const count = readLength(reader, 1, RANGE_BYTES);
  for (let index = 0; index < count; index++) {
    const from = readWords(reader);
    const to = readWords(reader);
    if (isAfter(from, to)) throw new ProtocolError('mrs-range', reader.offset - RANGE_BYTES);
    yield { from, to };
  }
}

/** A decompressed MRS file with the ranges, which have to be sorted and disjoint; at least one. */
export function encodeMrsRanges(ranges: readonly MrsRange[], count = ranges.length): Buffer {
  const writer = new ByteWriter(64 + ranges.length * RANGE_BYTES);
  encodeMrsHeader(writer, { behavior: 'ipcidr', count });
  encodeBodyVersion(writer);
  writer.u64(BigInt(ranges.length));
  for (const word of ranges.flatMap(({ from, to }) => [...from, ...to])) writer.u32(word);
  return writer.finish();
}

function readWords(reader: ByteReader): Ipv6Words {
  return [reader.u32(), reader.u32(), reader.u32(), reader.u32()];
}

function isAfter(from: Ipv6Words, to: Ipv6Words): boolean {
  for (const [index, word] of from.entries()) {
    const other = to[index] ?? 0;
    if (word !== other) return word > other;
  }
  return false;
}
