import { wrap33 } from './pes.ts';
import { TS_PACKET_BYTES } from './psi.ts';

const PAYLOAD_BYTES = 184;
const PCR_FIELD_BYTES = 8;
const FLAGS_FIELD_BYTES = 2;
const MAX_PIDS = 0x2000;

/** One PES packet to spread over TS packets: `parts` one after the other are its bytes, `payloadBytes` their sum. */
export type PesPacket = {
  readonly pid: number;
  readonly parts: readonly Buffer[];
  readonly payloadBytes: number;
  readonly pcr90k: number | undefined;
  readonly randomAccess: boolean;
  readonly discontinuity: boolean;
};

/** Writes PES packets as TS packets and keeps the continuity counter of each PID. */
export class TsPacketWriter {
  readonly #continuity = new Uint8Array(MAX_PIDS);

  nextContinuity(pid: number): number {
    const next = this.#continuity[pid] ?? 0;
    this.#continuity[pid] = (next + 1) & 0xf;
    return next;
  }

  /** The bytes `write` will produce. */
  measure(pes: PesPacket): number {
    return Math.ceil((pes.payloadBytes + adaptationBytes(pes)) / PAYLOAD_BYTES) * TS_PACKET_BYTES;
  }

  /** Writes all packets from `at`; payload is copied once, from the parts to its place. */
  write(out: Buffer, at: number, pes: PesPacket): void {
    let remaining = pes.payloadBytes;
    let packet = at;
    let part = 0;
    let partOffset = 0;
    let adaptation = adaptationBytes(pes);
    let first = true;
    while (remaining > 0) {
      const size = Math.min(remaining, PAYLOAD_BYTES - adaptation);
      const fieldBytes = PAYLOAD_BYTES - size;
      const pusi = first ? 0x400000 : 0;
      const control = fieldBytes > 0 ? 0x30 : 0x10;
      out.writeUInt32BE(
        (0x47000000 | pusi | (pes.pid << 8) | control | this.nextContinuity(pes.pid)) >>> 0,
        packet,
      );
      if (fieldBytes > 0) writeAdaptation(out, packet + 4, fieldBytes, first ? pes : undefined);
      let to = packet + 4 + fieldBytes;
      const end = packet + TS_PACKET_BYTES;
      while (to < end) {
        const source = pes.parts[part];
        if (source === undefined) break;
        const count = Math.min(end - to, source.byteLength - partOffset);
        source.copy(out, to, partOffset, partOffset + count);
        to += count;
        partOffset += count;
        if (partOffset === source.byteLength) {
          part++;
          partOffset = 0;
        }
      }
      remaining -= size;
      packet = end;
      first = false;
      adaptation = 0;
    }
  }
}

function adaptationBytes(pes: PesPacket): number {
  if (pes.pcr90k !== undefined) return PCR_FIELD_BYTES;
  return pes.randomAccess ? FLAGS_FIELD_BYTES : 0;
}

/** `length:8 [discontinuity:1 random_access:1 es_priority:1 PCR:1 0000] [PCR base:33 reserved:6 ext:9] stuffing FF` */
function writeAdaptation(out: Buffer, at: number, fieldBytes: number, pes: PesPacket | undefined): void {
  out[at] = fieldBytes - 1;
  if (fieldBytes === 1) return;
  const pcr = pes?.pcr90k;
  out[at + 1] =
    (pes?.discontinuity ? 0x80 : 0) | (pes?.randomAccess ? 0x40 : 0) | (pcr === undefined ? 0 : 0x10);
  let stuffing = at + 2;
  if (pcr !== undefined) {
    const base = wrap33(pcr);
    out.writeUInt32BE(Math.floor(base / 2), at + 2);
    out.writeUInt16BE(((base % 2) << 15) | 0x7e00, at + 6);
    stuffing = at + 8;
  }
  out.fill(0xff, stuffing, at + fieldBytes);
}
