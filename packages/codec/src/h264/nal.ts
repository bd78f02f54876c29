import { ProtocolError } from '@sluice/base/errors';

/** NAL unit types of ITU-T H.264 table 7-1 that the gateway acts on. */
export const NAL_SLICE = 1;
export const NAL_IDR = 5;
export const NAL_SEI = 6;
export const NAL_SPS = 7;
export const NAL_PPS = 8;
export const NAL_AUD = 9;

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** The type in the low five bits of a NAL header. */
export function nalType(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 0x1f;
}

/** Views on the NAL units of length-prefixed data; empty units are left out. @throws ProtocolError */
export function splitLengthPrefixed(data: Uint8Array, lengthBytes = 4): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let at = 0;
  while (at < data.byteLength) {
    const start = at + lengthBytes;
    if (start > data.byteLength) throw new ProtocolError('nal-length', at);
    let length = 0;
    for (let index = at; index < start; index++) length = length * 256 + (data[index] ?? 0);
    if (start + length > data.byteLength) throw new ProtocolError('nal-length', at);
    if (length > 0) nals.push(data.subarray(start, start + length));
    at = start + length;
  }
  return nals;
}

/** Views on the NAL units of an Annex B byte stream, found by 3- and 4-byte start codes, without trailing zero bytes. */
export function splitAnnexB(data: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const nals: Uint8Array[] = [];
  let start = -1;
  let code = bytes.indexOf('\0\0\x01', 0, 'latin1');
  while (code >= 0) {
    if (start >= 0) pushTrimmed(nals, data, start, code);
    start = code + 3;
    code = bytes.indexOf('\0\0\x01', start, 'latin1');
  }
  if (start >= 0) pushTrimmed(nals, data, start, data.byteLength);
  return nals;
}

function pushTrimmed(nals: Uint8Array[], data: Uint8Array, start: number, end: number): void {
  let last = end;
  while (last > start && data[last - 1] === 0) last--;
  if (last > start) nals.push(data.subarray(start, last));
}

/** One buffer with every unit behind a 4-byte start code. */
export function joinAnnexB(nals: readonly Uint8Array[]): Buffer {
  return joinNals(nals, (out, at) => void out.set(START_CODE, at));
}

/** One buffer with every unit behind its 4-byte length. */
export function joinLengthPrefixed(nals: readonly Uint8Array[]): Buffer {
  return joinNals(nals, (out, at, length) => void out.writeUInt32BE(length, at));
}

function joinNals(
  nals: readonly Uint8Array[],
  writePrefix: (out: Buffer, at: number, length: number) => void,
): Buffer {
  let total = 0;
  for (const nal of nals) total += 4 + nal.byteLength;
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const nal of nals) {
    writePrefix(out, at, nal.byteLength);
    out.set(nal, at + 4);
    at += 4 + nal.byteLength;
  }
  return out;
}

/**
 * Whether decoding can start at this access unit: it holds an IDR slice, or SPS and PPS before a slice
 * (encoders with intra refresh or recovery points send no IDR).
 */
export function isKeyAccessUnit(nals: readonly Uint8Array[]): boolean {
  let sps = false;
  let pps = false;
  for (const nal of nals) {
    const type = nalType(nal);
    if (type === NAL_IDR) return true;
    if (type === NAL_SPS) sps = true;
    else if (type === NAL_PPS) pps = true;
    else if (type === NAL_SLICE && sps && pps) return true;
  }
  return false;
}

/** Whether a unit is the first slice of a picture (`first_mb_in_slice` is 0). */
export function isFirstSlice(nal: Uint8Array): boolean {
  const type = nalType(nal);
  return type >= NAL_SLICE && type <= NAL_IDR && ((nal[1] ?? 0) & 0x80) !== 0;
}
