import { ByteQueue } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { crc32Mpeg } from './crc32.ts';
import { readStamp } from './pes.ts';
import { TS_PACKET_BYTES } from './psi.ts';

/** One PES packet off the wire; times are 33-bit 90 kHz values, `pcr90k` the base of the PCR in its first packet. */
export type TsPes = {
  readonly pid: number;
  readonly streamType: number;
  readonly pts90k: number | undefined;
  readonly dts90k: number | undefined;
  readonly pcr90k: number | undefined;
  readonly randomAccess: boolean;
  readonly data: Uint8Array;
};

/** What a transport stream contains, in order. */
export type TsEvent =
  | { readonly type: 'program'; readonly pcrPid: number; readonly streams: ReadonlyMap<number, number> }
  | { readonly type: 'pes'; readonly pes: TsPes }
  /** Packets of this PID are missing; its unfinished PES has been dropped. */
  | { readonly type: 'gap'; readonly pid: number };

type PidState = {
  continuity: number | undefined;
  parts: Uint8Array[];
  bytes: number;
  pcr90k: number | undefined;
  randomAccess: boolean;
};

const PID_NULL = 0x1fff;
const MAX_PES_BYTES = 8 * 1024 * 1024;
const MAX_STREAMS = 32;

/** Splits 188-byte packets of one program into PES packets; a PES ends when the next one on its PID starts, or at `flush`. */
export class TsDemuxer {
  readonly #queue = new ByteQueue(16 * 1024 * 1024);
  readonly #pids = new Map<number, PidState>();
  #pmtPid: number | undefined;
  #pmtSection: Buffer | undefined;
  #streams: ReadonlyMap<number, number> = new Map();

  /** Takes the next bytes. @throws ProtocolError when packets do not start with 47 or a section is malformed */
  push(bytes: Uint8Array): TsEvent[] {
    this.#queue.push(bytes);
    const events: TsEvent[] = [];
    for (;;) {
      const packet = this.#queue.take(TS_PACKET_BYTES);
      if (packet === undefined) return events;
      this.#packet(Buffer.from(packet.buffer, packet.byteOffset, TS_PACKET_BYTES), events);
    }
  }

  /** Ends the stream: unfinished PES packets are complete. @throws ProtocolError */
  flush(): TsEvent[] {
    const events: TsEvent[] = [];
    for (const [pid, state] of this.#pids) this.#finish(pid, state, events);
    return events;
  }

  #packet(packet: Buffer, events: TsEvent[]): void {
    if (packet[0] !== 0x47) throw new ProtocolError('ts-sync', 0);
    const head = packet.readUInt32BE(0);
    const pid = (head >> 8) & 0x1fff;
    if (pid === PID_NULL || (head & 0x800000) !== 0) return;
    const hasAdaptation = (head & 0x20) !== 0;
    const fieldBytes = hasAdaptation ? 1 + (packet[4] ?? 0) : 0;
    const flags = fieldBytes > 1 ? (packet[5] ?? 0) : 0;
    if (4 + fieldBytes > TS_PACKET_BYTES) throw new ProtocolError('ts-adaptation-length', 4);
    if ((head & 0x10) === 0) return;
    const payload = packet.subarray(4 + fieldBytes);
    const start = (head & 0x400000) !== 0;
    if (pid === 0) this.#pat(section(payload, start));
    else if (pid === this.#pmtPid) this.#pmt(section(payload, start), events);
    else if (this.#streams.has(pid)) this.#pesPacket(packet, pid, flags, payload, events);
  }

  #pesPacket(packet: Buffer, pid: number, flags: number, payload: Buffer, events: TsEvent[]): void {
    const head = packet.readUInt32BE(0);
    const start = (head & 0x400000) !== 0;
    const state = this.#state(pid);
    this.#checkContinuity(pid, state, head & 0xf, (flags & 0x80) !== 0, events);
    if (start) {
      this.#finish(pid, state, events);
      state.pcr90k = (flags & 0x10) !== 0 ? packet.readUInt32BE(6) * 2 + ((packet[10] ?? 0) >> 7) : undefined;
      state.randomAccess = (flags & 0x40) !== 0;
    } else if (state.bytes === 0) return; // the start was lost
    state.bytes += payload.byteLength;
    if (state.bytes > MAX_PES_BYTES) throw new ProtocolError('ts-pes-too-large', 0);
    state.parts.push(payload);
  }

  #state(pid: number): PidState {
    const known = this.#pids.get(pid);
    if (known !== undefined) return known;
    const state = { continuity: undefined, parts: [], bytes: 0, pcr90k: undefined, randomAccess: false };
    this.#pids.set(pid, state);
    return state;
  }

