/** The answer of an index lookup when nothing matches. */
export const NO_RULE = -1;

/** One domain key of an index: the whole name, or the name and everything below it. `rule` is its place in the rule list. */
export type DomainEntry = { readonly name: string; readonly suffix: boolean; readonly rule: number };

const DOT = 46;
const EMPTY = -1;

/**
 * Exact names and suffixes, compiled for lookup by the smallest rule number. One hash is rolled over the host from the
 * right and the table is asked at each label border, so the cost depends on the host's length and not on the number of keys.
 */
export class DomainIndex {
  /** Slot → key number, or EMPTY; a power of two in size, at most half full. */
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  readonly #names: readonly string[];
  /** Per key, the first entry of each kind; entries of one key are chained in rising rule order. */
  readonly #firstExact: Int32Array;
  readonly #firstSuffix: Int32Array;
  readonly #rules: Int32Array;
  readonly #next: Int32Array;

  /** Entries must come in rising `rule` order; names in lower case without leading or trailing dot. */
  constructor(entries: readonly DomainEntry[]) {
    const capacity = tableCapacity(entries.length);
    this.#slots = new Int32Array(capacity).fill(EMPTY);
    this.#hashes = new Int32Array(entries.length);
    this.#firstExact = new Int32Array(entries.length).fill(EMPTY);
    this.#firstSuffix = new Int32Array(entries.length).fill(EMPTY);
    this.#rules = Int32Array.from(entries, (entry) => entry.rule);
    this.#next = new Int32Array(entries.length).fill(EMPTY);
    const names: string[] = [];
    this.#names = names;
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index] as DomainEntry;
      const key = this.#keyOf(entry.name, names);
      const first = entry.suffix ? this.#firstSuffix : this.#firstExact;
      this.#next[index] = first[key] ?? EMPTY;
      first[key] = index;
    }
  }

  get size(): number {
    return this.#rules.length;
  }

  /** The smallest rule number, not below `from`, whose key covers `host` (lower case, no trailing dot), or NO_RULE. */
  lookup(host: string, from = 0): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let best = NO_RULE;
    let hash = 0;
    for (let start = host.length - 1; start >= 0; start--) {
      hash = Math.imul(hash ^ host.charCodeAt(start), 0x01000193);
      if (start !== 0 && host.charCodeAt(start - 1) !== DOT) continue;
      let slot = spread(hash) & mask;
      for (let key = slots[slot] as number; key !== EMPTY; key = slots[slot] as number) {
        if (this.#hashes[key] === hash && isTail(host, start, this.#names[key] as string)) {
          best = this.#smaller(best, this.#firstSuffix[key] as number, from);
          if (start === 0) best = this.#smaller(best, this.#firstExact[key] as number, from);
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    return best;
  }

  #smaller(best: number, first: number, from: number): number {
    let entry = first;
    while (entry !== EMPTY) {
      const rule = this.#rules[entry] as number;
      if (rule >= from) return best === NO_RULE || rule < best ? rule : best;
      entry = this.#next[entry] as number;
    }
    return best;
  }

  #keyOf(name: string, names: string[]): number {
    const mask = this.#slots.length - 1;
    const hash = hashFromRight(name);
    let slot = spread(hash) & mask;
    for (let key = this.#slots[slot] as number; key !== EMPTY; key = this.#slots[slot] as number) {
      if (this.#hashes[key] === hash && names[key] === name) return key;
      slot = (slot + 1) & mask;
    }
    const key = names.length;
    names.push(name);
    this.#hashes[key] = hash;
    this.#slots[slot] = key;
    return key;
  }
}

function isTail(host: string, start: number, name: string): boolean {
  return name.length === host.length - start && host.endsWith(name);
}

/** FNV-1a over the UTF-16 units from the last to the first, so that a longer suffix extends a shorter one's hash. */
function hashFromRight(name: string): number {
  let hash = 0;
  for (let index = name.length - 1; index >= 0; index--) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** Brings the well-mixed high bits down, since the table index is taken from the low ones. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

function tableCapacity(entries: number): number {
  let capacity = 16;
  while (capacity < entries * 2) capacity *= 2;
  return capacity;
}
