/** A PES header with both time stamps. */
export const PES_HEADER_MAX_BYTES = 19;

const WRAP_90K = 2 ** 33;

/** A 90 kHz time as 33 bits; negative times wrap too. */
export function wrap33(time90k: number): number {
  const wrapped = Math.round(time90k) % WRAP_90K;
  return wrapped < 0 ? wrapped + WRAP_90K : wrapped;
}

/**
 * Writes a PES header (ISO/IEC 13818-1 §2.4.3.6) and returns its size; DTS is left out when equal to PTS. The packet
 * length is 0 when the packet exceeds 65535 bytes, which the standard allows for video only.
 */
export function writePesHeader(
  out: Buffer,
  streamId: number,
  pts90k: number,
  dts90k: number,
  payloadBytes: number,
): number {
  const pts = wrap33(pts90k);
  const dts = wrap33(dts90k);
  const stampBytes = pts === dts ? 5 : 10;
  const packetLength = 3 + stampBytes + payloadBytes;
  out.writeUInt32BE(0x00000100 | streamId, 0);
  out.writeUInt16BE(packetLength > 0xffff ? 0 : packetLength, 4);
  out[6] = 0x84; // marker bits and data_alignment_indicator
  out[7] = pts === dts ? 0x80 : 0xc0;
  out[8] = stampBytes;
  writeStamp(out, 9, pts === dts ? 2 : 3, pts);
  if (pts !== dts) writeStamp(out, 14, 1, dts);
  return 9 + stampBytes;
}

/** `prefix:4 t[32..30] 1 t[29..15] 1 t[14..0] 1` */
function writeStamp(out: Buffer, at: number, prefix: number, time: number): void {
  const high = Math.floor(time / 2 ** 30);
  const low = time % 2 ** 30;
  out[at] = (prefix << 4) | (high << 1) | 1;
  out.writeUInt16BE(((low >> 14) & 0xfffe) | 1, at + 1);
  out.writeUInt16BE(((low << 1) & 0xfffe) | 1, at + 3);
}

/** Reads a five-byte time stamp. */
export function readStamp(bytes: Buffer, at: number): number {
  const high = ((bytes[at] ?? 0) >> 1) & 7;
  return high * 2 ** 30 + (bytes.readUInt16BE(at + 1) >> 1) * 2 ** 15 + (bytes.readUInt16BE(at + 3) >> 1);
}
