import { ByteWriter } from '@sluice/base/bytes';
import { crc32Mpeg } from './crc32.ts';

export const TS_PACKET_BYTES = 188;
export const PID_PAT = 0;
export const PID_PMT = 0x100;
export const PID_VIDEO = 0x101;
export const PID_AUDIO = 0x102;
export const STREAM_TYPE_AAC_ADTS = 0x0f;
export const STREAM_TYPE_H264 = 0x1b;

const PROGRAM = 1;
const TABLE_PAT = 0x00;
const TABLE_PMT = 0x02;

/** One elementary stream of the program. */
export type TsStream = { readonly pid: number; readonly streamType: number };

/** The program association table with the one program (ISO/IEC 13818-1 §2.4.4.3). */
export function encodePat(): Buffer {
  return encodeSection(
    TABLE_PAT,
    1,
    0,
    new ByteWriter(4)
      .u16(PROGRAM)
      .u16(0xe000 | PID_PMT)
      .finish(),
  );
}

/** The program map table (ISO/IEC 13818-1 §2.4.4.8); `version` counts modulo 32. */
export function encodePmt(pcrPid: number, streams: readonly TsStream[], version: number): Buffer {
  const body = new ByteWriter(32).u16(0xe000 | pcrPid).u16(0xf000);
  for (const stream of streams)
    body
      .u8(stream.streamType)
      .u16(0xe000 | stream.pid)
      .u16(0xf000);
  return encodeSection(TABLE_PMT, PROGRAM, version, body.finish());
}

/** `table_id:8 1 0 11 length:12 id:16 11 version:5 current:1 section:8 last:8 body CRC32` */
function encodeSection(tableId: number, id: number, version: number, body: Uint8Array): Buffer {
  const section = new ByteWriter(TS_PACKET_BYTES)
    .u8(tableId)
    .u16(0xb000 | (5 + body.byteLength + 4))
    .u16(id)
    .u8(0xc1 | ((version & 0x1f) << 1))
    .u16(0)
    .bytes(body);
  return section.u32(crc32Mpeg(section.finish())).finish();
}

/** Writes a section that fits one packet, filled up with FF. */
export function writePsiPacket(
  out: Buffer,
  at: number,
  pid: number,
  continuity: number,
  section: Uint8Array,
): void {
  out.writeUInt32BE((0x47400010 | (pid << 8) | continuity) >>> 0, at);
  out[at + 4] = 0; // pointer_field
  out.set(section, at + 5);
  out.fill(0xff, at + 5 + section.byteLength, at + TS_PACKET_BYTES);
}
