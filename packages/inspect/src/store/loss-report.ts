import type { Clock, Timer } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';

const PERIOD_MS = 10_000;

/** Counts what could not be stored and says so in the log: at once, then once per period however much it is. */
export class LossReport {
  readonly #clock: Clock;
  readonly #log: Logger;
  #lost = 0;
  #withoutBodies = 0;
  #told = 0;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Exchanges that were never stored. */
  get lost(): number {
    return this.#lost;
  }

  /** Exchanges stored without their bodies. */
  get withoutBodies(): number {
    return this.#withoutBodies;
  }

  countLost(exchanges: number): void {
    this.#lost += exchanges;
    this.#tell();
  }

  countWithoutBodies(): void {
    this.#withoutBodies++;
    this.#tell();
  }

  /** From here on it only counts. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #tell(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#told = this.#lost + this.#withoutBodies;
    this.#log.warning('captured traffic could not all be stored; the traffic itself goes on', {
      lost: this.#lost,
      withoutBodies: this.#withoutBodies,
    });
    this.#timer = this.#clock.after(PERIOD_MS, () => {
      this.#timer = undefined;
      if (this.#lost + this.#withoutBodies > this.#told) this.#tell();
    });
  }
}
