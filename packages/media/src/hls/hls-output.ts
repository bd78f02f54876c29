import type { Clock } from '@sluice/base/clock';
import type { Frame } from '@sluice/base/media';
import { encodeMediaPlaylist } from '@sluice/codec/hls/media-playlist';
import { TsMuxer } from '@sluice/codec/mpegts/muxer';
import type { LiveTracks } from '../source/live-tracks.ts';

/** One finished piece of a stream, addressed by its name relative to the playlist. */
export type Segment = {
  readonly name: string;
  readonly index: number;
  readonly durationMs: number;
  readonly bytes: Buffer;
  /** The first one after a splice. */
  readonly discontinuity: boolean;
};

export type HlsOutputOptions = {
  readonly clock: Clock;
  readonly tracks: LiveTracks;
  readonly segmentMs: number;
  readonly listedSegments: number;
  readonly retainedSegments: number;
  readonly fastRegister: boolean;
  /** Segments are only made while somebody watches. */
  readonly onDemand: boolean;
  /** Called once, when players are accepted. */
  readonly registered: () => void;
};

const MAX_SEGMENT_BYTES = 32 * 1024 * 1024;
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
/** Timestamps kept as sent may wrap or jump; steps beyond these begin a new timeline. */
const MAX_STEP_BACK_MS = 5000;
const MAX_STEP_FORTH_MS = 60_000;

/** Cuts one stream into MPEG-TS segments held in memory, and keeps the playlist of the newest ones. */
export class HlsOutput {
  readonly #options: HlsOutputOptions;
  readonly #muxer: TsMuxer;
  readonly #segments: Segment[] = [];
  readonly #byName = new Map<string, Segment>();
  #hasVideo: boolean;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #startMs: number | undefined;
  #lastMs = 0;
  #nextIndex = 0;
  #windowBytes = 0;
  #totalBytes = 0;
  #targetSeconds: number;
  #forgottenDiscontinuities = 0;
  #discontinuity = false;
  #registered = false;
  #watched = false;
  #closed = false;
  #playlist: Buffer | undefined;
  readonly #waiting = new Set<() => void>();

  /** @throws ProtocolError when a track's configuration cannot be read */
  constructor(options: HlsOutputOptions) {
    this.#options = options;
    this.#muxer = new TsMuxer(options.tracks);
    this.#hasVideo = options.tracks.video !== undefined;
    this.#targetSeconds = Math.ceil(options.segmentMs / 1000);
    if (options.onDemand) this.#register();
  }

