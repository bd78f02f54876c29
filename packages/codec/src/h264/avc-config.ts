import { ByteReader, ByteWriter } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { parseSps } from './sps.ts';

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1): parameter sets and the size of NAL length prefixes. */
export type AvcConfig = {
  readonly lengthBytes: number;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
};

const PROFILES_WITH_TAIL = new Set([100, 110, 122, 144, 244]);

/**
 * Reads a record; the High-profile tail may be missing.
 *
 *     01 profile compat level | 111111 lengthSizeMinusOne:2 | 111 numSPS:5 {len16 SPS} | numPPS:8 {len16 PPS} [tail]
 *
 * @throws ProtocolError
 */
export function parseAvcConfig(record: Uint8Array): AvcConfig {
  const reader = new ByteReader(record);
  if (reader.u8() !== 1) throw new ProtocolError('avcc-version', 0);
  reader.skip(3);
  const lengthBytes = (reader.u8() & 3) + 1;
  if (lengthBytes === 3) throw new ProtocolError('avcc-length-size', 4);
  const sps = readSets(reader, reader.u8() & 0x1f);
  const pps = readSets(reader, reader.u8());
  return { lengthBytes, sps, pps };
}

function readSets(reader: ByteReader, count: number): Uint8Array[] {
  const sets: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const set = reader.view(reader.u16());
    if (set.byteLength > 0) sets.push(set);
  }
  return sets;
}

/** Writes a record with 4-byte NAL lengths from SPS and PPS units. @throws ProtocolError when there is no usable SPS */
export function encodeAvcConfig(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Buffer {
  const first = sps[0];
  if (first === undefined || first.byteLength < 4 || sps.length > 31 || pps.length > 255) {
    throw new ProtocolError('avcc-parameter-sets', 0);
  }
  const writer = new ByteWriter(64)
    .u8(1)
    .bytes(first.subarray(1, 4))
    .u8(0xff)
    .u8(0xe0 | sps.length);
  for (const set of sps) writer.u16(set.byteLength).bytes(set);
  writer.u8(pps.length);
  for (const set of pps) writer.u16(set.byteLength).bytes(set);
  const info = PROFILES_WITH_TAIL.has(first[1] ?? 0) ? parseSps(first) : undefined;
  if (info !== undefined) {
    writer
      .u8(0xfc | info.chromaFormatIdc)
      .u8(0xf8 | (info.bitDepthLuma - 8))
      .u8(0xf8 | (info.bitDepthChroma - 8))
      .u8(0);
  }
  return writer.finish();
}
