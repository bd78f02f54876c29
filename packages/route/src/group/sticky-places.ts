import type { Clock } from '@sluice/base/clock';

const CAPACITY = 1_000;
const LIFE_MS = 600_000;

type Place = { readonly index: number; readonly expiresMs: number };

/** Remembers for ten minutes of silence which member the flows of a client to a site went to. */
export class StickyPlaces {
  readonly #clock: Clock;
  /** In the order of use. */
  readonly #places = new Map<string, Place>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): number | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    if (place.expiresMs > this.#clock.monotonicMs()) return place.index;
    this.#places.delete(key);
    return undefined;
  }

  set(key: string, index: number): void {
    this.#places.delete(key);
    const [oldest] = this.#places.keys();
    if (this.#places.size >= CAPACITY && oldest !== undefined) this.#places.delete(oldest);
    this.#places.set(key, { index, expiresMs: this.#clock.monotonicMs() + LIFE_MS });
  }
}
