import type { Clock, Timer } from '@sluice/base/clock';
import type { FlvTagParts } from '@sluice/codec/flv/tag';
import { ByteRate } from '../source/byte-rate.ts';
import { BlockList } from './block-list.ts';
import { GOP_LIMIT_BYTES, type LiveCounters, mergeIntervalMs, type SlowReaderLimits } from './limits.ts';
import { Viewer, type ViewerEnd, type ViewerSocket } from './viewer.ts';

/** Whether a viewer can start at a tag: a key frame must also start a block, `anywhere` (audio only) need not. */
export type TagStart = 'key-frame' | 'anywhere' | 'no';

export type FanOutOptions = {
  /** Turns tags into the bytes viewers get; called once per block, never per viewer. */
  readonly encode: (tags: readonly FlvTagParts[]) => Buffer;
  readonly clock: Clock;
  readonly limits: SlowReaderLimits;
  readonly counters: LiveCounters;
  /** The least merge interval now, from `general.mergeWriteMS`. */
  readonly leastMergeMs: () => number;
};

const MAX_TAGS_PER_BLOCK = 1024;
/** Merged writes are spread over this many turns, so that thousands of viewers do not hold up the loop at once. */
const GROUPS = 5;

/** One output of one stream: encodes tags once into shared blocks and writes these to every viewer. */
export class FanOut {
  readonly #options: FanOutOptions;
  readonly #blocks = new BlockList(GOP_LIMIT_BYTES);
  readonly #groups: Viewer[][] = Array.from({ length: GROUPS }, () => []);
  readonly #rate: ByteRate;
  #pending: FlvTagParts[] = [];
  #pendingStart = false;
  /** Changed parameters, still to be repeated before the next key frame. */
  #pendingConfig: readonly FlvTagParts[] = [];
  /** The parameters announced last, for those who miss the announcement, and how many came before them. */
  #lastConfig: readonly FlvTagParts[] = [];
  #configs = 0;
  #viewers = 0;
  #nextGroup = 0;
  #timer: Timer | undefined;
  #timerMs = 0;
  #turn = 0;
  #flushQueued = false;
  #closed = false;

  constructor(options: FanOutOptions) {
    this.#options = options;
    this.#rate = new ByteRate(options.clock.monotonicMs());
  }

  get viewerCount(): number {
    return this.#viewers;
  }

