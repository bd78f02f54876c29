import type { Clock, Timer } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { GeoSettings } from '../port.ts';

const HOUR_MS = 3_600_000;

export type AutoUpdateOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly update: () => Promise<void>;
  /** When the oldest file was written, `undefined` when there is none. */
  readonly oldestMs: () => number | undefined;
};

/** Updates files at an interval; it looks once an hour, so that neither long intervals nor a sleeping machine upset it. */
export class AutoUpdate {
  readonly #options: AutoUpdateOptions;
  #intervalMs = 0;
  #nextMs = 0;
  #timer: Timer | undefined;
  #started = false;

  constructor(options: AutoUpdateOptions) {
    this.#options = options;
  }

  /** Begins; what is older than the interval is updated at once. */
  start(settings: GeoSettings): void {
    this.#started = true;
    this.configure(settings);
  }

  stop(): void {
    this.#started = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  configure({ autoUpdate, updateIntervalHours }: GeoSettings): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#started || !autoUpdate) return;
    if (updateIntervalHours <= 0) {
      this.#options.logger.error(`[GEO] Invalid update interval: ${updateIntervalHours}`);
      return;
    }
    const { clock, oldestMs } = this.#options;
    this.#intervalMs = updateIntervalHours * HOUR_MS;
    this.#nextMs = (oldestMs() ?? clock.now()) + this.#intervalMs;
    this.#timer = clock.every(HOUR_MS, () => this.#look());
    this.#look();
  }

  #look(): void {
    const { clock, logger, update } = this.#options;
    if (clock.now() < this.#nextMs) return;
    this.#nextMs = clock.now() + this.#intervalMs;
    logger.info('[GEO] Updating GEO database');
    update().then(
      () => logger.info('[GEO] GEO database is up to date'),
      (error: unknown) => logger.error(`[GEO] Failed to update GEO database: ${errorText(error)}`),
    );
  }
}