  #checkContinuity(
    pid: number,
    state: PidState,
    counter: number,
    announced: boolean,
    events: TsEvent[],
  ): void {
    const expected = state.continuity === undefined ? counter : (state.continuity + 1) & 0xf;
    state.continuity = counter;
    if (counter === expected || announced) return;
    state.parts = [];
    state.bytes = 0;
    events.push({ type: 'gap', pid });
  }

  #pat(bytes: Buffer): void {
    for (let at = 8; at + 4 <= bytes.length - 4; at += 4) {
      if (bytes.readUInt16BE(at) === 0) continue; // network PID
      this.#pmtPid = bytes.readUInt16BE(at + 2) & 0x1fff;
      return;
    }
  }

  #pmt(bytes: Buffer, events: TsEvent[]): void {
    if (this.#pmtSection?.equals(bytes)) return;
    const streams = new Map<number, number>();
    const end = bytes.length - 4;
    if (end < 12) throw new ProtocolError('truncated', bytes.length);
    let at = 12 + (bytes.readUInt16BE(10) & 0xfff);
    while (at + 5 <= end && streams.size < MAX_STREAMS) {
      streams.set(bytes.readUInt16BE(at + 1) & 0x1fff, bytes[at] ?? 0);
      at += 5 + (bytes.readUInt16BE(at + 3) & 0xfff);
    }
    this.#pmtSection = Buffer.from(bytes);
    this.#streams = streams;
    for (const pid of this.#pids.keys()) if (!streams.has(pid)) this.#pids.delete(pid);
    events.push({ type: 'program', pcrPid: bytes.readUInt16BE(8) & 0x1fff, streams });
  }

  #finish(pid: number, state: PidState, events: TsEvent[]): void {
    if (state.bytes === 0) return;
    const bytes = Buffer.concat(state.parts, state.bytes);
    state.parts = [];
    state.bytes = 0;
    const { pcr90k, randomAccess } = state;
    events.push({
      type: 'pes',
      pes: { pid, streamType: this.#streams.get(pid) ?? 0, pcr90k, randomAccess, ...parsePes(bytes) },
    });
  }
}

/** A section that fits its packet, CRC checked. */
function section(payload: Buffer, start: boolean): Buffer {
  if (!start) throw new ProtocolError('ts-section-split', 0);
  const from = 1 + (payload[0] ?? 0);
  if (from + 3 > payload.length) throw new ProtocolError('truncated', from);
  const end = from + 3 + (payload.readUInt16BE(from + 1) & 0xfff);
  if (end > payload.length || end - from < 12) throw new ProtocolError('ts-section-length', from);
  const bytes = payload.subarray(from, end);
  if (crc32Mpeg(bytes) !== 0) throw new ProtocolError('ts-section-crc', from);
  return bytes;
}

function parsePes(bytes: Buffer): Pick<TsPes, 'pts90k' | 'dts90k' | 'data'> {
  if (bytes.length < 9 || bytes.readUIntBE(0, 3) !== 1) throw new ProtocolError('ts-pes-start', 0);
  const length = bytes.readUInt16BE(4);
  const dataAt = 9 + (bytes[8] ?? 0);
  const end = length === 0 ? bytes.length : 6 + length;
  if (end > bytes.length || dataAt > end) throw new ProtocolError('ts-pes-length', 4);
  const stamps = (bytes[7] ?? 0) >> 6;
  if (dataAt < 9 + (stamps === 3 ? 10 : stamps === 2 ? 5 : 0)) throw new ProtocolError('ts-pes-header', 8);
  const pts90k = stamps >= 2 ? readStamp(bytes, 9) : undefined;
  const dts90k = stamps === 3 ? readStamp(bytes, 14) : pts90k;
  return { pts90k, dts90k, data: bytes.subarray(dataAt, end) };
}
