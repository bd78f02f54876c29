import { ProtocolError } from '@sluice/base/errors';
import { BitReader } from '../h264/bit-reader.ts';

/** The sampling rates of ISO/IEC 14496-3 table 1.18 by index. */
export const AAC_SAMPLE_RATES: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/** The core fields of an AudioSpecificConfig; with explicit SBR `sampleRate` is the core rate, half of what is heard. */
export type AudioSpecificConfig = {
  readonly objectType: number;
  readonly sampleRate: number;
  /** 0 means that the channel layout is inside the stream (program config element). */
  readonly channels: number;
};

/** Channels for each channelConfiguration: 7 stands for eight. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];

/** Reads `objectType:5 freqIndex:4 [rate:24] channelConfiguration:4`. @throws ProtocolError */
export function parseAudioSpecificConfig(config: Uint8Array): AudioSpecificConfig {
  const bits = new BitReader(config);
  const short = bits.bits(5);
  const objectType = short === 31 ? 32 + bits.bits(6) : short;
  const index = bits.bits(4);
  const sampleRate = index === 15 ? bits.bits(24) : AAC_SAMPLE_RATES[index];
  const channels = CHANNELS[bits.bits(4)];
  if (objectType === 0) throw new ProtocolError('aac-object-type', 0);
  if (sampleRate === undefined || sampleRate === 0) throw new ProtocolError('aac-sample-rate', 0);
  if (channels === undefined) throw new ProtocolError('aac-channels', 1);
  return { objectType, sampleRate, channels };
}

/** Writes the short form (two bytes, five with a rate that has no index). @throws ProtocolError */
export function encodeAudioSpecificConfig(config: AudioSpecificConfig): Buffer {
  const channelConfiguration = CHANNELS.indexOf(config.channels);
  if (channelConfiguration < 0) throw new ProtocolError('aac-channels', 1);
  if (config.objectType < 1 || config.objectType > 30) throw new ProtocolError('aac-object-type', 0);
  const index = AAC_SAMPLE_RATES.indexOf(config.sampleRate);
  if (index >= 0) {
    return Buffer.from([
      (config.objectType << 3) | (index >> 1),
      ((index & 1) << 7) | (channelConfiguration << 3),
    ]);
  }
  const rate = config.sampleRate;
  if (!Number.isInteger(rate) || rate < 1 || rate > 0xffffff) throw new ProtocolError('aac-sample-rate', 0);
  const out = Buffer.alloc(5);
  out[0] = (config.objectType << 3) | 7;
  out.writeUInt32BE(((0x80000000 | (rate << 7)) >>> 0) + (channelConfiguration << 3), 1);
  return out;
}
