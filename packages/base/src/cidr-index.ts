import { NO_RULE } from './domain-table.ts';
import { type Cidr, maskWord, parseIpv4, parseIpv6Into } from './ip.ts';

/** One prefix of an index; `rule` is its place in the rule list. */
export type CidrEntry = { readonly cidr: Cidr; readonly rule: number };

/** The distinct prefixes of one family by start, outer before inner; the end is the first position behind a prefix. */
type Blocks<P extends number | bigint> = {
  readonly starts: P[];
  readonly ends: P[];
  /** Block → its first rule, and the rising others of the few that have more. */
  readonly firstRules: number[];
  readonly moreRules: Map<number, number[]>;
};

const NO_BLOCK = -1;
const SMALL_TABLE = 64;
const V4_END = 2 ** 32;
const V6_END = 1n << 128n;
const WORD = 0xffff_ffffn;

/**
 * IPv4 and IPv6 prefixes compiled to sorted, disjoint ranges, each with the smallest rule number over all prefixes that
 * cover it. Each range also knows its innermost prefix, so a lookup can go on to the next larger rule number.
 */
export class CidrIndex {
  /** Range `i` covers from start `i` up to start `i + 1`; an IPv6 start is four words. */
  readonly #v4Starts: Uint32Array;
  readonly #v6Starts: Uint32Array;
  /** Top 16 bits → the number of IPv4 ranges that start before them; empty for small tables, where a search is as fast. */
  readonly #v4Top: Uint32Array;
  readonly #v4Rules: RangeRules;
  readonly #v6Rules: RangeRules;
  readonly #words = new Uint32Array(4);

  /** Entries must come in rising `rule` order. */
  constructor(entries: readonly CidrEntry[]) {
    const v4 = sortedBlocksV4(entries);
    const v4Ranges = flatten(v4, V4_END);
    this.#v4Starts = Uint32Array.from(v4Ranges.starts);
    this.#v4Top = this.#v4Starts.length > SMALL_TABLE ? indexTop(this.#v4Starts) : new Uint32Array(0);
    this.#v4Rules = new RangeRules(v4Ranges, v4);
    const v6 = sortedBlocksV6(entries);
    const v6Ranges = flatten(v6, V6_END);
    this.#v6Starts = Uint32Array.from(v6Ranges.starts.flatMap(wordsOf));
    this.#v6Rules = new RangeRules(v6Ranges, v6);
  }

  /** The smallest rule number, not below `from`, whose prefix covers the literal `ip` (no zone), or NO_RULE. */
  lookup(ip: string, from = 0): number {
    const value = parseIpv4(ip);
    if (value >= 0) return this.#v4Rules.ruleOf(this.#rangeV4(value), from);
    return parseIpv6Into(ip, this.#words) ? this.#v6Rules.ruleOf(this.#rangeV6(this.#words), from) : NO_RULE;
  }

  /** The number of the range that holds the address, -1 when it lies before the first. */
  #rangeV4(value: number): number {
    const starts = this.#v4Starts;
    const top = this.#v4Top;
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
    return low - 1;
  }

  #rangeV6(words: Uint32Array): number {
    let low = 0;
    let high = this.#v6Starts.length / 4;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareWords(this.#v6Starts, middle * 4, words) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** What holds in each range of one family. */
class RangeRules {
  readonly #smallest: Int32Array;
  /** Range → innermost block, block → enclosing block: both NO_BLOCK outside. */
  readonly #rangeBlock: Int32Array;
  readonly #parent: Int32Array;
  readonly #firstRule: Int32Array;
  readonly #more: ReadonlyMap<number, readonly number[]>;

  constructor(ranges: Ranges<number> | Ranges<bigint>, blocks: Blocks<number> | Blocks<bigint>) {
    this.#smallest = Int32Array.from(ranges.smallest);
    this.#rangeBlock = Int32Array.from(ranges.rangeBlock);
    this.#parent = Int32Array.from(ranges.parent);
    this.#firstRule = Int32Array.from(blocks.firstRules);
    this.#more = blocks.moreRules;
  }

