/** Counts bytes and remembers how many came during the last measured interval. */
export class ByteRate {
  #totalBytes = 0;
  #measuredBytes = 0;
  #measuredAtMs: number;
  #bytesPerSecond = 0;

  constructor(nowMs: number) {
    this.#measuredAtMs = nowMs;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  add(bytes: number): void {
    this.#totalBytes += bytes;
  }

  /** Closes the current interval; called about once a second. */
  measure(nowMs: number): void {
    const elapsedMs = nowMs - this.#measuredAtMs;
    if (elapsedMs <= 0) return;
    this.#bytesPerSecond = Math.round(((this.#totalBytes - this.#measuredBytes) * 1000) / elapsedMs);
    this.#measuredBytes = this.#totalBytes;
    this.#measuredAtMs = nowMs;
  }
}