  /** Appends a tag; it reaches the viewers at the end of this loop turn or at the next merge turn. */
  push(tag: FlvTagParts, start: TagStart): void {
    if (this.#closed) return;
    if (start === 'key-frame' || this.#pending.length >= MAX_TAGS_PER_BLOCK) this.#closeBlock();
    if (this.#pending.length === 0) this.#pendingStart = start !== 'no';
    if (start !== 'no' && this.#pendingConfig.length > 0) {
      this.#pending.push(...this.#pendingConfig);
      this.#pendingConfig = [];
    }
    this.#pending.push(tag);
    if (this.#timer === undefined && !this.#flushQueued) {
      this.#flushQueued = true;
      queueMicrotask(() => {
        this.#flushQueued = false;
        if (this.#timer === undefined) this.flush();
      });
    }
  }

  /**
   * Announces changed parameters: at once to those who are watching, and again before the next key frame for those who
   * start there. Nobody can start at an earlier one any more.
   */
  pushConfig(tags: readonly FlvTagParts[]): void {
    for (const tag of tags) this.push(tag, 'no');
    this.#closeBlock();
    this.#blocks.forgetKey();
    this.#pendingConfig = tags;
    this.#lastConfig = tags;
    this.#configs += 1;
  }

  /** Writes everything pushed so far to all viewers now. */
  flush(): void {
    this.#closeBlock();
    for (const group of this.#groups) this.#deliverGroup(group);
    this.#blocks.trim(this.#blocks.nextSequence);
  }

  /**
   * Adds a viewer: `preamble` and the blocks since the last key frame are written before this returns, and the next
   * block follows on without gap or repetition.
   */
  attach(socket: ViewerSocket, end: ViewerEnd, preamble: Uint8Array): Viewer {
    this.#closeBlock();
    const start =
      this.#blocks.bytesSinceKey > this.#options.limits.hardBytes ? undefined : this.#blocks.keySequence;
    const group = this.#nextGroup++ % GROUPS;
    const viewer = new Viewer(socket, end, group, {
      cursor: start ?? this.#blocks.nextSequence,
      waitingForKey: start === undefined,
      configsSeen: this.#configs,
    });
    this.#groups[group]?.push(viewer);
    this.#viewers += 1;
    socket.cork();
    socket.write(preamble);
    this.#options.counters.bytesOut += preamble.byteLength;
    viewer.burstBytes = preamble.byteLength + (start === undefined ? 0 : this.#blocks.bytesSinceKey);
    if (start !== undefined) this.#writeFrom(viewer);
    socket.uncork();
    this.#schedule();
    return viewer;
  }

  /** Removes a viewer; unknown ones are ignored. */
  detach(viewer: Viewer): void {
    const group = this.#groups[viewer.group];
    const index = group?.indexOf(viewer) ?? -1;
    if (group === undefined || index < 0) return;
    const last = group.pop();
    if (last !== undefined && last !== viewer) group[index] = last;
    this.#viewers -= 1;
    this.#schedule();
  }

  /** Stops delivery to a viewer (`pause` command); it comes back at a key frame. */
  pause(viewer: Viewer, paused: boolean): void {
    viewer.paused = paused;
    if (paused) return;
    viewer.waitingForKey = true;
    viewer.cursor = this.#blocks.keySequence ?? this.#blocks.nextSequence;
  }

  /** Once a second: measures the rate and closes viewers whose sockets take nothing. */
  check(nowMs: number): void {
    this.#rate.measure(nowMs);
    this.#schedule();
    for (const group of this.#groups) {
      for (let i = group.length - 1; i >= 0; i--) {
        const viewer = group[i];
        if (viewer?.draining === true && this.#isStalled(viewer, nowMs)) this.#closeSlow(viewer);
      }
    }
  }

  /** Writes what is due and tells every viewer that the stream is over. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    const viewers = this.#groups.flat();
    for (const group of this.#groups) group.length = 0;
    this.#viewers = 0;
    for (const viewer of viewers) viewer.end.ended();
  }

  #softBytes(): number {
    const { softBytes, softSeconds, hardBytes } = this.#options.limits;
    return Math.min(Math.max(softBytes, this.#rate.bytesPerSecond * softSeconds), hardBytes / 2);
  }

  #closeBlock(): void {
    if (this.#pending.length === 0) return;
    const bytes = this.#options.encode(this.#pending);
    this.#pending = [];
    this.#rate.add(bytes.byteLength);
    this.#blocks.append(bytes, this.#pendingStart);
  }

  /** Follows the number of viewers from immediate to merged writes and back. */
  #schedule(): void {
    const intervalMs = this.#closed ? 0 : mergeIntervalMs(this.#viewers, this.#options.leastMergeMs());
    if (intervalMs === this.#timerMs) return;
    this.#timer?.cancel();
    this.#timerMs = intervalMs;
    this.#timer =
      intervalMs === 0 ? undefined : this.#options.clock.every(intervalMs / GROUPS, () => this.#mergeTurn());
    if (intervalMs === 0) queueMicrotask(() => this.flush());
  }

  #mergeTurn(): void {
    this.#turn = (this.#turn + 1) % GROUPS;
    if (this.#turn === 0) {
      // Every group has been served up to here since the last round began.
      const served = this.#blocks.nextSequence;
      this.#closeBlock();
      this.#blocks.trim(this.#oldestCursor(served));
    }
    const group = this.#groups[this.#turn];
    if (group !== undefined) this.#deliverGroup(group);
  }

  #oldestCursor(from: number): number {
    let oldest = from;
    for (const group of this.#groups) {
      for (const viewer of group) {
        if (!viewer.waitingForKey && !viewer.paused && viewer.cursor < oldest) oldest = viewer.cursor;
      }
    }
    return oldest;
  }

  #deliverGroup(group: readonly Viewer[]): void {
    const softBytes = this.#softBytes();
    // Backwards, because closing a viewer moves the last one into its place.
    for (let i = group.length - 1; i >= 0; i--) {
      const viewer = group[i];
      if (viewer !== undefined) this.#deliver(viewer, softBytes);
    }
  }

  #deliver(viewer: Viewer, softBytes: number): void {
    const { socket } = viewer;
    if (viewer.paused || !socket.writable) return;
    const waitingBytes = socket.writableLength;
    if (waitingBytes > this.#options.limits.hardBytes) {
      this.#closeSlow(viewer);
      return;
    }
    if (waitingBytes <= softBytes / 2) viewer.burstBytes = 0;
    if (viewer.draining && !this.#drained(viewer, waitingBytes, softBytes)) return;
    if (viewer.waitingForKey) {
      const key = this.#blocks.keySequence;
      if (key === undefined || key < viewer.cursor) return;
      viewer.waitingForKey = false;
      viewer.cursor = key;
      this.#repeatConfig(viewer);
    } else if (waitingBytes > softBytes + viewer.burstBytes) {
      this.#skip(viewer, waitingBytes);
      return;
    }
    this.#writeFrom(viewer);
  }

  #writeFrom(viewer: Viewer): void {
    const end = this.#blocks.nextSequence;
    for (; viewer.cursor < end; viewer.cursor++) {
      const block = this.#blocks.at(viewer.cursor);
      if (block === undefined) {
        // The list no longer reaches back to this viewer; only a key frame can help it.
        viewer.waitingForKey = true;
        viewer.cursor = this.#blocks.keySequence ?? end;
        return;
      }
      this.#options.counters.bytesOut += block.bytes.byteLength;
      viewer.socket.write(block.bytes);
    }
    viewer.configsSeen = this.#configs;
  }

  /** The announcement, and the key frame it was repeated before, may both lie in what this viewer was spared. */
  #repeatConfig(viewer: Viewer): void {
    if (viewer.configsSeen === this.#configs) return;
    const bytes = this.#options.encode(this.#lastConfig);
    this.#options.counters.bytesOut += bytes.byteLength;
    viewer.socket.write(bytes);
  }

  #skip(viewer: Viewer, waitingBytes: number): void {
    viewer.waitingForKey = true;
    viewer.draining = true;
    viewer.skips += 1;
    viewer.drainCheckedBytes = waitingBytes;
    viewer.drainCheckedMs = this.#options.clock.monotonicMs();
    this.#options.counters.skips += 1;
  }

  /** A drained viewer goes on at the newest key frame it has not had, unless that lies so far back it would only fill up again. */
  #drained(viewer: Viewer, waitingBytes: number, softBytes: number): boolean {
    if (waitingBytes > softBytes / 2) return false;
    viewer.draining = false;
    const key = this.#blocks.keySequence;
    const tooFarBack = key === undefined || this.#blocks.bytesSinceKey > softBytes / 2;
    if (tooFarBack) viewer.cursor = this.#blocks.nextSequence;
    return true;
  }

  #isStalled(viewer: Viewer, nowMs: number): boolean {
    const waitingBytes = viewer.socket.writableLength;
    if (waitingBytes < viewer.drainCheckedBytes) {
      viewer.drainCheckedBytes = waitingBytes;
      viewer.drainCheckedMs = nowMs;
    }
    return nowMs - viewer.drainCheckedMs >= this.#options.limits.stallMs;
  }

  #closeSlow(viewer: Viewer): void {
    this.detach(viewer);
    this.#options.counters.slowCloses += 1;
    viewer.end.tooSlow();
  }
}
