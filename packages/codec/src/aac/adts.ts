import { ProtocolError } from '@sluice/base/errors';
import {
  AAC_SAMPLE_RATES,
  type AudioSpecificConfig,
  parseAudioSpecificConfig,
} from './audio-specific-config.ts';

/** The header without CRC. */
export const ADTS_HEADER_BYTES = 7;
const MAX_FRAME_BYTES = 0x1fff;

/** A parsed ADTS header: `frameBytes` counts header and payload, `headerBytes` is 7, or 9 with a CRC. */
export type AdtsHeader = AudioSpecificConfig & {
  readonly headerBytes: number;
  readonly frameBytes: number;
};

/**
 * Reads the header at the start of `bytes` (at least seven).
 *
 *     FFF:12 id:1 layer:2 protection_absent:1 | profile:2 freqIndex:4 private:1 channels:3 orig:1 home:1
 *     copyright:2 frame_length:13 fullness:11 blocks:2
 *
 * @throws ProtocolError
 */
export function parseAdtsHeader(bytes: Uint8Array): AdtsHeader {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0] = bytes;
  if (bytes.byteLength < ADTS_HEADER_BYTES) throw new ProtocolError('truncated', bytes.byteLength);
  if (b0 !== 0xff || (b1 & 0xf6) !== 0xf0) throw new ProtocolError('adts-sync', 0);
  const sampleRate = AAC_SAMPLE_RATES[(b2 >> 2) & 0xf];
  if (sampleRate === undefined) throw new ProtocolError('aac-sample-rate', 2);
  const headerBytes = (b1 & 1) === 1 ? 7 : 9;
  const frameBytes = ((b3 & 3) << 11) | (b4 << 3) | (b5 >> 5);
  if (frameBytes < headerBytes) throw new ProtocolError('adts-frame-length', 3);
  const channelConfiguration = ((b2 & 1) << 2) | (b3 >> 6);
  const channels = channelConfiguration === 7 ? 8 : channelConfiguration;
  return { objectType: (b2 >> 6) + 1, sampleRate, channels, headerBytes, frameBytes };
}

/** Writes headers for frames of one AudioSpecificConfig; the constant bits are worked out once. */
export class AdtsEncoder {
  readonly #template: Uint8Array;

  /** @throws ProtocolError when ADTS cannot describe the configuration */
  constructor(audioSpecificConfig: Uint8Array) {
    this.#template = template(parseAudioSpecificConfig(audioSpecificConfig));
  }

  /** Writes the 7-byte header of a frame of `payloadBytes` at `at`. @throws ProtocolError over 8184 bytes */
  write(out: Uint8Array, at: number, payloadBytes: number): void {
    const frameBytes = ADTS_HEADER_BYTES + payloadBytes;
    if (frameBytes > MAX_FRAME_BYTES) throw new ProtocolError('adts-frame-length', 3);
    const head = this.#template;
    out.set(head, at);
    out[at + 3] = (head[3] ?? 0) | (frameBytes >> 11);
    out[at + 4] = (frameBytes >> 3) & 0xff;
    out[at + 5] = ((frameBytes & 7) << 5) | 0x1f;
  }

  /** The header as its own seven bytes. */
  header(payloadBytes: number): Buffer {
    const out = Buffer.allocUnsafe(ADTS_HEADER_BYTES);
    this.write(out, 0, payloadBytes);
    return out;
  }
}

function template(config: AudioSpecificConfig): Uint8Array {
  const index = AAC_SAMPLE_RATES.indexOf(config.sampleRate);
  if (index < 0) throw new ProtocolError('aac-sample-rate', 0);
  // SBR and PS (5, 29) ride on AAC-LC: ADTS has no room for them and decoders find them in the payload.
  const objectType = config.objectType > 4 ? 2 : config.objectType;
  const channels = config.channels === 8 ? 7 : config.channels;
  return Uint8Array.of(
    0xff,
    0xf1,
    ((objectType - 1) << 6) | (index << 2) | (channels >> 2),
    (channels & 3) << 6,
    0,
    0x1f,
    0xfc,
  );
}
