/** A pending timer; `cancel` is idempotent. */
export type Timer = { cancel(): void };

/** The longest a timer can wait; Node takes anything beyond for one millisecond. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Time as the gateway sees it, so that tests can move it by hand. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start. */
  monotonicMs(): number;
  /** Runs `task` once after `delayMs`; the timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` every `periodMs`; the timer does not keep the process alive. */
  every(periodMs: number, task: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, task) {
    const handle = setTimeout(task, Math.min(delayMs, MAX_DELAY_MS));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, task) {
    const handle = setInterval(task, Math.min(periodMs, MAX_DELAY_MS));
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

type Scheduled = { at: number; readonly periodMs: number | undefined; readonly task: () => void };

/** A clock that only moves when told to; due timers run in time order inside `advance`. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #scheduled = new Set<Scheduled>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#schedule(delayMs, undefined, task);
  }

  every(periodMs: number, task: () => void): Timer {
    return this.#schedule(periodMs, periodMs, task);
  }

  /** Moves time forward by `ms`, running every timer that falls due on the way. */
  advance(ms: number): void {
    const targetMs = this.#nowMs + ms;
    for (;;) {
      let next: Scheduled | undefined;
      for (const timer of this.#scheduled) {
        if (timer.at <= targetMs && (next === undefined || timer.at < next.at)) next = timer;
      }
      if (next === undefined) break;
      this.#nowMs = next.at;
      if (next.periodMs === undefined) this.#scheduled.delete(next);
      else next.at += next.periodMs;
      next.task();
    }
    this.#nowMs = targetMs;
  }

  #schedule(delayMs: number, periodMs: number | undefined, task: () => void): Timer {
    const entry: Scheduled = { at: this.#nowMs + delayMs, periodMs, task };
    this.#scheduled.add(entry);
    return { cancel: () => void this.#scheduled.delete(entry) };
  }
}
