import type { Clock } from '@sluice/base/clock';

const CAPACITY = 128;
const LIFETIME_MS = 600_000;
const FAILURES_TOLERATED = 5;

type Failures = { count: number; expiresAtMs: number };

/** Remembers for ten minutes which destinations gave nothing to read, so that they are left alone after six times. */
export class FailureMemory {
  readonly #clock: Clock;
  /** The longest unused first. */
  readonly #destinations = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a destination has failed too often. */
  isHopeless(destination: string): boolean {
    return (this.#live(destination)?.count ?? 0) > FAILURES_TOLERATED;
  }

  fail(destination: string): void {
    const count = (this.#live(destination)?.count ?? 0) + 1;
    this.#destinations.delete(destination);
    const [oldest] = this.#destinations.keys();
    if (this.#destinations.size >= CAPACITY && oldest !== undefined) this.#destinations.delete(oldest);
    this.#destinations.set(destination, { count, expiresAtMs: this.#clock.monotonicMs() + LIFETIME_MS });
  }

  succeed(destination: string): void {
    this.#destinations.delete(destination);
  }

  #live(destination: string): Failures | undefined {
    const failures = this.#destinations.get(destination);
    if (failures === undefined || failures.expiresAtMs > this.#clock.monotonicMs()) return failures;
    this.#destinations.delete(destination);
    return undefined;
  }
}
