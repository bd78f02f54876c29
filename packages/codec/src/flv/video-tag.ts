import { ProtocolError } from '@sluice/base/errors';
import type { Frame } from '@sluice/base/media';
import { isKeyAccessUnit, joinLengthPrefixed, splitLengthPrefixed } from '../h264/nal.ts';
import { type FlvTagParts, TAG_VIDEO } from './tag.ts';

/** Codecs of video tags: classic codec ids (12-15 by Chinese convention) and enhanced RTMP fourccs. */
export type FlvVideoCodec = 'h264' | 'h265' | 'h266' | 'av1' | 'vp8' | 'vp9' | 'unknown';

/** What a video tag body says before its payload; `compositionMs` is pts − dts, signed. */
export type VideoTag = {
  readonly codec: FlvVideoCodec;
  readonly enhanced: boolean;
  readonly keyFrame: boolean;
  /** `other` covers metadata, multitrack and commands, which carry no picture. */
  readonly packet: 'config' | 'frames' | 'end' | 'other';
  readonly compositionMs: number;
  /** Configuration record for `config`, access unit for `frames`. */
  readonly payload: Uint8Array;
};

const FRAME_KEY = 1;
const FRAME_GENERATED_KEY = 4;
const FRAME_COMMAND = 5;
const CODEC_AVC = 7;
const CLASSIC_CODECS: Readonly<Record<number, FlvVideoCodec>> = {
  7: 'h264',
  12: 'h265',
  13: 'av1',
  14: 'vp8',
  15: 'vp9',
};
const FOURCC_CODECS: Readonly<Record<string, FlvVideoCodec>> = {
  avc1: 'h264',
  hvc1: 'h265',
  vvc1: 'h266',
  av01: 'av1',
  vp08: 'vp8',
  vp09: 'vp9',
};
/** Enhanced CodedFrames carry a composition time for these only. */
const COMPOSED: ReadonlySet<FlvVideoCodec> = new Set(['h264', 'h265', 'h266']);

const EMPTY = new Uint8Array(0);

/**
 * Reads a video tag body.
 *
 *     classic:  frameType:4 codec:4 | packet 8 | composition SI24 | payload
 *     enhanced: 1:1 frameType:3 packetType:4 | fourcc 32 | [composition SI24] | payload
 *
 * @throws ProtocolError `truncated`
 */
export function parseVideoTag(body: Uint8Array): VideoTag {
  const first = body[0];
  if (first === undefined) throw new ProtocolError('truncated', 0);
  return first >= 0x80 ? parseEnhanced(body, first) : parseClassic(body, first);
}

function parseClassic(body: Uint8Array, first: number): VideoTag {
  const codec = CLASSIC_CODECS[first & 0xf] ?? 'unknown';
  const frameType = first >> 4;
  const keyFrame = frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY;
  if (frameType === FRAME_COMMAND || codec === 'unknown') {
    return { codec, enhanced: false, keyFrame, packet: 'other', compositionMs: 0, payload: body.subarray(1) };
  }
  if (body.byteLength < 5) {
    // An end-of-sequence tag may stop after its packet type.
    if (body[1] === 2)
      return { codec, enhanced: false, keyFrame, packet: 'end', compositionMs: 0, payload: EMPTY };
    throw new ProtocolError('truncated', body.byteLength);
  }
  const packet = body[1] === 0 ? 'config' : body[1] === 1 ? 'frames' : body[1] === 2 ? 'end' : 'other';
  return {
    codec,
    enhanced: false,
    keyFrame,
    packet,
    compositionMs: signed24(body, 2),
    payload: body.subarray(5),
  };
}

function parseEnhanced(body: Uint8Array, first: number): VideoTag {
  if (body.byteLength < 5) throw new ProtocolError('truncated', body.byteLength);
  const codec = FOURCC_CODECS[String.fromCharCode(...body.subarray(1, 5))] ?? 'unknown';
  const frameType = (first >> 4) & 7;
  const keyFrame = frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY;
  const packetType = first & 0xf;
  const composed = packetType === 1 && COMPOSED.has(codec);
  if (composed && body.byteLength < 8) throw new ProtocolError('truncated', body.byteLength);
  return {
    codec,
    enhanced: true,
    keyFrame,
    packet: frameType === FRAME_COMMAND ? 'other' : enhancedPacket(packetType),
    compositionMs: composed ? signed24(body, 5) : 0,
    payload: body.subarray(composed ? 8 : 5),
  };
}

function enhancedPacket(packetType: number): VideoTag['packet'] {
  if (packetType === 0) return 'config';
  if (packetType === 1 || packetType === 3) return 'frames';
  return packetType === 2 ? 'end' : 'other';
}

function signed24(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8)) >> 8;
}

/**
 * The access unit of an H.264 `frames` tag with 4-byte NAL lengths, whatever `lengthBytes` its configuration uses,
 * and the key flag worked out from the NAL units, not taken from the sender.
 * @throws ProtocolError when the NAL lengths do not add up
 */
export function frameFromVideoTag(tag: VideoTag, timestampMs: number, lengthBytes: number): Frame {
  const nals = splitLengthPrefixed(tag.payload, lengthBytes);
  return {
    kind: 'video',
    dtsMs: timestampMs,
    ptsMs: timestampMs + tag.compositionMs,
    keyFrame: isKeyAccessUnit(nals),
    data: lengthBytes === 4 ? tag.payload : joinLengthPrefixed(nals),
  };
}

/** The H.264 sequence header tag: `17 00 000000` and the AVCDecoderConfigurationRecord, timestamp 0 unless given. */
export function encodeAvcConfigTag(config: Uint8Array, timestampMs = 0): FlvTagParts {
  return {
    type: TAG_VIDEO,
    timestampMs,
    prefix: Uint8Array.of((FRAME_KEY << 4) | CODEC_AVC, 0, 0, 0, 0),
    data: config,
  };
}

/** The tag of one H.264 access unit; the frame's bytes are not copied. */
export function encodeAvcFrameTag(frame: Frame): FlvTagParts {
  const compositionMs = frame.ptsMs - frame.dtsMs;
  const prefix = Uint8Array.of(
    ((frame.keyFrame ? FRAME_KEY : 2) << 4) | CODEC_AVC,
    1,
    compositionMs >> 16,
    compositionMs >> 8,
    compositionMs,
  );
  return { type: TAG_VIDEO, timestampMs: frame.dtsMs, prefix, data: frame.data };
}
