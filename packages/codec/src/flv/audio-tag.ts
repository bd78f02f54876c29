import { ProtocolError } from '@sluice/base/errors';
import type { Frame } from '@sluice/base/media';
import { type FlvTagParts, TAG_AUDIO } from './tag.ts';

/** Codecs of audio tags: classic sound formats and enhanced RTMP fourccs. */
export type FlvAudioCodec = 'aac' | 'mp3' | 'g711a' | 'g711u' | 'opus' | 'ac3' | 'eac3' | 'flac' | 'unknown';

/** What an audio tag body says before its payload. Codecs without a configuration packet only have `frames`. */
export type AudioTag = {
  readonly codec: FlvAudioCodec;
  readonly enhanced: boolean;
  readonly packet: 'config' | 'frames' | 'end' | 'other';
  /** Configuration (AudioSpecificConfig, OpusHead) for `config`, one raw frame for `frames`. */
  readonly payload: Uint8Array;
};

const FORMAT_ENHANCED = 9;
const FORMAT_AAC = 10;
const AAC_FIRST_BYTE = 0xaf; // 44 kHz, 16 bit, stereo, whatever the stream really is
const CLASSIC_CODECS: Readonly<Record<number, FlvAudioCodec>> = {
  2: 'mp3',
  7: 'g711a',
  8: 'g711u',
  10: 'aac',
  13: 'opus',
  14: 'mp3',
};
const FOURCC_CODECS: Readonly<Record<string, FlvAudioCodec>> = {
  mp4a: 'aac',
  Opus: 'opus',
  '.mp3': 'mp3',
  'ac-3': 'ac3',
  'ec-3': 'eac3',
  fLaC: 'flac',
};

/**
 * Reads an audio tag body.
 *
 *     classic:  format:4 rate:2 size:1 stereo:1 | [AAC packet 8] | payload
 *     enhanced: 9:4 packetType:4 | fourcc 32 | payload
 *
 * @throws ProtocolError `truncated`
 */
export function parseAudioTag(body: Uint8Array): AudioTag {
  const first = body[0];
  if (first === undefined) throw new ProtocolError('truncated', 0);
  const format = first >> 4;
  if (format === FORMAT_ENHANCED) return parseEnhanced(body, first & 0xf);
  const codec = CLASSIC_CODECS[format] ?? 'unknown';
  if (format !== FORMAT_AAC) return { codec, enhanced: false, packet: 'frames', payload: body.subarray(1) };
  if (body.byteLength < 2) throw new ProtocolError('truncated', 1);
  const packet = body[1] === 0 ? 'config' : body[1] === 1 ? 'frames' : 'other';
  return { codec, enhanced: false, packet, payload: body.subarray(2) };
}

function parseEnhanced(body: Uint8Array, packetType: number): AudioTag {
  if (body.byteLength < 5) throw new ProtocolError('truncated', body.byteLength);
  const codec = FOURCC_CODECS[String.fromCharCode(...body.subarray(1, 5))] ?? 'unknown';
  const packet =
    packetType === 0 ? 'config' : packetType === 1 ? 'frames' : packetType === 2 ? 'end' : 'other';
  return { codec, enhanced: true, packet, payload: body.subarray(5) };
}

/** The AAC sequence header tag: `AF 00` and the AudioSpecificConfig, timestamp 0 unless given. */
export function encodeAacConfigTag(config: Uint8Array, timestampMs = 0): FlvTagParts {
  return { type: TAG_AUDIO, timestampMs, prefix: Uint8Array.of(AAC_FIRST_BYTE, 0), data: config };
}

/** The tag of one raw AAC frame; the frame's bytes are not copied. */
export function encodeAacFrameTag(frame: Frame): FlvTagParts {
  return {
    type: TAG_AUDIO,
    timestampMs: frame.dtsMs,
    prefix: Uint8Array.of(AAC_FIRST_BYTE, 1),
    data: frame.data,
  };
}
