import { NO_RULE } from '@sluice/base/domain-table';
import { type IntRange, rangesInclude } from './int-ranges.ts';

/** The ranges of one rule; `rule` is its place in the rule list. */
export type PortEntry = { readonly ranges: readonly IntRange[]; readonly rule: number };

const PORTS = 65_536;
/** Fewer entries are searched faster than a table is brought into the cache, and cost no table. */
const SMALL_LIST = 16;

/** Port → smallest rule number, as a table over all ports when there are many entries. */
export class PortIndex {
  readonly #smallest: Int32Array | undefined;
  readonly #entries: readonly PortEntry[];

  /** Entries must come in rising `rule` order. */
  constructor(entries: readonly PortEntry[]) {
    this.#entries = entries;
    this.#smallest = entries.length <= SMALL_LIST ? undefined : paint(entries);
  }

  /** The smallest rule number, not below `from`, whose ranges hold `port`, or NO_RULE. */
  lookup(port: number, from = 0): number {
    if (this.#smallest !== undefined) {
      const smallest = this.#smallest[port] ?? NO_RULE;
      if (smallest === NO_RULE || smallest >= from) return smallest;
    }
    for (const { ranges, rule } of this.#entries) {
      if (rule >= from && rangesInclude(ranges, port)) return rule;
    }
    return NO_RULE;
  }
}

function paint(entries: readonly PortEntry[]): Int32Array {
  const smallest = new Int32Array(PORTS).fill(NO_RULE);
  // The last rule is painted first, so that earlier rules paint over it.
  for (const { ranges, rule } of entries.toReversed()) {
    for (const { first, last } of ranges) smallest.fill(rule, first, last + 1);
  }
  return smallest;
}

/** The smallest of the rising numbers that is not below `from`, or NO_RULE. */
export function firstAtLeast(rising: Int32Array, from: number): number {
  return rising[firstPlace(rising, from)] ?? NO_RULE;
}

/** The place of the smallest of the rising numbers that is not below `from`, the length when there is none. */
export function firstPlace(rising: Int32Array, from: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rising[middle] as number) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
