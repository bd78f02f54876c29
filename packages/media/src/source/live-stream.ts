import type { Clock, Timer } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { AudioTrack, Frame, Track } from '@sluice/base/media';
import { SILENT_AAC_CONFIG, SILENT_AAC_FRAME, SILENT_AAC_FRAME_MS } from '@sluice/codec/aac/silence';
import type { Logger } from '@sluice/core/log/logger';
import type { MediaOrigin, MediaTuple } from '@sluice/core/ports/media';
import { HlsOutput } from '../hls/hls-output.ts';
import { FanOut } from '../live/fan-out.ts';
import { GOP_LIMIT_BYTES, type LiveCounters, type SlowReaderLimits } from '../live/limits.ts';
import { configTags, frameTag } from '../live/live-tags.ts';
import type { OutputFormat } from '../live/output-format.ts';
import type { Viewer, ViewerEnd, ViewerSocket } from '../live/viewer.ts';
import type { MediaReaderView } from '../port.ts';
import { ByteRate } from './byte-rate.ts';
import { FrameGop } from './frame-gop.ts';
import { isSameTrack, type LiveTracks } from './live-tracks.ts';
import { StampRewriter } from './stamp-rewriter.ts';
import type { StreamOptions } from './stream-options.ts';
import { TrackState } from './track-state.ts';

/** The schemas a stream can be registered under. */
export type Schema = 'rtmp' | 'hls';

/** What a stream needs from the registry that owns it. */
export type StreamEnvironment = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly options: StreamOptions;
  readonly limits: SlowReaderLimits;
  readonly counters: LiveCounters;
  readonly leastMergeMs: () => number;
  readonly schemaChanged: (stream: LiveStream, schema: Schema, online: boolean) => void;
  readonly closed: (stream: LiveStream) => void;
};

/** A reader's place in a stream's books; `leave` is idempotent. */
export type Attachment = { readonly viewer: Viewer; leave(): void };

type Output = { readonly format: OutputFormat; readonly fanOut: FanOut };

const MAX_FRAME_BYTES = 8 * 1024 * 1024;
const MAX_UNREADY_BYTES = 16 * 1024 * 1024;
const SILENT_TRACK: AudioTrack = {
  kind: 'audio',
  codec: 'aac',
  sampleRate: 8000,
  channels: 1,
  config: SILENT_AAC_CONFIG,
};

/**
 * One live stream: the tracks and frames of its current producer on one clock, and the outputs made of them.
 * `pending` until its tracks are known, `orphaned` while a lost producer is waited for.
 */
