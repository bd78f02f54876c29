import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@sluice/base/clock';

const SWEEPS_PER_LIMIT = 10;

/**
 * Ends streams that take too long, all with one limit and one timer between them; how exactly the limit is kept is a tenth
 * of it. The timer runs only while there is something to watch.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #limitMs: number;
  /** In the order of their deadlines, since all have the same limit. */
  readonly #streams = new Map<Duplex, number>();
  #sweeper: Timer | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Starts (again) to count; the stream is destroyed when `clear` does not come in time. */
  set(stream: Duplex): void {
    this.#streams.delete(stream);
    this.#streams.set(stream, this.#clock.monotonicMs() + this.#limitMs);
    this.#sweeper ??= this.#clock.every(this.#limitMs / SWEEPS_PER_LIMIT, () => this.#sweep());
  }

  clear(stream: Duplex): void {
    this.#streams.delete(stream);
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [stream, deadlineMs] of this.#streams) {
      if (deadlineMs > nowMs) break;
      this.#streams.delete(stream);
      stream.destroy();
    }
    if (this.#streams.size > 0) return;
    this.#sweeper?.cancel();
    this.#sweeper = undefined;
  }
}
