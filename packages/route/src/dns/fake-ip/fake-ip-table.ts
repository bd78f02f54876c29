import { LruMap } from '../lru-map.ts';

/** Where allocation stands: the slot handed out last, and whether the pool has started over. */
export type FakeIpState = { readonly slot: number; readonly cycled: boolean };

/** Names and slots of one pool, in both directions; a lookup in either counts as a use. */
export interface FakeIpTable {
  readonly size: number;
  slotOf(name: string): number | undefined;
  nameOf(slot: number): string | undefined;
  /** Pairs them and records the state after it; neither may be paired already. */
  put(slot: number, name: string, state: FakeIpState): void;
  delete(slot: number): void;
  clear(): void;
  /** The recorded state, `undefined` for a table that begins. */
  state(): FakeIpState | undefined;
  /** Writes what is not on disk yet. */
  flush(): void;
}

const CAPACITY = 1_000;

/** A table that forgets names used longest ago and everything at the end of the process. */
export class MemoryFakeIpTable implements FakeIpTable {
  readonly #slots: LruMap<string, number>;
  readonly #names = new Map<number, string>();
  #state: FakeIpState | undefined;

  constructor(capacity = CAPACITY) {
    this.#slots = new LruMap(capacity, (_name, slot) => this.#names.delete(slot));
  }

  get size(): number {
    return this.#slots.size;
  }

  slotOf(name: string): number | undefined {
    return this.#slots.get(name);
  }

  nameOf(slot: number): string | undefined {
    const name = this.#names.get(slot);
    if (name !== undefined) this.#slots.get(name);
    return name;
  }

  put(slot: number, name: string, state: FakeIpState): void {
    this.#state = state;
    this.#names.set(slot, name);
    this.#slots.set(name, slot);
  }

  delete(slot: number): void {
    const name = this.#names.get(slot);
    if (name !== undefined) this.#slots.delete(name);
    this.#names.delete(slot);
  }

  clear(): void {
    this.#slots.clear();
    this.#names.clear();
    this.#state = undefined;
  }

  state(): FakeIpState | undefined {
    return this.#state;
  }

  flush(): void {
    // Nothing is kept.
  }
}
