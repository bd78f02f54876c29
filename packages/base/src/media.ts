/** Parameters of a video elementary stream, complete enough to write any container header. */
export type VideoTrack = {
  readonly kind: 'video';
  readonly codec: 'h264' | 'h265';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Decoder configuration record (AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1). */
  readonly config: Uint8Array;
};

/** Parameters of an AAC elementary stream. */
export type AudioTrack = {
  readonly kind: 'audio';
  readonly codec: 'aac';
  readonly sampleRate: number;
  readonly channels: number;
  /** AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
  readonly config: Uint8Array;
};

/** Parameters of one elementary stream. */
export type Track = VideoTrack | AudioTrack;

/**
 * One access unit. `dtsMs`/`ptsMs` are integer milliseconds on the stream's own clock.
 * Video data is length-prefixed NAL units (4 bytes each) as in the configuration record; audio data is one raw frame.
 */
export type Frame = {
  readonly kind: 'video' | 'audio';
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly keyFrame: boolean;
  readonly data: Uint8Array;
};
