import { NO_RULE } from './domain-index.ts';
import { type Cidr, maskWord, parseIpv4, parseIpv6Into } from './ip.ts';

/** One prefix of an index; `rule` is its place in the rule list. */
export type CidrEntry = { readonly cidr: Cidr; readonly rule: number };

type Block = {
  readonly start: readonly number[];
  readonly prefixLength: number;
  readonly rules: number[];
  id: number;
};

const NO_BLOCK = -1;
const V4_BITS = 32;
const V6_BITS = 128;

/**
 * IPv4 and IPv6 prefixes compiled to sorted, disjoint ranges, each with the smallest rule number over all prefixes that
 * cover it. Each range also knows its innermost prefix, so a lookup can go on to the next larger rule number.
 */
export class CidrIndex {
  readonly #v4: RangeTable;
  readonly #v6: RangeTable;
  readonly #v6Words = new Uint32Array(4);

  /** Entries must come in rising `rule` order. */
  constructor(entries: readonly CidrEntry[]) {
    this.#v4 = new RangeTable(entries, 4);
    this.#v6 = new RangeTable(entries, 6);
  }

  /** The smallest rule number, not below `from`, whose prefix covers the literal `ip` (no zone), or NO_RULE. */
  lookup(ip: string, from = 0): number {
    const value = parseIpv4(ip);
    if (value >= 0) return this.#v4.lookupV4(value, from);
    return parseIpv6Into(ip, this.#v6Words) ? this.#v6.lookupV6(this.#v6Words, from) : NO_RULE;
  }
}

/** The ranges of one family. Range `i` covers from `starts[i]` up to the start of range `i + 1`. */
class RangeTable {
  readonly #starts: Uint32Array;
  readonly #smallest: Int32Array;
  /** Range → innermost block, block → enclosing block: both NO_BLOCK outside. */
  readonly #rangeBlock: Int32Array;
  readonly #parent: Int32Array;
  /** Rules of block b are `rules[firstRule[b] .. firstRule[b + 1]]`, rising. */
  readonly #firstRule: Int32Array;
  readonly #rules: Int32Array;
  /** Top 16 bits → the number of ranges that start before them; empty for small tables, where a search is as fast. */
  readonly #top: Uint32Array;

  constructor(entries: readonly CidrEntry[], family: 4 | 6) {
    const width = family === 4 ? 1 : 4;
    const blocks = sortedBlocks(entries, family);
    const compiled = flatten(blocks, width, family === 4 ? V4_BITS : V6_BITS);
    this.#starts = Uint32Array.from(compiled.starts);
    this.#smallest = Int32Array.from(compiled.smallest);
    this.#rangeBlock = Int32Array.from(compiled.rangeBlock);
    this.#parent = Int32Array.from(compiled.parent);
    this.#firstRule = new Int32Array(blocks.length + 1);
    const rules: number[] = [];
    for (const [index, block] of blocks.entries()) {
      for (const rule of block.rules) rules.push(rule);
      this.#firstRule[index + 1] = rules.length;
    }
    this.#rules = Int32Array.from(rules);
    this.#top = family === 4 && this.#starts.length > 64 ? indexTop(this.#starts) : new Uint32Array(0);
  }

  lookupV4(value: number, from: number): number {
    const starts = this.#starts;
    const top = this.#top;
    let low = 0;
    let high = starts.length;
    if (top.length !== 0) {
      low = top[value >>> 16] as number;
      high = top[(value >>> 16) + 1] as number;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= value) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? NO_RULE : this.#ruleOf(low - 1, from);
  }

  lookupV6(words: Uint32Array, from: number): number {
    let low = 0;
    let high = this.#smallest.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareV6(middle, words) <= 0) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? NO_RULE : this.#ruleOf(low - 1, from);
  }

