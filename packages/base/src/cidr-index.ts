import { NO_RULE } from './domain-table.ts';
import { type Cidr, maskWord, parseIpv4, parseIpv6Into } from './ip.ts';

/** One prefix of an index; `rule` is its place in the rule list. */
export type CidrEntry = { readonly cidr: Cidr; readonly rule: number };

/** The distinct IPv6 prefixes by start, outer before inner; the end is the first position behind a prefix. */
type Blocks = {
  readonly starts: bigint[];
  readonly ends: bigint[];
  /** Block → its first rule, and the rising others of the few that have more. */
  readonly firstRules: number[];
  readonly moreRules: Map<number, number[]>;
};

/** IPv4 prefixes in columns, for long lists: the first `count` places of each hold one prefix, in rising `rules` order. */
export type CidrColumnsV4 = {
  readonly count: number;
  readonly addresses: Uint32Array;
  readonly lengths: Uint8Array;
  readonly rules: Int32Array;
};

const NO_COLUMNS: CidrColumnsV4 = {
  count: 0,
  addresses: new Uint32Array(0),
  lengths: new Uint8Array(0),
  rules: new Int32Array(0),
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

  /**
   * Entries must come in rising `rule` order.
   * @param v4 IPv4 prefixes that are given instead of being among the entries
   */
  constructor(entries: readonly CidrEntry[], v4: CidrColumnsV4 = columnsOf(entries)) {
    const v4Ranges = rangesV4(v4);
    this.#v4Starts = v4Ranges.starts;
    this.#v4Top = this.#v4Starts.length > SMALL_TABLE ? indexTop(this.#v4Starts) : new Uint32Array(0);
    this.#v4Rules = new RangeRules(v4Ranges);
    const v6 = sortedBlocksV6(entries);
    const v6Ranges = flatten(v6, V6_END);
    this.#v6Starts = Uint32Array.from(v6Ranges.starts.flatMap(wordsOf));
    this.#v6Rules = new RangeRules({
      smallest: Int32Array.from(v6Ranges.smallest),
      rangeBlock: Int32Array.from(v6Ranges.rangeBlock),
      parent: Int32Array.from(v6Ranges.parent),
      firstRule: Int32Array.from(v6.firstRules),
      more: v6.moreRules,
    });
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

type RangeColumns = {
  readonly smallest: Int32Array;
  /** Range → innermost block, block → enclosing block: both NO_BLOCK outside. */
  readonly rangeBlock: Int32Array;
  readonly parent: Int32Array;
  readonly firstRule: Int32Array;
  readonly more: ReadonlyMap<number, readonly number[]>;
};

/** What holds in each range of one family. */
class RangeRules {
  readonly #smallest: Int32Array;
  readonly #rangeBlock: Int32Array;
  readonly #parent: Int32Array;
  readonly #firstRule: Int32Array;
  readonly #more: ReadonlyMap<number, readonly number[]>;

