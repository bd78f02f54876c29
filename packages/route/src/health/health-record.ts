import { Ring } from '@sluice/base/ring';
import type { DelaySample, UrlHealth } from '../port.ts';

const HISTORY_LENGTH = 10;
const MAX_URLS = 32;

type UrlState = { alive: boolean; readonly history: Ring<DelaySample> };

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
    state.history.push({ timeMs, delayMs: state.alive ? (delayMs ?? 0) : 0 });
  }

  view(): {
    readonly alive: boolean;
    readonly history: readonly DelaySample[];
    readonly extra: Readonly<Record<string, UrlHealth>>;
  } {
    const extra: Record<string, UrlHealth> = {};
    for (const [url, { alive, history }] of this.#urls) extra[url] = { alive, history: history.toArray() };
    return { alive: this.#alive, history: this.#history.toArray(), extra };
  }

  #urlState(url: string): UrlState {
    const known = this.#urls.get(url);
    if (known !== undefined) return known;
    const [oldest] = this.#urls.keys();
    if (this.#urls.size >= MAX_URLS && oldest !== undefined) this.#urls.delete(oldest);
    const state: UrlState = { alive: true, history: new Ring(HISTORY_LENGTH) };
    this.#urls.set(url, state);
    return state;
  }
}