  ruleOf(range: number, from: number): number {
    if (range < 0) return NO_RULE;
    const smallest = this.#smallest[range] as number;
    if (smallest === NO_RULE || smallest >= from) return smallest;
    let best = NO_RULE;
    for (
      let block = this.#rangeBlock[range] as number;
      block !== NO_BLOCK;
      block = this.#parent[block] as number
    ) {
      const first = this.#firstRule[block] as number;
      const rule = first >= from ? first : (this.#more.get(block)?.find((each) => each >= from) ?? NO_RULE);
      if (rule !== NO_RULE && (best === NO_RULE || rule < best)) best = rule;
    }
    return best;
  }
}

function compareWords(starts: Uint32Array, at: number, words: Uint32Array): number {
  for (let word = 0; word < 4; word++) {
    const difference = (starts[at + word] as number) - (words[word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function wordsOf(value: bigint): number[] {
  return [value >> 96n, (value >> 64n) & WORD, (value >> 32n) & WORD, value & WORD].map(Number);
}

/** Radix sort: linear, and stable, so that equal prefixes stay in rule order. */
function sortedBlocksV4(entries: readonly CidrEntry[]): Blocks<number> {
  const lengths = new Uint8Array(entries.length);
  const starts = new Uint32Array(entries.length);
  const low = new Uint16Array(entries.length);
  const high = new Uint16Array(entries.length);
  let order = new Uint32Array(entries.length);
  let count = 0;
  for (const [place, { cidr }] of entries.entries()) {
    if (cidr.address.family !== 4) continue;
    const start = maskWord(cidr.address.value, cidr.prefixLength);
    lengths[place] = cidr.prefixLength;
    starts[place] = start;
    low[place] = start & 0xffff;
    high[place] = start >>> 16;
    order[count++] = place;
  }
  order = sortedByKey(order.subarray(0, count), lengths, 33);
  order = sortedByKey(order, low, 65_536);
  order = sortedByKey(order, high, 65_536);
  const blocks: Blocks<number> = { starts: [], ends: [], firstRules: [], moreRules: new Map() };
  for (const place of order) {
    const start = starts[place] as number;
    addBlock(blocks, start, start + 2 ** (32 - (lengths[place] as number)), entries[place]?.rule ?? NO_RULE);
  }
  return blocks;
}

/** One pass of a counting sort of places by their keys, which are below `limit`. */
function sortedByKey(
  order: Uint32Array,
  keys: Uint8Array | Uint16Array,
  limit: number,
): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(limit + 1);
  for (const place of order) {
    const after = (keys[place] as number) + 1;
    next[after] = (next[after] as number) + 1;
  }
  for (let key = 1; key < limit; key++) next[key] = (next[key] as number) + (next[key - 1] as number);
  const sorted = new Uint32Array(order.length);
  for (const place of order) {
    const key = keys[place] as number;
    const at = next[key] as number;
    next[key] = at + 1;
    sorted[at] = place;
  }
  return sorted;
}

function sortedBlocksV6(entries: readonly CidrEntry[]): Blocks<bigint> {
  const list: { readonly start: bigint; readonly end: bigint; readonly rule: number }[] = [];
  for (const { cidr, rule } of entries) {
    if (cidr.address.family !== 6) continue;
    const address = cidr.address.words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
    const hostBits = BigInt(128 - cidr.prefixLength);
    const start = (address >> hostBits) << hostBits;
    list.push({ start, end: start + (1n << hostBits), rule });
  }
  list.sort((a, b) =>
    a.start === b.start ? compare(b.end, a.end) || a.rule - b.rule : compare(a.start, b.start),
  );
  const blocks: Blocks<bigint> = { starts: [], ends: [], firstRules: [], moreRules: new Map() };
  for (const { start, end, rule } of list) addBlock(blocks, start, end, rule);
  return blocks;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Prefixes that are there more than once come one after the other, in rule order. */
function addBlock<P extends number | bigint>(blocks: Blocks<P>, start: P, end: P, rule: number): void {
  const last = blocks.starts.length - 1;
  if (last < 0 || blocks.starts[last] !== start || blocks.ends[last] !== end) {
    blocks.starts.push(start);
    blocks.ends.push(end);
    blocks.firstRules.push(rule);
    return;
  }
  const more = blocks.moreRules.get(last);
  if (more === undefined) blocks.moreRules.set(last, [rule]);
  else more.push(rule);
}

type Ranges<P extends number | bigint> = {
  readonly starts: P[];
  readonly smallest: number[];
  readonly rangeBlock: number[];
  readonly parent: number[];
};

/** Prefixes are nested or disjoint, never half overlapping, so one sweep with a stack of open blocks finds every border. */
function flatten<P extends number | bigint>(blocks: Blocks<P>, spaceEnd: P): Ranges<P> {
  const ranges: Ranges<P> = { starts: [], smallest: [], rangeBlock: [], parent: [] };
  const open: { readonly block: number; readonly end: P; readonly smallest: number }[] = [];
  const startRange = (start: P, block: number, rule: number): void => {
    if (start === spaceEnd) return;
    const last = ranges.starts.length - 1;
    const at = ranges.starts[last] === start ? last : last + 1;
    ranges.starts[at] = start;
    ranges.smallest[at] = rule;
    ranges.rangeBlock[at] = block;
  };
  const closeUpTo = (position: P): void => {
    for (let top = open.at(-1); top !== undefined && top.end <= position; top = open.at(-1)) {
      open.pop();
      const outer = open.at(-1);
      startRange(top.end, outer?.block ?? NO_BLOCK, outer?.smallest ?? NO_RULE);
    }
  };
  for (const [block, start] of blocks.starts.entries()) {
    closeUpTo(start);
    const outer = open.at(-1);
    const own = blocks.firstRules[block] as number;
    const smallest = outer === undefined ? own : Math.min(own, outer.smallest);
    ranges.parent.push(outer?.block ?? NO_BLOCK);
    startRange(start, block, smallest);
    open.push({ block, end: blocks.ends[block] as P, smallest });
  }
  closeUpTo(spaceEnd);
  return ranges;
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
