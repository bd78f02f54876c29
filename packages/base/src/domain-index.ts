import {
  type DomainTable,
  EMPTY,
  EXACT,
  FNV_PRIME,
  HASH,
  isName,
  KEY_STRIDE,
  NO_RULE,
  SUFFIX,
  spread,
  TEXT_END,
  textStartOf,
} from './domain-table.ts';

const DOT = 46;

/**
 * Exact names and suffixes, compiled for lookup by the smallest rule number; made by `DomainIndexBuilder`. One hash is
 * rolled over the host from the right and the table is asked at each label border, so the cost depends on the host's length
 * and not on the number of keys.
 */
export class DomainIndex {
  readonly #table: DomainTable;

  constructor(table: DomainTable) {
    this.#table = table;
  }

  /** The smallest rule number, not below `from`, whose key covers `host` (lower case, no trailing dot), or NO_RULE. */
  lookup(host: string, from = 0): number {
    const { slots, keys, text } = this.#table;
    const mask = slots.length - 1;
    let best = NO_RULE;
    let hash = 0;
    for (let start = host.length - 1; start >= 0; start--) {
      hash = Math.imul(hash ^ host.charCodeAt(start), FNV_PRIME);
      if (start !== 0 && host.charCodeAt(start - 1) !== DOT) continue;
      let slot = spread(hash) & mask;
      for (let key = slots[slot] as number; key !== EMPTY; key = slots[slot] as number) {
        const at = key * KEY_STRIDE;
        if (keys[at + HASH] === hash && isName(keys, text, key, host, start)) {
          best = smaller(best, this.#ruleFrom(at + SUFFIX, from));
          if (start === 0) best = smaller(best, this.#ruleFrom(at + EXACT, from));
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    return best;
  }

  /** The name that was added for a rule, `''` for a rule that is not in the index. */
  nameOf(rule: number): string {
    const { keys, text, entryRules, entryKeys } = this.#table;
    let low = 0;
    let high = entryRules.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entryRules[middle] as number) < rule) low = middle + 1;
      else high = middle;
    }
    if (entryRules[low] !== rule) return '';
    const key = entryKeys[low] as number;
    const name = text.subarray(textStartOf(keys, key), keys[key * KEY_STRIDE + TEXT_END]);
    const encoding = text.BYTES_PER_ELEMENT === 1 ? 'latin1' : 'utf16le';
    return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString(encoding);
  }

  #ruleFrom(field: number, from: number): number {
    const rule = this.#table.keys[field] as number;
    if (rule === NO_RULE || rule >= from) return rule;
    return this.#table.more.get(field)?.find((each) => each >= from) ?? NO_RULE;
  }
}

function smaller(best: number, candidate: number): number {
  return candidate !== NO_RULE && (best === NO_RULE || candidate < best) ? candidate : best;
}
