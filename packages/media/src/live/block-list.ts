/** Consecutive tags of one output, encoded once and written to every viewer as they are. */
export type Block = {
  readonly bytes: Buffer;
  readonly sequence: number;
  readonly startsWithKeyFrame: boolean;
};

/**
 * The append-only list behind one output. It reaches back to the newest key frame (the GOP cache) and no further than
 * `limitBytes`; sequence numbers are never reused.
 */
export class BlockList {
  readonly #limitBytes: number;
  #blocks: Block[] = [];
  #nextSequence = 0;
  #bytes = 0;
  #keySequence: number | undefined;
  #bytesSinceKey = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The sequence the next block will get. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Where a viewer can start right now, when the list still reaches back to a key frame. */
  get keySequence(): number | undefined {
    return this.#keySequence;
  }

  get bytesSinceKey(): number {
    return this.#bytesSinceKey;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(bytes: Buffer, startsWithKeyFrame: boolean): void {
    const sequence = this.#nextSequence++;
    this.#blocks.push({ bytes, sequence, startsWithKeyFrame });
    this.#bytes += bytes.byteLength;
    if (startsWithKeyFrame) {
      this.#keySequence = sequence;
      this.#bytesSinceKey = 0;
    }
    if (this.#keySequence !== undefined) this.#bytesSinceKey += bytes.byteLength;
    if (this.#bytes > this.#limitBytes) this.#forgetOldest();
  }

  /** The block, or `undefined` when it is forgotten or yet to come. */
  at(sequence: number): Block | undefined {
    const first = this.#blocks[0];
    return first === undefined ? undefined : this.#blocks[sequence - first.sequence];
  }

  /** Makes new viewers wait for the next key frame; blocks that others still need stay. */
  forgetKey(): void {
    this.#keySequence = undefined;
    this.#bytesSinceKey = 0;
  }

  /** Forgets what lies before both the newest key frame and `sequence`, the oldest block some viewer still needs. */
  trim(sequence: number): void {
    const keepFrom = Math.min(this.#keySequence ?? this.#nextSequence, sequence);
    const first = this.#blocks[0];
    if (first === undefined || keepFrom <= first.sequence) return;
    for (const block of this.#blocks.splice(0, keepFrom - first.sequence))
      this.#bytes -= block.bytes.byteLength;
  }

  /** Over the limit: what precedes the newest key frame goes first, then everything but the newest block. */
  #forgetOldest(): void {
    this.trim(this.#nextSequence - 1);
    if (this.#bytes <= this.#limitBytes || this.#blocks.length <= 1) return;
    const newest = this.#blocks[this.#blocks.length - 1];
    this.#blocks = newest === undefined ? [] : [newest];
    this.#bytes = newest?.bytes.byteLength ?? 0;
    if (newest?.startsWithKeyFrame !== true) this.forgetKey();
  }
}