  constructor({ smallest, rangeBlock, parent, firstRule, more }: RangeColumns) {
    this.#smallest = smallest;
    this.#rangeBlock = rangeBlock;
    this.#parent = parent;
    this.#firstRule = firstRule;
    this.#more = more;
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

function columnsOf(entries: readonly CidrEntry[]): CidrColumnsV4 {
  const v4 = entries.filter(({ cidr }) => cidr.address.family === 4);
  if (v4.length === 0) return NO_COLUMNS;
  return {
    count: v4.length,
    addresses: Uint32Array.from(v4, ({ cidr }) => (cidr.address.family === 4 ? cidr.address.value : 0)),
    lengths: Uint8Array.from(v4, ({ cidr }) => cidr.prefixLength),
    rules: Int32Array.from(v4, ({ rule }) => rule),
  };
}

/** Digits of the radix sort, and how many bits of a start each has. */
const DIGITS = 3;
const DIGIT_BITS = 11;

/** Places by start, outer prefixes before inner ones. Radix sort: linear, and stable, so that equal prefixes stay in rule order. */
function sortedPlaces({ count, lengths }: CidrColumnsV4, starts: Uint32Array): Uint32Array {
  let order = new Uint32Array(count);
  let other = new Uint32Array(count);
  for (let place = 0; place < count; place++) order[place] = place;
  const next = new Uint32Array(1 << DIGIT_BITS);
  for (let digit = -1; digit < DIGITS; digit++) {
    const keyAt = (place: number): number =>
      digit < 0
        ? (lengths[place] as number)
        : ((starts[place] as number) >>> (digit * DIGIT_BITS)) & ((1 << DIGIT_BITS) - 1);
    next.fill(0);
    for (let at = 0; at < count; at++) {
      const key = keyAt(at);
      next[key] = (next[key] as number) + 1;
    }
    let sum = 0;
    for (let key = 0; key < next.length; key++) {
      const size = next[key] as number;
      next[key] = sum;
      sum += size;
    }
    for (let at = 0; at < count; at++) {
      const place = order[at] as number;
      const key = keyAt(place);
      const to = next[key] as number;
      next[key] = to + 1;
      other[to] = place;
    }
    [order, other] = [other, order];
  }
  return order;
}

type RangesV4 = RangeColumns & { readonly starts: Uint32Array<ArrayBuffer> };

/**
 * Cuts the address space at every border of a prefix. Prefixes are nested or disjoint, never half overlapping, so one sweep
 * with a stack of open blocks finds all borders.
 */
function rangesV4(columns: CidrColumnsV4): RangesV4 {
  const { count, addresses, lengths, rules } = columns;
  const masked = new Uint32Array(count);
  for (let place = 0; place < count; place++) {
    masked[place] = maskWord(addresses[place] as number, lengths[place] as number);
  }
  const order = sortedPlaces(columns, masked);
  const starts = new Uint32Array(count * 2);
  const smallest = new Int32Array(count * 2);
  const rangeBlock = new Int32Array(count * 2);
  const parent = new Int32Array(count);
  const firstRule = new Int32Array(count);
  const more = new Map<number, number[]>();
  const ends = new Float64Array(count);
  /** The smallest rule of a block and of those round it. */
  const blockSmallest = new Int32Array(count);
  let ranges = 0;
  let blocks = 0;
  let open = NO_BLOCK;
  const startRange = (start: number, block: number): void => {
    if (ranges > 0 && starts[ranges - 1] === start) ranges--;
    starts[ranges] = start;
    smallest[ranges] = block === NO_BLOCK ? NO_RULE : (blockSmallest[block] as number);
    rangeBlock[ranges++] = block;
  };
  const closeUpTo = (position: number): void => {
    while (open !== NO_BLOCK && (ends[open] as number) <= position) {
      const end = ends[open] as number;
      open = parent[open] as number;
      if (end !== V4_END) startRange(end, open);
    }
  };
  let lastStart = NO_RULE;
  let lastLength = NO_RULE;
  for (let at = 0; at < count; at++) {
    const place = order[at] as number;
    const start = masked[place] as number;
    const length = lengths[place] as number;
    const rule = rules[place] as number;
    if (start === lastStart && length === lastLength) {
      const others = more.get(blocks - 1);
      if (others === undefined) more.set(blocks - 1, [rule]);
      else others.push(rule);
      continue;
    }
    lastStart = start;
    lastLength = length;
    closeUpTo(start);
    parent[blocks] = open;
    firstRule[blocks] = rule;
    ends[blocks] = start + 2 ** (32 - length);
    blockSmallest[blocks] = open === NO_BLOCK ? rule : Math.min(rule, blockSmallest[open] as number);
    open = blocks++;
    startRange(start, open);
  }
  closeUpTo(V4_END);
  return {
    starts: starts.slice(0, ranges),
    smallest: smallest.slice(0, ranges),
    rangeBlock: rangeBlock.slice(0, ranges),
    parent: parent.slice(0, blocks),
    firstRule: firstRule.slice(0, blocks),
    more,
  };
}

function sortedBlocksV6(entries: readonly CidrEntry[]): Blocks {
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
  const blocks: Blocks = { starts: [], ends: [], firstRules: [], moreRules: new Map() };
  for (const { start, end, rule } of list) addBlock(blocks, start, end, rule);
  return blocks;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Prefixes that are there more than once come one after the other, in rule order. */
function addBlock(blocks: Blocks, start: bigint, end: bigint, rule: number): void {
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

type Ranges = {
  readonly starts: bigint[];
  readonly smallest: number[];
  readonly rangeBlock: number[];
  readonly parent: number[];
};

/** Prefixes are nested or disjoint, never half overlapping, so one sweep with a stack of open blocks finds every border. */
function flatten(blocks: Blocks, spaceEnd: bigint): Ranges {
  const ranges: Ranges = { starts: [], smallest: [], rangeBlock: [], parent: [] };
  const open: { readonly block: number; readonly end: bigint; readonly smallest: number }[] = [];
  const startRange = (start: bigint, block: number, rule: number): void => {
    if (start === spaceEnd) return;
    const last = ranges.starts.length - 1;
    const at = ranges.starts[last] === start ? last : last + 1;
    ranges.starts[at] = start;
    ranges.smallest[at] = rule;
    ranges.rangeBlock[at] = block;
  };
  const closeUpTo = (position: bigint): void => {
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
    open.push({ block, end: blocks.ends[block] as bigint, smallest });
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
