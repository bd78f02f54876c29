const SIZES_BYTES = [4_096, 16_384, 65_536, 262_144, 524_288] as const;
// Shrinking goes back to what holds a TLS record; a connection that never filled the first size stays at it.
const SMALL_STEP = 1;
const FULL_READS_TO_GROW = 2;
const SMALL_READ_BYTES = SIZES_BYTES[SMALL_STEP];
const SMALL_READS_TO_SHRINK = 16;
const GROWN_LIMIT_BYTES = 128 << 20;

let grownBytes = 0;

/**
 * The buffer one socket reads into. Reads that fill it make it grow, since the size of a read decides what relaying costs;
 * small reads make it shrink again. All grown buffers together stay below 128 MiB; beyond that connections keep what they have.
 */
export class ReadBuffer {
  #step = 0;
  #fullReads = 0;
  #smallReads = 0;
  #buffer: Buffer = Buffer.allocUnsafeSlow(SIZES_BYTES[0]);

  get current(): Buffer {
    return this.#buffer;
  }

  /** Learns from the length of a read; takes effect with the next `current`. */
  note(length: number): void {
    if (length === this.#buffer.length) {
      this.#smallReads = 0;
      this.#fullReads += 1;
      if (this.#fullReads >= FULL_READS_TO_GROW) this.#resize(this.#step + 1);
    } else {
      this.#fullReads = 0;
      this.#smallReads = length <= SMALL_READ_BYTES ? this.#smallReads + 1 : 0;
      if (this.#smallReads >= SMALL_READS_TO_SHRINK && this.#step > SMALL_STEP) this.#resize(SMALL_STEP);
    }
  }

  /** Gives the grown memory back; the buffer must not be used any more. */
  release(): void {
    this.#resize(0);
  }

  #resize(step: number): void {
    const sizeBytes = SIZES_BYTES[step];
    this.#fullReads = 0;
    this.#smallReads = 0;
    if (sizeBytes === undefined || step === this.#step) return;
    const differenceBytes = sizeBytes - this.#buffer.length;
    if (grownBytes + differenceBytes > GROWN_LIMIT_BYTES) return;
    grownBytes += differenceBytes;
    this.#step = step;
    this.#buffer = Buffer.allocUnsafeSlow(sizeBytes);
  }
}
