import { type CapturedBody, EMPTY_BODY, type ExchangeSink } from './exchange.ts';

/** Bounds the body bytes that are kept in memory over all exchanges, from their arrival until the sink has written them. */
export class CaptureBudget {
  readonly #limitBytes: number;
  readonly #sink: ExchangeSink;
  #inFlightBytes = 0;

  constructor(limitBytes: number, sink: ExchangeSink) {
    this.#limitBytes = limitBytes;
    this.#sink = sink;
  }

  /** Bytes kept by exchanges that have not finished. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** True, and accounted, when `bytes` more may be kept. */
  reserve(bytes: number): boolean {
    if (this.#inFlightBytes + this.#sink.pendingBytes + bytes > this.#limitBytes) return false;
    this.#inFlightBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#inFlightBytes -= bytes;
  }
}

/** Copies of one body's beginning, and the count of all of it. */
export class BodyCapture {
  readonly #budget: CaptureBudget;
  readonly #limitBytes: number;
  readonly #chunks: Buffer[] = [];
  #storedBytes = 0;
  #sizeBytes = 0;
  #truncated = false;

  constructor(budget: CaptureBudget, limitBytes: number) {
    this.#budget = budget;
    this.#limitBytes = limitBytes;
  }

  /** Takes note of the next bytes of the body; `slice` must not be changed afterwards. */
  add(slice: Buffer): void {
    this.#sizeBytes += slice.length;
    if (this.#truncated) return;
    const room = this.#limitBytes - this.#storedBytes;
    const kept = slice.length <= room ? slice : slice.subarray(0, room);
    if (kept.length < slice.length) this.#truncated = true;
    if (kept.length === 0) return;
    if (!this.#budget.reserve(kept.length)) {
      this.#truncated = true;
      return;
    }
    this.#storedBytes += kept.length;
    this.#chunks.push(ownedBytes(kept));
  }

  /** The body so far, marked as cut when the rest never came. */
  finish(complete: boolean): CapturedBody {
    if (this.#sizeBytes === 0 && complete) return EMPTY_BODY;
    return {
      chunks: this.#chunks,
      storedBytes: this.#storedBytes,
      sizeBytes: this.#sizeBytes,
      truncated: this.#truncated || !complete,
    };
  }

  /** Gives the budget back; the sink accounts for what it was handed. */
  release(): void {
    this.#budget.release(this.#storedBytes);
    this.#storedBytes = 0;
  }
}

// A small view would keep the whole socket read it came from alive.
function ownedBytes(slice: Buffer): Buffer {
  return slice.buffer.byteLength > slice.length * 2 + 1024 ? Buffer.from(slice) : slice;
}