  #compareV6(range: number, words: Uint32Array): number {
    for (let word = 0; word < 4; word++) {
      const difference = (this.#starts[range * 4 + word] as number) - (words[word] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #ruleOf(range: number, from: number): number {
    const smallest = this.#smallest[range] as number;
    if (smallest === NO_RULE || smallest >= from) return smallest;
    let best = NO_RULE;
    let block = this.#rangeBlock[range] as number;
    while (block !== NO_BLOCK) {
      const end = this.#firstRule[block + 1] as number;
      for (let at = this.#firstRule[block] as number; at < end; at++) {
        const rule = this.#rules[at] as number;
        if (rule < from) continue;
        if (best === NO_RULE || rule < best) best = rule;
        break;
      }
      block = this.#parent[block] as number;
    }
    return best;
  }
}

/** The distinct prefixes of one family by start, outer before inner. */
function sortedBlocks(entries: readonly CidrEntry[], family: 4 | 6): Block[] {
  const byKey = new Map<number | string, Block>();
  for (const { cidr, rule } of entries) {
    if (cidr.address.family !== family) continue;
    const words = cidr.address.family === 4 ? [cidr.address.value] : cidr.address.words;
    const start = words.map((word, index) => maskWord(word, cidr.prefixLength - index * 32));
    const key =
      family === 4 ? (start[0] ?? 0) * 64 + cidr.prefixLength : `${start.join('.')}/${cidr.prefixLength}`;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { start, prefixLength: cidr.prefixLength, rules: [rule], id: 0 });
    else known.rules.push(rule);
  }
  return [...byKey.values()].sort(
    (a, b) => compareWords(a.start, b.start) || a.prefixLength - b.prefixLength,
  );
}

function compareWords(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < a.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

type Flattened = {
  readonly starts: number[];
  readonly smallest: number[];
  readonly rangeBlock: number[];
  readonly parent: number[];
};

/** Prefixes are nested or disjoint, never half overlapping, so one sweep with a stack of open blocks finds every border. */
function flatten(blocks: readonly Block[], width: number, bits: number): Flattened {
  const starts: number[] = [];
  const smallest: number[] = [];
  const rangeBlock: number[] = [];
  const parent: number[] = [];
  const open: {
    readonly block: number;
    readonly end: readonly number[] | undefined;
    readonly smallest: number;
  }[] = [];
  const startRange = (start: readonly number[], block: number, rule: number): void => {
    const last = smallest.length - 1;
    if (last >= 0 && compareWords(starts.slice(last * width), start) === 0) {
      smallest[last] = rule;
      rangeBlock[last] = block;
    } else {
      for (const word of start) starts.push(word);
      smallest.push(rule);
      rangeBlock.push(block);
    }
  };
  const closeUpTo = (position: readonly number[] | undefined): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (position !== undefined && (top.end === undefined || compareWords(top.end, position) > 0)) return;
      open.pop();
      const outer = open.at(-1);
      if (top.end !== undefined) startRange(top.end, outer?.block ?? NO_BLOCK, outer?.smallest ?? NO_RULE);
    }
  };
  for (const [index, block] of blocks.entries()) {
    closeUpTo(block.start);
    const outer = open.at(-1);
    const own = block.rules[0] ?? NO_RULE;
    const rule = outer === undefined ? own : Math.min(own, outer.smallest);
    parent.push(outer?.block ?? NO_BLOCK);
    startRange(block.start, index, rule);
    open.push({ block: index, end: endOf(block, bits), smallest: rule });
  }
  closeUpTo(undefined);
  return { starts, smallest, rangeBlock, parent };
}

/** The first address after the block, or `undefined` when the block reaches the end of the address space. */
function endOf(block: Block, bits: number): readonly number[] | undefined {
  if (block.prefixLength === 0) return undefined;
  const end = block.start.slice();
  let bit = bits - block.prefixLength;
  for (let word = end.length - 1; word >= 0; word--, bit -= 32) {
    if (bit >= 32) continue;
    const sum = (end[word] ?? 0) + (bit >= 0 ? 2 ** bit : 1);
    end[word] = sum >>> 0;
    if (sum < 2 ** 32) return end;
  }
  return undefined;
}

function indexTop(starts: Uint32Array): Uint32Array {
  const top = new Uint32Array(65_537);
  let range = 0;
  for (let high = 0; high < 65_536; high++) {
    while (range < starts.length && (starts[range] as number) < high * 65_536) range++;
    top[high] = range;
  }
  top[65_536] = starts.length;
  return top;
}
