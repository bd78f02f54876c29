import type { Frame, Track } from '@sluice/base/media';
import { CODEC_AAC, CODEC_H264, CODEC_H265 } from '@sluice/core/ports/media';
import type { TrackView } from '../port.ts';

const CODECS = {
  h264: { id: CODEC_H264, name: 'H264' },
  h265: { id: CODEC_H265, name: 'H265' },
  aac: { id: CODEC_AAC, name: 'mpeg4-generic' },
} as const;

/** One track of a stream with what was counted on it. */
export class TrackState {
  #track: Track;
  #frames = 0;
  #keyFrames = 0;
  #firstDtsMs: number | undefined;
  #lastDtsMs = 0;
  #framesSinceKey = 0;
  #keyArrivalMs: number | undefined;
  #gopSize = 0;
  #gopIntervalMs = 0;

  constructor(track: Track) {
    this.#track = track;
  }

  get track(): Track {
    return this.#track;
  }

  set track(track: Track) {
    this.#track = track;
  }

  /** Counts one frame that arrived at monotonic `arrivalMs`. */
  count(frame: Frame, arrivalMs: number): void {
    this.#firstDtsMs ??= frame.dtsMs;
    this.#lastDtsMs = frame.dtsMs;
    this.#frames += 1;
    if (frame.kind === 'audio') return;
    if (frame.keyFrame) this.#countKeyFrame(arrivalMs);
    this.#framesSinceKey += 1;
  }

  #countKeyFrame(arrivalMs: number): void {
    this.#keyFrames += 1;
    this.#gopSize = this.#keyArrivalMs === undefined ? 1 : this.#framesSinceKey;
    if (this.#keyArrivalMs !== undefined) this.#gopIntervalMs = Math.round(arrivalMs - this.#keyArrivalMs);
    this.#keyArrivalMs = arrivalMs;
    this.#framesSinceKey = 0;
  }

  view(): TrackView {
    const codec = CODECS[this.#track.codec];
    const common = {
      codecId: codec.id,
      codecName: codec.name,
      ready: true,
      frames: this.#frames,
      durationMs: this.#firstDtsMs === undefined ? 0 : this.#lastDtsMs - this.#firstDtsMs,
    };
    if (this.#track.kind === 'audio') {
      const { sampleRate, channels } = this.#track;
      return { kind: 'audio', ...common, sampleRate, channels, sampleBits: 16 };
    }
    const { width, height } = this.#track;
    return {
      kind: 'video',
      ...common,
      width,
      height,
      fps: this.#fps(this.#track.fps),
      keyFrames: this.#keyFrames,
      gopSize: this.#gopSize,
      gopIntervalMs: this.#gopIntervalMs,
    };
  }

  #fps(declared: number): number {
    if (declared > 1) return Math.round(declared * 100) / 100;
    return this.#gopIntervalMs === 0 ? 0 : Math.round((this.#gopSize * 1000) / this.#gopIntervalMs);
  }
}
