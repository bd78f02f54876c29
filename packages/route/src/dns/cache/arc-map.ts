/**
 * Adaptive replacement cache (Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003): entries seen
 * once and entries seen more often are kept apart, and the share of each follows which of the recently forgotten keys are asked
 * for again.
 */
export class ArcMap<V> {
  readonly #capacity: number;
  /** T1 and T2 of the paper, oldest use first. */
  readonly #once = new Map<string, V>();
  readonly #often = new Map<string, V>();
  /** B1 and B2: keys that were forgotten lately. */
  readonly #onceGhosts = new Set<string>();
  readonly #oftenGhosts = new Set<string>();
  /** How many entries seen once should be kept (`p`). */
  #onceTarget = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#once.size + this.#often.size;
  }

  get(key: string): V | undefined {
    const value = this.#once.get(key) ?? this.#often.get(key);
    if (value !== undefined) this.#use(key, value);
    return value;
  }

  set(key: string, value: V): void {
    if (this.#once.has(key) || this.#often.has(key)) {
      this.#use(key, value);
      return;
    }
    if (this.#onceGhosts.has(key)) {
      const step = Math.max(1, this.#oftenGhosts.size / this.#onceGhosts.size);
      this.#onceTarget = Math.min(this.#capacity, this.#onceTarget + step);
      this.#makeRoom(false);
      this.#onceGhosts.delete(key);
      this.#often.set(key, value);
      return;
    }
    if (this.#oftenGhosts.has(key)) {
      const step = Math.max(1, this.#onceGhosts.size / this.#oftenGhosts.size);
      this.#onceTarget = Math.max(0, this.#onceTarget - step);
      this.#makeRoom(true);
      this.#oftenGhosts.delete(key);
      this.#often.set(key, value);
      return;
    }
    this.#addNew(key, value);
  }

  clear(): void {
    for (const part of [this.#once, this.#often, this.#onceGhosts, this.#oftenGhosts]) part.clear();
    this.#onceTarget = 0;
  }

  #use(key: string, value: V): void {
    this.#once.delete(key);
    this.#often.delete(key);
    this.#often.set(key, value);
  }

  #addNew(key: string, value: V): void {
    const onceAndGhosts = this.#once.size + this.#onceGhosts.size;
    if (onceAndGhosts >= this.#capacity) {
      if (this.#once.size < this.#capacity) {
        removeOldest(this.#onceGhosts);
        this.#makeRoom(false);
      } else removeOldest(this.#once);
    } else {
      const total = onceAndGhosts + this.#often.size + this.#oftenGhosts.size;
      if (total >= this.#capacity * 2) removeOldest(this.#oftenGhosts);
      this.#makeRoom(false);
    }
    this.#once.set(key, value);
  }

  /** `REPLACE` of the paper: one entry becomes a ghost when the cache is full. */
  #makeRoom(forOftenGhost: boolean): void {
    if (this.size < this.#capacity) return;
    const onceSize = this.#once.size;
    const fromOnce =
      onceSize > 0 &&
      (onceSize > this.#onceTarget || (forOftenGhost && onceSize === Math.floor(this.#onceTarget)));
    if (fromOnce || this.#often.size === 0) addIfAny(this.#onceGhosts, removeOldest(this.#once));
    else addIfAny(this.#oftenGhosts, removeOldest(this.#often));
  }
}

function removeOldest(entries: Map<string, unknown> | Set<string>): string | undefined {
  for (const key of entries.keys()) {
    entries.delete(key);
    return key;
  }
  return undefined;
}

function addIfAny(ghosts: Set<string>, key: string | undefined): void {
  if (key !== undefined) ghosts.add(key);
}
