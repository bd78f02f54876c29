/** A bounded list that forgets its oldest entry when full. */
export class Ring<T> {
  readonly capacity: number;
  readonly #slots: T[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#slots.length;
  }

  push(value: T): void {
    if (this.#slots.length < this.capacity) this.#slots.push(value);
    else this.#slots[this.#next] = value;
    this.#next = (this.#next + 1) % this.capacity;
  }

  /** Oldest first. */
  toArray(): T[] {
    return this.#slots.length < this.capacity
      ? this.#slots.slice()
      : [...this.#slots.slice(this.#next), ...this.#slots.slice(0, this.#next)];
  }
}
