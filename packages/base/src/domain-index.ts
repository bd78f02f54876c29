/** The answer of an index lookup when nothing matches. */
export const NO_RULE = -1;

/** One domain key of an index: the whole name, or the name and everything below it. `rule` is its place in the rule list. */
export type DomainEntry = { readonly name: string; readonly suffix: boolean; readonly rule: number };

/** Entries in columns, for lists so long that one object each would cost more than the index. */
export type DomainColumns = {
  readonly names: readonly string[];
  /** 1 for a suffix, 0 for an exact name. */
  readonly suffixes: ArrayLike<number>;
  readonly rules: ArrayLike<number>;
};

const DOT = 46;
const EMPTY = -1;
const FNV_PRIME = 0x01000193;

/** A key is four numbers: hash of the name, end of the name in the text, smallest rule as exact name and as suffix. */
const KEY_STRIDE = 4;
const HASH = 0;
const TEXT_END = 1;
const EXACT = 2;
const SUFFIX = 3;

/**
 * Exact names and suffixes, compiled for lookup by the smallest rule number. One hash (FNV-1a over the UTF-16 units, last
 * to first, so that a longer suffix extends a shorter one's hash) is rolled over the host from the right and the table is asked at each label border, so the cost depends on the host's length and not on the number of keys.
 */
export class DomainIndex {
  /** Slot → key number, or EMPTY; a power of two in size, at most half full. */
  readonly #slots: Int32Array;
  readonly #keys: Int32Array;
  /** All names one after the other; typed arrays, because following pointers to strings misses the cache each time. */
  readonly #text: Uint8Array | Uint16Array;
  /** The further rules of keys that are there more than once: key × 4 + EXACT or SUFFIX → rising rule numbers. */
  readonly #more = new Map<number, number[]>();

  /** Entries must come in rising `rule` order; names in lower case without leading or trailing dot. */
  constructor({ names, suffixes, rules }: DomainColumns) {
    const slots = new Int32Array(tableCapacity(names.length)).fill(EMPTY);
    const mask = slots.length - 1;
    const keys = new Int32Array(names.length * KEY_STRIDE);
    let text: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> = new Uint8Array(totalLength(names));
    let count = 0;
    let textEnd = 0;
    for (let entry = 0; entry < names.length; entry++) {
      const name = names[entry] as string;
      // One pass hashes the name and lays it down behind the others; it stays there if it turns out to be new.
      let hash = 0;
      let widest = 0;
      for (let index = name.length - 1; index >= 0; index--) {
        const unit = name.charCodeAt(index);
        hash = Math.imul(hash ^ unit, FNV_PRIME);
        text[textEnd + index] = unit;
        widest |= unit;
      }
      if (widest > 255 && text.BYTES_PER_ELEMENT === 1) {
        text = Uint16Array.from(text);
        for (let index = 0; index < name.length; index++) text[textEnd + index] = name.charCodeAt(index);
      }
      let slot = spread(hash) & mask;
      let key = slots[slot] as number;
      while (key !== EMPTY && !(keys[key * KEY_STRIDE + HASH] === hash && isName(keys, text, key, name, 0))) {
        slot = (slot + 1) & mask;
        key = slots[slot] as number;
      }
      if (key === EMPTY) {
        key = count++;
        slots[slot] = key;
        textEnd += name.length;
        keys[key * KEY_STRIDE + HASH] = hash;
        keys[key * KEY_STRIDE + TEXT_END] = textEnd;
        keys[key * KEY_STRIDE + EXACT] = NO_RULE;
        keys[key * KEY_STRIDE + SUFFIX] = NO_RULE;
      }
      this.#addRule(
        keys,
        key * KEY_STRIDE + (suffixes[entry] === 1 ? SUFFIX : EXACT),
        rules[entry] ?? NO_RULE,
      );
    }
    this.#slots = slots;
    this.#keys = keys.slice(0, count * KEY_STRIDE);
    this.#text = text.slice(0, textEnd);
  }

  static fromEntries(entries: readonly DomainEntry[]): DomainIndex {
    return new DomainIndex({
      names: entries.map(({ name }) => name),
      suffixes: entries.map(({ suffix }) => (suffix ? 1 : 0)),
      rules: entries.map(({ rule }) => rule),
    });
  }

  /** The smallest rule number, not below `from`, whose key covers `host` (lower case, no trailing dot), or NO_RULE. */
  lookup(host: string, from = 0): number {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    let best = NO_RULE;
    let hash = 0;
    for (let start = host.length - 1; start >= 0; start--) {
      hash = Math.imul(hash ^ host.charCodeAt(start), FNV_PRIME);
      if (start !== 0 && host.charCodeAt(start - 1) !== DOT) continue;
      let slot = spread(hash) & mask;
      for (let key = slots[slot] as number; key !== EMPTY; key = slots[slot] as number) {
        const at = key * KEY_STRIDE;
        if (keys[at + HASH] === hash && isName(keys, this.#text, key, host, start)) {
          best = smaller(best, this.#ruleFrom(at + SUFFIX, from));
          if (start === 0) best = smaller(best, this.#ruleFrom(at + EXACT, from));
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    return best;
  }

  #ruleFrom(field: number, from: number): number {
    const rule = this.#keys[field] as number;
    if (rule === NO_RULE || rule >= from) return rule;
    return this.#more.get(field)?.find((each) => each >= from) ?? NO_RULE;
  }

  #addRule(keys: Int32Array, field: number, rule: number): void {
    if (keys[field] === NO_RULE) {
      keys[field] = rule;
      return;
    }
    const more = this.#more.get(field);
    if (more === undefined) this.#more.set(field, [rule]);
    else more.push(rule);
  }
}

/** Whether the name of `key` is `host` from `start` on. */
function isName(
  keys: Int32Array,
  text: Uint8Array | Uint16Array,
  key: number,
  host: string,
  start: number,
): boolean {
  const textStart = key === 0 ? 0 : (keys[(key - 1) * KEY_STRIDE + TEXT_END] as number);
  const length = (keys[key * KEY_STRIDE + TEXT_END] as number) - textStart;
  if (length !== host.length - start) return false;
  for (let index = 0; index < length; index++) {
    if (text[textStart + index] !== host.charCodeAt(start + index)) return false;
  }
  return true;
}

/** Brings the well-mixed high bits down, since the table index is taken from the low ones. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

function smaller(best: number, candidate: number): number {
  return candidate !== NO_RULE && (best === NO_RULE || candidate < best) ? candidate : best;
}

function totalLength(names: readonly string[]): number {
  let length = 0;
  for (const name of names) length += name.length;
  return length;
}

function tableCapacity(entries: number): number {
  let capacity = 16;
  while (capacity < entries * 2) capacity *= 2;
  return capacity;
}
