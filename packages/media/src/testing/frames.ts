import type { AudioTrack, Frame, VideoTrack } from '@sluice/base/media';
import { encodeAvcConfig } from '@sluice/codec/h264/avc-config';
import type { MediaOrigin } from '@sluice/core/ports/media';

const SPS = Buffer.from('6764001facd9405005bb011000000300100000030320f1831960', 'hex');
const PPS = Buffer.from('68ebe3cb22c0', 'hex');

/** 1280x720 H.264. */
export const videoTrack: VideoTrack = {
  kind: 'video',
  codec: 'h264',
  width: 1280,
  height: 720,
  fps: 25,
  config: encodeAvcConfig([SPS], [PPS]),
};

/** 44.1 kHz stereo AAC-LC. */
export const audioTrack: AudioTrack = {
  kind: 'audio',
  codec: 'aac',
  sampleRate: 44100,
  channels: 2,
  config: Uint8Array.of(0x12, 0x10),
};

/** One access unit of a single slice, `bytes` long with its length prefix. */
export function videoFrame(dtsMs: number, keyFrame: boolean, bytes = 1000): Frame {
  const data = Buffer.alloc(bytes, 0x55);
  data.writeUInt32BE(bytes - 4, 0);
  data[4] = keyFrame ? 0x65 : 0x41;
  data[5] = 0x80;
  return { kind: 'video', dtsMs, ptsMs: dtsMs, keyFrame, data };
}

export function audioFrame(dtsMs: number, bytes = 100): Frame {
  return { kind: 'audio', dtsMs, ptsMs: dtsMs, keyFrame: false, data: Buffer.alloc(bytes, 0x11) };
}

/** A producer that only remembers why it was closed. */
export function testOrigin(): MediaOrigin & { readonly closedFor: string[] } {
  const closedFor: string[] = [];
  return {
    type: 1,
    url: 'rtmp://test',
    socket: undefined,
    close: (reason) => void closedFor.push(reason),
    closedFor,
  };
}
