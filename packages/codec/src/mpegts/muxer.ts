import type { AudioTrack, Frame, VideoTrack } from '@sluice/base/media';
import { ADTS_HEADER_BYTES, AdtsEncoder } from '../aac/adts.ts';
import { parseAvcConfig } from '../h264/avc-config.ts';
import { NAL_AUD, NAL_IDR, NAL_PPS, NAL_SLICE, NAL_SPS, nalType, splitLengthPrefixed } from '../h264/nal.ts';
import { TsPacketWriter } from './packet-writer.ts';
import { PES_HEADER_MAX_BYTES, writePesHeader } from './pes.ts';
import {
  encodePat,
  encodePmt,
  PID_AUDIO,
  PID_PAT,
  PID_PMT,
  PID_VIDEO,
  STREAM_TYPE_AAC_ADTS,
  STREAM_TYPE_H264,
  TS_PACKET_BYTES,
  type TsStream,
  writePsiPacket,
} from './psi.ts';

/** The tracks of one program; at least one must be there and video must be H.264. */
export type TsTracks = { readonly video: VideoTrack | undefined; readonly audio: AudioTrack | undefined };

const PSI_INTERVAL_MS = 400;
const PSI_INTERVAL_FRAMES = 50;
const STREAM_ID_VIDEO = 0xe0;
const STREAM_ID_AUDIO = 0xc0;
const START_CODE = Buffer.from([0, 0, 0, 1]);
const ACCESS_UNIT_DELIMITER = Buffer.from([0, 0, 0, 1, NAL_AUD, 0xf0]);

/**
 * Turns frames into whole TS packets (ISO/IEC 13818-1): one PES per access unit, PAT and PMT before every key frame
 * and at least every 400 ms and 50 frames, PCR on the video PID (audio without video), AUD and parameter sets before
 * IDR pictures, AAC in ADTS.
 */
export class TsMuxer {
  readonly #packets = new TsPacketWriter();
  #streams: TsStream[] = [];
  #pmtVersion = -1;
  #pat: Buffer = encodePat();
  #pmt: Buffer = Buffer.alloc(0);
  #pcrPid = PID_VIDEO;
  #parameterSets: Buffer[] = [];
  #adts: AdtsEncoder | undefined;
  #psiDue = true;
  #psiDtsMs = 0;
  #framesSincePsi = 0;
  #discontinuity = false;

  /** @throws ProtocolError when a track's configuration cannot be read */
  constructor(tracks: TsTracks) {
    this.setTracks(tracks);
  }

