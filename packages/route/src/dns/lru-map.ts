/** An entry in the ring of uses: `newer` of the newest is the oldest. */
type Entry<K, V> = { readonly key: K; value: V; older: Entry<K, V>; newer: Entry<K, V> };

/**
 * A bounded map that forgets the entry used longest ago; reading and writing are uses. The order of use is a linked ring, since
 * re-inserting into a `Map` costs several times as much as a lookup.
 */
export class LruMap<K, V> {
  readonly capacity: number;
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #onEvicted: ((key: K, value: V) => void) | undefined;
  #newest: Entry<K, V> | undefined;

  /** `onEvicted` hears of entries that had to make room, not of those that were deleted or replaced. */
  constructor(capacity: number, onEvicted?: (key: K, value: V) => void) {
    this.capacity = capacity;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#use(entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      this.#use(known);
      return;
    }
    this.#entries.set(key, this.#append(key, value));
    if (this.#entries.size > this.capacity) this.#evict();
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#unlink(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#newest = undefined;
  }

  #evict(): void {
    const oldest = this.#newest?.newer;
    if (oldest === undefined) return;
    this.delete(oldest.key);
    this.#onEvicted?.(oldest.key, oldest.value);
  }

  #append(key: K, value: V): Entry<K, V> {
    const newest = this.#newest;
    const entry = { key, value } as Entry<K, V>;
    entry.older = newest ?? entry;
    entry.newer = newest?.newer ?? entry;
    entry.older.newer = entry;
    entry.newer.older = entry;
    this.#newest = entry;
    return entry;
  }

  #unlink(entry: Entry<K, V>): void {
    if (entry.newer === entry) {
      this.#newest = undefined;
      return;
    }
    entry.older.newer = entry.newer;
    entry.newer.older = entry.older;
    if (this.#newest === entry) this.#newest = entry.older;
  }

  #use(entry: Entry<K, V>): void {
    const newest = this.#newest;
    if (entry === newest || newest === undefined) return;
    if (newest.newer !== entry) {
      entry.older.newer = entry.newer;
      entry.newer.older = entry.older;
      entry.older = newest;
      entry.newer = newest.newer;
      newest.newer.older = entry;
      newest.newer = entry;
    }
    // In a ring the oldest becomes the newest by being called so.
    this.#newest = entry;
  }
}
