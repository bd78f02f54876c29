import type { Frame } from '@sluice/base/media';

/** How a stream's timestamps are made: 0 as sent, 1 time of arrival, 2 relative (the control API's `modify_stamp`). */
export type StampMode = 0 | 1 | 2;

type Kind = Frame['kind'];
type TrackStamps = {
  lastInMs: number | undefined;
  lastArrivalMs: number;
  lastOutMs: number;
  goodDeltaMs: number;
  started: boolean;
  needsSync: boolean;
};

const MAX_DELTA_MS = 300;
const MAX_CTS_MS = 500;
const MAX_SYNC_MS = 5000;
const ARRIVAL_JUMP_MS = 500;
const ARRIVAL_SMOOTHING = 16;

const freshStamps = (): TrackStamps => ({
  lastInMs: undefined,
  lastArrivalMs: 0,
  lastOutMs: 0,
  goodDeltaMs: 0,
  started: false,
  needsSync: true,
});

/** Rewrites the timestamps of one stream's frames so that they start at 0 and never go back. */
export class StampRewriter {
  readonly mode: StampMode;
  readonly #tracks: Record<Kind, TrackStamps> = { video: freshStamps(), audio: freshStamps() };
  #firstArrivalMs: number | undefined;

  constructor(mode: StampMode) {
    this.mode = mode;
  }

  /** A new producer took over: its clock means nothing, output goes on where it stopped. */
  rebase(): void {
    for (const track of [this.#tracks.video, this.#tracks.audio]) {
      track.lastInMs = undefined;
      track.needsSync = true;
    }
    const { video, audio } = this.#tracks;
    if (!video.started || !audio.started) return;
    // Both tracks resume at the same instant, else the one that ran ahead would stay ahead.
    const resumeMs = Math.max(video.lastOutMs, audio.lastOutMs);
    video.lastOutMs = resumeMs;
    audio.lastOutMs = resumeMs;
  }

  /** The frame on the stream's own clock. `arrivalMs` is monotonic. */
  rewrite(frame: Frame, arrivalMs: number): Frame {
    if (this.mode === 0) return frame;
    const track = this.#tracks[frame.kind];
    const outMs =
      this.mode === 1
        ? this.#byArrival(track, frame.dtsMs, arrivalMs)
        : this.#relative(frame, track, arrivalMs);
    const ctsMs = frame.ptsMs - frame.dtsMs;
    track.lastInMs = frame.dtsMs;
    track.lastArrivalMs = arrivalMs;
    track.lastOutMs = outMs;
    track.started = true;
    return { ...frame, dtsMs: outMs, ptsMs: outMs + (Math.abs(ctsMs) > MAX_CTS_MS ? 0 : ctsMs) };
  }

  #relative(frame: Frame, track: TrackStamps, arrivalMs: number): number {
    let deltaMs = track.lastInMs === undefined ? track.goodDeltaMs : frame.dtsMs - track.lastInMs;
    if (deltaMs < 0 || (deltaMs > MAX_DELTA_MS && !isRealGap(deltaMs, arrivalMs - track.lastArrivalMs))) {
      deltaMs = track.goodDeltaMs;
      track.needsSync = true;
    } else if (track.lastInMs !== undefined) {
      track.goodDeltaMs = deltaMs;
    }
    const outMs = track.lastOutMs + deltaMs;
    return track.needsSync ? this.#syncWithOther(frame, track, outMs) : outMs;
  }

  /** Places a track whose clock jumped (or that has just begun) by its distance from the other track's clock. */
  #syncWithOther(frame: Frame, track: TrackStamps, outMs: number): number {
    const other = this.#tracks[frame.kind === 'video' ? 'audio' : 'video'];
    if (other.lastInMs === undefined) return outMs;
    const distanceMs = frame.dtsMs - other.lastInMs;
    if (Math.abs(distanceMs) >= MAX_SYNC_MS) return outMs;
    track.needsSync = false;
    return Math.max(track.lastOutMs, other.lastOutMs + distanceMs);
  }

  #byArrival(track: TrackStamps, dtsMs: number, arrivalMs: number): number {
    this.#firstArrivalMs ??= arrivalMs;
    const arrivedMs = Math.round(arrivalMs - this.#firstArrivalMs);
    if (track.lastInMs === undefined) return Math.max(track.lastOutMs, arrivedMs);
    const deltaMs = dtsMs - track.lastInMs;
    const predictedMs = track.lastOutMs + (deltaMs >= 0 && deltaMs <= MAX_DELTA_MS ? deltaMs : 0);
    const errorMs = arrivedMs - predictedMs;
    const outMs =
      Math.abs(errorMs) > ARRIVAL_JUMP_MS ? arrivedMs : predictedMs + Math.trunc(errorMs / ARRIVAL_SMOOTHING);
    return Math.max(track.lastOutMs, outMs);
  }
}

/** A long step that also took its time on our clock is a slow source (1 picture a second), not a jump. */
function isRealGap(deltaMs: number, arrivalDeltaMs: number): boolean {
  return arrivalDeltaMs >= deltaMs / 2 && arrivalDeltaMs <= deltaMs * 2;
}