  /** Replaces the tracks: new parameter sets at once, a new PMT version when the set of streams changed. */
  setTracks(tracks: TsTracks): void {
    const streams: TsStream[] = [];
    this.#parameterSets = [];
    if (tracks.video !== undefined) {
      const config = parseAvcConfig(tracks.video.config);
      this.#parameterSets = [...config.sps, ...config.pps].map(bufferOf);
      streams.push({ pid: PID_VIDEO, streamType: STREAM_TYPE_H264 });
    }
    this.#adts = tracks.audio === undefined ? undefined : new AdtsEncoder(tracks.audio.config);
    if (tracks.audio !== undefined) streams.push({ pid: PID_AUDIO, streamType: STREAM_TYPE_AAC_ADTS });
    this.#psiDue = true;
    if (
      streams.length === this.#streams.length &&
      streams.every((stream, i) => stream.pid === this.#streams[i]?.pid)
    )
      return;
    this.#streams = streams;
    this.#pcrPid = streams[0]?.pid ?? PID_VIDEO;
    this.#pmtVersion++;
    this.#pmt = encodePmt(this.#pcrPid, streams, this.#pmtVersion);
  }

  /** Makes the next frame begin with PAT and PMT, as a segment must. */
  startSegment(): void {
    this.#psiDue = true;
  }

  /** Marks a splice: the next packet with a PCR carries the discontinuity indicator. */
  markDiscontinuity(): void {
    this.#discontinuity = true;
    this.#psiDue = true;
  }

  /**
   * The packets of one access unit, a multiple of 188 bytes. A frame of a track that was not announced gives none.
   * @throws ProtocolError when the frame's NAL lengths do not add up
   */
  muxFrame(frame: Frame): Buffer {
    const pid = frame.kind === 'video' ? PID_VIDEO : PID_AUDIO;
    if (!this.#streams.some((stream) => stream.pid === pid)) return Buffer.alloc(0);
    const parts = frame.kind === 'video' ? this.#videoParts(frame) : this.#audioParts(frame);
    const header = Buffer.allocUnsafe(PES_HEADER_MAX_BYTES);
    const streamId = frame.kind === 'video' ? STREAM_ID_VIDEO : STREAM_ID_AUDIO;
    let payloadBytes = 0;
    for (const part of parts) payloadBytes += part.byteLength;
    const dts90k = frame.dtsMs * 90;
    const headerBytes = writePesHeader(header, streamId, frame.ptsMs * 90, dts90k, payloadBytes);
    const carriesPcr = pid === this.#pcrPid;
    const psiBytes = this.#takePsiDue(frame) ? 2 * TS_PACKET_BYTES : 0;
    const pes = {
      pid,
      parts: [header.subarray(0, headerBytes), ...parts],
      payloadBytes: headerBytes + payloadBytes,
      pcr90k: carriesPcr ? dts90k : undefined,
      randomAccess: frame.kind === 'video' && frame.keyFrame,
      discontinuity: carriesPcr && this.#discontinuity,
    };
    if (carriesPcr) this.#discontinuity = false;
    const out = Buffer.allocUnsafe(psiBytes + this.#packets.measure(pes));
    if (psiBytes > 0) this.#writePsi(out);
    this.#packets.write(out, psiBytes, pes);
    return out;
  }

  #takePsiDue(frame: Frame): boolean {
    const sinceMs = frame.dtsMs - this.#psiDtsMs;
    this.#framesSincePsi++;
    const due =
      this.#psiDue ||
      (frame.kind === 'video' && frame.keyFrame) ||
      this.#framesSincePsi >= PSI_INTERVAL_FRAMES ||
      sinceMs >= PSI_INTERVAL_MS ||
      sinceMs < -PSI_INTERVAL_MS;
    if (!due) return false;
    this.#psiDue = false;
    this.#psiDtsMs = frame.dtsMs;
    this.#framesSincePsi = 0;
    return true;
  }

  #writePsi(out: Buffer): void {
    writePsiPacket(out, 0, PID_PAT, this.#packets.nextContinuity(PID_PAT), this.#pat);
    writePsiPacket(out, TS_PACKET_BYTES, PID_PMT, this.#packets.nextContinuity(PID_PMT), this.#pmt);
  }

  #videoParts(frame: Frame): Buffer[] {
    const nals = splitLengthPrefixed(frame.data);
    const parts: Buffer[] = [ACCESS_UNIT_DELIMITER];
    let parameterSetsSeen = false;
    let inserted = !frame.keyFrame;
    for (const nal of nals) {
      const type = nalType(nal);
      if (type === NAL_AUD) continue;
      if (type === NAL_SPS || type === NAL_PPS) parameterSetsSeen = true;
      if (!inserted && (type === NAL_IDR || type === NAL_SLICE)) {
        inserted = true;
        if (!parameterSetsSeen) for (const set of this.#parameterSets) parts.push(START_CODE, set);
      }
      parts.push(START_CODE, bufferOf(nal));
    }
    return parts;
  }

  #audioParts(frame: Frame): Buffer[] {
    const adts = this.#adts;
    if (adts === undefined) return [];
    const header = Buffer.allocUnsafe(ADTS_HEADER_BYTES);
    adts.write(header, 0, frame.data.byteLength);
    return [header, bufferOf(frame.data)];
  }
}

/** The same bytes with `copy`, which moves a range without making a view of it. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
