import type { CaptureBudget } from '../exchange/body-capture.ts';

const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** A response body held back until it is complete, so that a rule can change it. Shares the bound on bodies in memory. */
export class HeldBody {
  readonly #budget: CaptureBudget;
  #slices: Buffer[] = [];
  #reservedBytes = 0;
  #overflowed = false;

  constructor(budget: CaptureBudget) {
    this.#budget = budget;
  }

  /** True when no more may be held: the body has to go on as it is. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  add(slice: Buffer): void {
    this.#slices.push(slice);
    const fits = this.#reservedBytes + slice.length <= MAX_HELD_BYTES;
    if (fits && this.#budget.reserve(slice.length)) this.#reservedBytes += slice.length;
    else this.#overflowed = true;
  }

  /** Lets go of everything held, in order. */
  release(): readonly Buffer[] {
    const slices = this.#slices;
    this.#slices = [];
    this.#budget.release(this.#reservedBytes);
    this.#reservedBytes = 0;
    return slices;
  }
}
