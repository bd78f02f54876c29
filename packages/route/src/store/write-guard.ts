import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';

const QUIET_MS = 60_000;

/** Lets the gateway go on when its database cannot be written, on a full disk for example; says so at most once a minute. */
export class WriteGuard {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #toldAtMs = new Map<string, number>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Runs a task that writes; false when it failed. `what` is what is lost then, one of a few words of the program. */
  run(what: string, write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      this.report(what, error);
      return false;
    }
  }

  /** Logs why a write failed, unless it has been told in the last minute. */
  report(what: string, error: unknown): void {
    const toldAtMs = this.#toldAtMs.get(what);
    if (toldAtMs !== undefined && this.#clock.now() - toldAtMs < QUIET_MS) return;
    this.#toldAtMs.set(what, this.#clock.now());
    this.#log.error(`${what} could not be saved: ${errorText(error)}`);
  }
}
