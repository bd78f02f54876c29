import { NO_RULE } from '@sluice/base/domain-table';
import { type IntRange, rangesInclude } from './int-ranges.ts';

/** The ranges of one rule; `rule` is its place in the rule list. */
export type PortEntry = { readonly ranges: readonly IntRange[]; readonly rule: number };

const PORTS = 65_536;

/** Port → smallest rule number, as a table over all ports. */
export class PortIndex {
  readonly #smallest = new Int32Array(PORTS).fill(NO_RULE);
  readonly #entries: readonly PortEntry[];

  /** Entries must come in rising `rule` order. */
  constructor(entries: readonly PortEntry[]) {
    this.#entries = entries;
    // The last rule is painted first, so that earlier rules paint over it.
    for (const { ranges, rule } of entries.toReversed()) {
      for (const { first, last } of ranges) this.#smallest.fill(rule, first, last + 1);
    }
  }

  /** The smallest rule number, not below `from`, whose ranges hold `port`, or NO_RULE. */
  lookup(port: number, from = 0): number {
    const smallest = this.#smallest[port] ?? NO_RULE;
    if (smallest === NO_RULE || smallest >= from) return smallest;
    return (
      this.#entries.find(({ ranges, rule }) => rule >= from && rangesInclude(ranges, port))?.rule ?? NO_RULE
    );
  }
}

/** The smallest of the rising numbers that is not below `from`, or NO_RULE. */
export function firstAtLeast(rising: Int32Array, from: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rising[middle] as number) < from) low = middle + 1;
    else high = middle;
  }
  return rising[low] ?? NO_RULE;
}
