import type { Clock, Timer } from '@sluice/base/clock';

/** Something that has to make progress before `deadlineMs` (monotonic; `Infinity` for no deadline). */
export interface Timed {
  readonly deadlineMs: number;
  /** Called once `deadlineMs` has passed; must move or remove the deadline. */
  expire(): void;
}

const SWEEP_MS = 1000;

/** Looks after the deadlines of many connections with one timer, so that moving one costs an assignment. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #timed = new Set<Timed>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#timed.size;
  }

  /** Monotonic now, for computing deadlines. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  add(timed: Timed): void {
    this.#timed.add(timed);
    this.#timer ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
  }

  remove(timed: Timed): void {
    this.#timed.delete(timed);
    if (this.#timed.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const timed of this.#timed) if (timed.deadlineMs <= nowMs) timed.expire();
  }
}
