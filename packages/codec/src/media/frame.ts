/** H.264 elementary stream parameters; `config` is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). */
export type VideoTrack = {
  readonly kind: 'video';
  readonly codec: 'h264' | 'h265';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly config: Uint8Array;
};

/** AAC elementary stream parameters; `config` is an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
export type AudioTrack = {
  readonly kind: 'audio';
  readonly codec: 'aac';
  readonly sampleRate: number;
  readonly channels: number;
  readonly config: Uint8Array;
};

/** One access unit: video as length-prefixed NAL units (4 bytes each), audio as one raw frame without ADTS. */
export type Frame = {
  readonly kind: 'video' | 'audio';
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly keyFrame: boolean;
  readonly data: Uint8Array;
};
