/** A bounded map that forgets the entry used longest ago; reading and writing are uses. */
export class LruMap<K, V> {
  readonly capacity: number;
  readonly #entries = new Map<K, V>();
  readonly #onEvicted: ((key: K, value: V) => void) | undefined;

  /** `onEvicted` hears of entries that had to make room, not of those that were deleted or replaced. */
  constructor(capacity: number, onEvicted?: (key: K, value: V) => void) {
    this.capacity = capacity;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.#touch(key, value);
    return value;
  }

  /** As `get`, but does not count as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#touch(key, value);
    if (this.#entries.size <= this.capacity) return;
    for (const [oldest, evicted] of this.#entries) {
      this.#entries.delete(oldest);
      this.#onEvicted?.(oldest, evicted);
      return;
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Moves the entry to the end of the insertion order, which is the order of use. */
  #touch(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
  }
}
