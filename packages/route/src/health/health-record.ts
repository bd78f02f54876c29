import { Ring } from '@sluice/base/ring';
import type { DelaySample, UrlHealth } from '../port.ts';

/** The delay of what is dead or was never tested: larger than every real one. */
export const UNKNOWN_DELAY_MS = 65_535;

const HISTORY_LENGTH = 10;
const MAX_URLS = 32;

type UrlState = { alive: boolean; lastMs: number; readonly history: Ring<DelaySample> };

/** What delay tests found out about one outbound or group: the latest results over all URLs, and per URL. */
export class HealthRecord {
  #alive = true;
  readonly #history = new Ring<DelaySample>(HISTORY_LENGTH);
  readonly #urls = new Map<string, UrlState>();

  /** Records one test; a failed one has no delay. `accepted` tells whether the status was an expected one. */
  record(url: string, timeMs: number, delayMs: number | undefined, accepted: boolean): void {
    this.#alive = delayMs !== undefined;
    this.#history.push({ timeMs, delayMs: delayMs ?? 0 });
    const state = this.#urlState(url);
    state.alive = delayMs !== undefined && accepted;
    state.lastMs = state.alive ? (delayMs ?? 0) : 0;
    state.history.push({ timeMs, delayMs: state.lastMs });
  }

  /** Whether the latest test of the URL succeeded; of any URL where this one was never tested; true before any test. */
  aliveFor(url: string): boolean {
    return this.#urls.get(url)?.alive ?? this.#alive;
  }

  /** The latest delay towards the URL, `UNKNOWN_DELAY_MS` when it is dead or was never tested. */
  lastDelayMs(url: string): number {
    const lastMs = this.#urls.get(url)?.lastMs ?? 0;
    return lastMs === 0 ? UNKNOWN_DELAY_MS : lastMs;
  }

  view(): {
    readonly alive: boolean;
    readonly history: readonly DelaySample[];
    readonly extra: Readonly<Record<string, UrlHealth>>;
  } {
    // Made of entries, so that a URL of any spelling is a member like others.
    const extra = Object.fromEntries(
      Array.from(this.#urls, ([url, { alive, history }]) => [url, { alive, history: history.toArray() }]),
    );
    return { alive: this.#alive, history: this.#history.toArray(), extra };
  }

  /** The URL tested longest ago makes room for a new one. */
  #urlState(url: string): UrlState {
    const known = this.#urls.get(url);
    const [oldest] = this.#urls.keys();
    if (known !== undefined) this.#urls.delete(url);
    else if (this.#urls.size >= MAX_URLS && oldest !== undefined) this.#urls.delete(oldest);
    const state = known ?? { alive: true, lastMs: 0, history: new Ring<DelaySample>(HISTORY_LENGTH) };
    this.#urls.set(url, state);
    return state;
  }
}