  get registered(): boolean {
    return this.#registered && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Bytes of all segments in memory. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** The playlist as it is now, or `undefined` before the first segment. */
  get playlist(): Buffer | undefined {
    return this.#playlist;
  }

  segment(name: string): Segment | undefined {
    return this.#byName.get(name);
  }

  /** The playlist, as soon as there is one; `undefined` when `signal` aborts or the stream ends first. */
  async waitForPlaylist(signal: AbortSignal): Promise<Buffer | undefined> {
    while (this.#playlist === undefined && !this.#closed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
    return this.#playlist;
  }

  /** With `onDemand`: the first reader starts the muxer, the last one stops it and empties the window. */
  setWatched(watched: boolean): void {
    this.#watched = watched;
    if (!watched && this.#options.onDemand && !this.#closed) this.#empty();
  }

  /** @throws ProtocolError when a track's configuration cannot be read */
  setTracks(tracks: LiveTracks): void {
    this.#finishSegment(this.#lastMs);
    this.#muxer.setTracks(tracks);
    this.#hasVideo = tracks.video !== undefined;
    this.markDiscontinuity();
  }

  /** The next segment follows a splice. */
  markDiscontinuity(): void {
    this.#finishSegment(this.#lastMs);
    this.#discontinuity = true;
    this.#muxer.markDiscontinuity();
  }

  /** @throws ProtocolError when the frame cannot be muxed */
  writeFrame(frame: Frame): void {
    if (this.#closed || (this.#options.onDemand && !this.#watched)) return;
    if (this.#startMs !== undefined && this.#isJump(frame.dtsMs)) this.markDiscontinuity();
    const startable = this.#hasVideo ? frame.kind === 'video' && frame.keyFrame : true;
    if (this.#startMs === undefined ? startable : this.#isDue(frame, startable))
      this.#startSegment(frame.dtsMs);
    if (this.#startMs === undefined) return;
    const bytes = this.#muxer.muxFrame(frame);
    this.#parts.push(bytes);
    this.#partBytes += bytes.byteLength;
    this.#lastMs = frame.dtsMs;
  }

  /** Finishes the last segment and marks the playlist as ended; both stay until `release`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const registered = this.#registered;
    // A stream too short for its first segment must not register while it goes away.
    this.#registered = true;
    this.#finishSegment(this.#lastMs);
    this.#registered = registered;
    if (this.#segments.length > 0) this.#playlist = this.#encodePlaylist();
    for (const wake of [...this.#waiting]) wake();
  }

  /** Forgets all segments. */
  release(): void {
    this.#empty();
  }

  #isJump(dtsMs: number): boolean {
    const stepMs = dtsMs - this.#lastMs;
    return stepMs < -MAX_STEP_BACK_MS || stepMs > MAX_STEP_FORTH_MS;
  }

  #isDue(frame: Frame, startable: boolean): boolean {
    if (this.#partBytes > MAX_SEGMENT_BYTES) return true;
    if (!startable) return false;
    const wantedMs = this.#options.fastRegister && this.#segments.length === 0 ? 1 : this.#options.segmentMs;
    // Millisecond stamps of a 2 s GOP may read 1999.
    return frame.dtsMs - (this.#startMs ?? 0) >= wantedMs - 10;
  }

  #startSegment(dtsMs: number): void {
    this.#finishSegment(dtsMs);
    this.#startMs = dtsMs;
    this.#muxer.startSegment();
  }

  #finishSegment(endMs: number): void {
    const startMs = this.#startMs;
    this.#startMs = undefined;
    if (startMs === undefined || this.#parts.length === 0) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    const index = this.#nextIndex++;
    const name = segmentName(new Date(this.#options.clock.now()), index);
    const durationMs = Math.max(1, endMs - startMs);
    this.#keep({ name, index, durationMs, bytes, discontinuity: this.#discontinuity });
    this.#discontinuity = false;
    this.#targetSeconds = Math.max(this.#targetSeconds, Math.ceil(durationMs / 1000));
    this.#totalBytes += bytes.byteLength;
    this.#playlist = this.#encodePlaylist();
    for (const wake of [...this.#waiting]) wake();
    this.#register();
  }

  #keep(segment: Segment): void {
    this.#segments.push(segment);
    this.#byName.set(segment.name, segment);
    this.#windowBytes += segment.bytes.byteLength;
    const unlisted = this.#segments.at(-this.#options.listedSegments - 1);
    if (unlisted?.discontinuity === true) this.#forgottenDiscontinuities += 1;
    const most = this.#options.listedSegments + this.#options.retainedSegments;
    while (
      this.#segments.length > most ||
      (this.#windowBytes > MAX_WINDOW_BYTES && this.#segments.length > 1)
    ) {
      const oldest = this.#segments.shift();
      if (oldest === undefined) break;
      this.#byName.delete(oldest.name);
      this.#windowBytes -= oldest.bytes.byteLength;
    }
  }

  #encodePlaylist(): Buffer {
    const listed = this.#segments.slice(-this.#options.listedSegments);
    const text = encodeMediaPlaylist({
      version: 4,
      targetDurationSeconds: this.#targetSeconds,
      mediaSequence: listed[0]?.index ?? 0,
      discontinuitySequence: this.#forgottenDiscontinuities,
      playlistType: undefined,
      mapUri: undefined,
      segments: listed.map(({ name, durationMs, discontinuity }) => ({
        uri: name,
        durationSeconds: durationMs / 1000,
        discontinuity,
      })),
      ended: this.#closed,
    });
    return Buffer.from(text);
  }

  #register(): void {
    if (this.#registered) return;
    this.#registered = true;
    this.#options.registered();
  }

  #empty(): void {
    this.#segments.length = 0;
    this.#byName.clear();
    this.#parts = [];
    this.#partBytes = 0;
    this.#windowBytes = 0;
    this.#startMs = undefined;
    this.#playlist = undefined;
    this.#discontinuity = this.#nextIndex > 0;
  }
}

/** `YYYY-MM-DD/HH/MM-SS_<index>.ts` in local time, as existing clients expect. */
function segmentName(time: Date, index: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day}/${two(time.getHours())}/${two(time.getMinutes())}-${two(time.getSeconds())}_${index}.ts`;
}
