import type { FakeIpRange } from './fake-ip-range.ts';
import type { FakeIpTable } from './fake-ip-table.ts';

/**
 * Hands out one address of a range per name. Addresses are given in order; past the end it starts over and takes them away
 * from the names that had them.
 */
export class FakeIpPool {
  readonly range: FakeIpRange;
  readonly #table: FakeIpTable;
  #slot: number;
  #cycled: boolean;

  /** Continues where the table was left; a table whose state does not fit the range is cleared. */
  constructor(range: FakeIpRange, table: FakeIpTable) {
    this.range = range;
    this.#table = table;
    const state = table.state();
    const isFitting = state !== undefined && state.slot >= range.firstSlot && state.slot < range.lastSlot;
    if (!isFitting) table.clear();
    this.#slot = isFitting ? state.slot : range.firstSlot - 1;
    this.#cycled = isFitting && state.cycled;
  }

  get size(): number {
    return this.#table.size;
  }

  /** The slot of a lower-case name; a new name gets the next one. */
  slotFor(name: string): number {
    return this.#table.slotOf(name) ?? this.#allocate(name);
  }

  /** The name that an address was handed out for. */
  nameOf(ip: string): string | undefined {
    const slot = this.range.slotOf(ip);
    return slot < 0 ? undefined : this.#table.nameOf(slot);
  }

  /** Forgets every name; the first slot is next. */
  clear(): void {
    this.#table.clear();
    this.#slot = this.range.firstSlot - 1;
    this.#cycled = false;
  }

  flush(): void {
    this.#table.flush();
  }

  #allocate(name: string): number {
    this.#slot++;
    if (this.#slot >= this.range.lastSlot) {
      this.#slot = this.range.firstSlot;
      this.#cycled = true;
    }
    if (this.#cycled || this.#table.nameOf(this.#slot) !== undefined) this.#table.delete(this.#slot);
    this.#table.put(this.#slot, name, { slot: this.#slot, cycled: this.#cycled });
    return this.#slot;
  }
}