export class LiveStream {
  readonly tuple: MediaTuple;
  readonly createdMs: number;
  readonly options: StreamOptions;
  readonly #createdMonotonicMs: number;
  readonly #environment: StreamEnvironment;
  readonly #stamps: StampRewriter;
  readonly #gop = new FrameGop(GOP_LIMIT_BYTES);
  readonly #rate: ByteRate;
  readonly #outputs = new Map<string, Output>();
  readonly #readers = new Map<Schema, Set<() => MediaReaderView>>([
    ['rtmp', new Set()],
    ['hls', new Set()],
  ]);
  #state: 'pending' | 'online' | 'orphaned' | 'closed' = 'pending';
  #origin: MediaOrigin | undefined;
  #video: TrackState | undefined;
  #audio: TrackState | undefined;
  #silentAudio = false;
  #silentUntilMs: number | undefined;
  #unready: { readonly frame: Frame; readonly arrivalMs: number }[] = [];
  #unreadyBytes = 0;
  #timer: Timer | undefined;
  #hls: HlsOutput | undefined;
  #currentStampMs = 0;
  #unwatchedSinceMs: number;
  /** A producer that took over must begin with a key frame: its pictures do not continue the ones before. */
  #awaitingKey = false;

  constructor(tuple: MediaTuple, origin: MediaOrigin, environment: StreamEnvironment) {
    const { clock, options } = environment;
    this.tuple = tuple;
    this.options = options;
    this.#environment = environment;
    this.createdMs = clock.now();
    this.#createdMonotonicMs = clock.monotonicMs();
    this.#unwatchedSinceMs = this.#createdMonotonicMs;
    this.#rate = new ByteRate(this.#createdMonotonicMs);
    this.#stamps = new StampRewriter(options.stampMode);
    this.#origin = origin;
    this.#timer = clock.after(options.waitTrackReadyMs, () => this.#giveUpWaitingForTracks());
  }

  get state(): 'pending' | 'online' | 'orphaned' | 'closed' {
    return this.#state;
  }

  /** The producer, `undefined` while a lost one is waited for. */
  get origin(): MediaOrigin | undefined {
    return this.#origin;
  }

  get aliveSeconds(): number {
    return Math.floor((this.#environment.clock.monotonicMs() - this.#createdMonotonicMs) / 1000);
  }

  get currentStampMs(): number {
    return this.#currentStampMs;
  }

  get rate(): ByteRate {
    return this.#rate;
  }

  get hls(): HlsOutput | undefined {
    return this.#hls;
  }

  get trackStates(): readonly TrackState[] {
    return [this.#video, this.#audio].filter((state) => state !== undefined);
  }

  get tracks(): LiveTracks {
    const video = this.#video?.track;
    const audio = this.#audio?.track;
    return {
      video: video?.kind === 'video' ? video : undefined,
      audio: audio?.kind === 'audio' ? audio : undefined,
    };
  }

  /** True when players of this schema are accepted. */
  hasSchema(schema: Schema): boolean {
    if (this.#state !== 'online' && this.#state !== 'orphaned') return false;
    return schema === 'rtmp' ? this.options.enableRtmp : this.#hls?.registered === true;
  }

  readers(schema: Schema): readonly MediaReaderView[] {
    return [...(this.#readers.get(schema) ?? [])].map((read) => read());
  }

  get totalReaderCount(): number {
    let total = 0;
    for (const readers of this.#readers.values()) total += readers.size;
    return total;
  }

  /** How long nobody has watched, 0 while somebody does. */
  unwatchedMs(): number {
    return this.totalReaderCount > 0 ? 0 : this.#environment.clock.monotonicMs() - this.#unwatchedSinceMs;
  }

  /** Counts a reader until the returned function is called. */
  addReader(schema: Schema, read: () => MediaReaderView): () => void {
    const readers = this.#readers.get(schema);
    readers?.add(read);
    if (schema === 'hls') this.#hls?.setWatched(true);
    return () => {
      if (readers?.delete(read) !== true) return;
      if (schema === 'hls' && readers.size === 0) this.#hls?.setWatched(false);
      if (this.totalReaderCount === 0) this.#unwatchedSinceMs = this.#environment.clock.monotonicMs();
    };
  }

  /** Starts delivery in `format`: preamble and GOP are written before this returns. */
  attach(
    format: OutputFormat,
    socket: ViewerSocket,
    end: ViewerEnd,
    read: () => MediaReaderView,
  ): Attachment {
    const { fanOut } = this.#outputs.get(format.name) ?? this.#openOutput(format);
    const removeReader = this.addReader('rtmp', read);
    const viewer = fanOut.attach(socket, end, format.encodePreamble(this.tracks));
    const leave = () => {
      removeReader();
      fanOut.detach(viewer);
      if (fanOut.viewerCount > 0 || this.#outputs.get(format.name)?.fanOut !== fanOut) return;
      this.#outputs.delete(format.name);
      fanOut.close();
    };
    return { viewer, leave };
  }

  /** Pauses or resumes a viewer's delivery. */
  pause(format: OutputFormat, viewer: Viewer, paused: boolean): void {
    this.#outputs.get(format.name)?.fanOut.pause(viewer, paused);
  }

  /** A returning producer takes an orphaned stream over. */
  adopt(origin: MediaOrigin): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#origin = origin;
    this.#state = 'online';
    this.#stamps.rebase();
    this.#awaitingKey = true;
    // Otherwise time goes on as if nothing had happened.
    if (this.options.stampMode === 0) this.#hls?.markDiscontinuity();
  }

  /** The producer's connection is gone; wait for it to return. */
  orphan(): void {
    this.#origin = undefined;
    const { continuePushMs } = this.options;
    if (this.#state !== 'online' || continuePushMs === 0) {
      this.close();
      return;
    }
    this.#state = 'orphaned';
    this.#timer?.cancel();
    this.#timer = this.#environment.clock.after(continuePushMs, () => this.close());
  }

  setTrack(track: Track): void {
    if (this.#state === 'closed' || (track.kind === 'audio' && !this.options.enableAudio)) return;
    const known = track.kind === 'video' ? this.#video : this.#audio;
    if (known !== undefined && isSameTrack(known.track, track)) return;
    if (known === undefined) this.#addTrack(track);
    else known.track = track;
    if (track.kind === 'audio') this.#silentAudio = false;
    if (this.#state === 'pending') this.#awaitSecondTrack();
    else this.#tracksChanged();
  }

  tracksComplete(): void {
    if (this.#state === 'pending' && this.trackStates.length > 0) this.#goOnline();
  }

  writeFrame(source: Frame): void {
    if (this.#state === 'closed' || source.data.byteLength > MAX_FRAME_BYTES) return;
    if (source.kind === 'audio' && (this.#silentAudio || !this.options.enableAudio)) return;
    const arrivalMs = this.#environment.clock.monotonicMs();
    if (this.#state === 'pending') {
      this.#keepUnready(source, arrivalMs);
      return;
    }
    this.#deliver(this.#stamps.rewrite(source, arrivalMs), arrivalMs);
  }

  /** Once a second. */
  check(nowMs: number): void {
    this.#rate.measure(nowMs);
    for (const { fanOut } of this.#outputs.values()) fanOut.check(nowMs);
  }

  /** Ends the stream: unregisters its schemas and lets every reader go. */
  close(): void {
    if (this.#state === 'closed') return;
    const wasOnline = this.#state !== 'pending';
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#unready = [];
    this.#gop.clear();
    const outputs = [...this.#outputs.values()];
    this.#outputs.clear();
    for (const { fanOut } of outputs) fanOut.close();
    this.#closeHls();
    if (wasOnline && this.options.enableRtmp) this.#environment.schemaChanged(this, 'rtmp', false);
    this.#environment.closed(this);
  }

  #addTrack(track: Track): void {
    if (track.kind === 'video') this.#video = new TrackState(track);
    else this.#audio = new TrackState(track);
  }

  #awaitSecondTrack(): void {
    if (this.#video !== undefined && this.#audio !== undefined) {
      this.#goOnline();
      return;
    }
    this.#timer?.cancel();
    this.#timer = this.#environment.clock.after(this.options.waitAddTrackMs, () => this.#goOnline());
  }

  #giveUpWaitingForTracks(): void {
    if (this.#state !== 'pending') return;
    this.#origin?.close('no valid track data');
    this.close();
  }

  #goOnline(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#state = 'online';
    if (this.#audio === undefined && this.options.addMuteAudio && this.options.enableAudio) {
      this.#silentAudio = true;
      this.#audio = new TrackState(SILENT_TRACK);
    }
    if (this.options.enableHls) this.#openHls();
    if (this.options.enableRtmp) this.#environment.schemaChanged(this, 'rtmp', true);
    const kept = this.#unready;
    this.#unready = [];
    for (const { frame, arrivalMs } of kept) this.#deliver(this.#stamps.rewrite(frame, arrivalMs), arrivalMs);
  }

  #openHls(): void {
    const { clock, log, options } = this.#environment;
    try {
      this.#hls = new HlsOutput({
        clock,
        tracks: this.tracks,
        ...options.hls,
        onDemand: options.hlsDemand,
        registered: () => this.#environment.schemaChanged(this, 'hls', true),
      });
    } catch (error) {
      // A codec HLS cannot carry costs this schema, not the stream.
      log.warning('no HLS for this stream', { stream: this.tuple.stream, reason: errorText(error) });
    }
  }

  /** The oldest frames go first when there are too many or they are too large. */
  #keepUnready(frame: Frame, arrivalMs: number): void {
    this.#unready.push({ frame, arrivalMs });
    this.#unreadyBytes += frame.data.byteLength;
    while (this.#unready.length > this.options.unreadyFrames * 2 || this.#unreadyBytes > MAX_UNREADY_BYTES) {
      this.#unreadyBytes -= this.#unready.shift()?.frame.data.byteLength ?? 0;
    }
  }

  #tracksChanged(): void {
    this.#gop.clear();
    const tags = configTags(this.tracks, this.#currentStampMs);
    for (const { fanOut } of this.#outputs.values()) fanOut.pushConfig(tags);
    try {
      this.#hls?.setTracks(this.tracks);
    } catch (error) {
      this.#environment.log.warning('HLS stopped: unusable track', { reason: errorText(error) });
      this.#closeHls();
    }
  }

  #closeHls(): void {
    const wasRegistered = this.#hls?.registered === true;
    this.#hls?.close();
    if (wasRegistered) this.#environment.schemaChanged(this, 'hls', false);
  }

  #deliver(frame: Frame, arrivalMs: number): void {
    const state = frame.kind === 'video' ? this.#video : this.#audio;
    if (state === undefined) return;
    if (frame.kind === 'video') {
      if (this.#awaitingKey && !frame.keyFrame) return;
      this.#awaitingKey = false;
    }
    state.count(frame, arrivalMs);
    this.#currentStampMs = frame.dtsMs;
    this.#rate.add(frame.data.byteLength);
    this.#gop.push(frame);
    for (const { fanOut } of this.#outputs.values()) this.#pushFrame(fanOut, frame);
    this.#writeHls(frame);
    if (this.#silentAudio && frame.kind === 'video') this.#fillSilence(frame.dtsMs, arrivalMs);
  }

  #writeHls(frame: Frame): void {
    try {
      this.#hls?.writeFrame(frame);
    } catch (error) {
      this.#environment.log.debug('frame unfit for HLS', { reason: errorText(error) });
    }
  }

  /** Silent audio follows the video's clock, so it stops when the video does. */
  #fillSilence(videoDtsMs: number, arrivalMs: number): void {
    const fromMs = this.#silentUntilMs;
    // After a jump silence starts again at the picture instead of filling the gap.
    let dtsMs = fromMs === undefined || Math.abs(videoDtsMs - fromMs) > 1000 ? videoDtsMs : fromMs;
    for (; dtsMs <= videoDtsMs; dtsMs += SILENT_AAC_FRAME_MS) {
      this.#deliver(
        { kind: 'audio', dtsMs, ptsMs: dtsMs, keyFrame: false, data: SILENT_AAC_FRAME },
        arrivalMs,
      );
    }
    this.#silentUntilMs = dtsMs;
  }

  #openOutput(format: OutputFormat): Output {
    const { clock, limits, counters, leastMergeMs } = this.#environment;
    const fanOut = new FanOut({ encode: format.encodeTags, clock, limits, counters, leastMergeMs });
    const output = { format, fanOut };
    this.#outputs.set(format.name, output);
    for (const frame of this.#gop.frames) this.#pushFrame(fanOut, frame);
    return output;
  }

  #pushFrame(fanOut: FanOut, frame: Frame): void {
    const start =
      this.#video === undefined ? 'anywhere' : frame.keyFrame && frame.kind === 'video' ? 'key-frame' : 'no';
    fanOut.push(frameTag(frame), start);
  }
}
