import { parseIpv4, parseIpv6Into } from './ip.ts';

const MAPPED_PREFIX = 0xffff;
/** Words of one IPv6 range: four of the first address, four of the last. */
export const V6_RANGE_WORDS = 8;

/** Ranges of addresses, merged, sorted and disjoint; made by `IpSetBuilder`. */
export type IpSetTable = {
  readonly v4Starts: Uint32Array<ArrayBuffer>;
  /** Inclusive. */
  readonly v4Ends: Uint32Array<ArrayBuffer>;
  readonly v6: Uint32Array<ArrayBuffer>;
};

/** A set of IPv4 and IPv6 addresses. */
export class IpSet {
  readonly #table: IpSetTable;
  readonly #words = new Uint32Array(4);

  constructor(table: IpSetTable) {
    this.#table = table;
  }

  get rangeCount(): number {
    return this.#table.v4Starts.length + this.#table.v6.length / V6_RANGE_WORDS;
  }

  /** Whether the literal `ip` (no zone) is in the set; an IPv4-mapped IPv6 address counts as IPv4. */
  has(ip: string): boolean {
    const value = parseIpv4(ip);
    if (value >= 0) return this.hasV4(value);
    const words = this.#words;
    if (!parseIpv6Into(ip, words)) return false;
    if (words[0] === 0 && words[1] === 0 && words[2] === MAPPED_PREFIX) return this.hasV4(words[3] as number);
    return this.#hasV6(words);
  }

  /** Whether the IPv4 address, an unsigned 32-bit number, is in the set. */
  hasV4(value: number): boolean {
    const { v4Starts, v4Ends } = this.#table;
    let low = 0;
    let high = v4Starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((v4Starts[middle] as number) <= value) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (v4Ends[low - 1] as number) >= value;
  }

  #hasV6(words: Uint32Array): boolean {
    const { v6 } = this.#table;
    let low = 0;
    let high = v6.length / V6_RANGE_WORDS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareWords(v6, middle * V6_RANGE_WORDS, words, 0) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && compareWords(v6, low * V6_RANGE_WORDS - 4, words, 0) >= 0;
  }
}

/** Orders two IPv6 addresses of four words each. */
export function compareWords(left: Uint32Array, leftAt: number, right: Uint32Array, rightAt: number): number {
  for (let word = 0; word < 4; word++) {
    const difference = (left[leftAt + word] as number) - (right[rightAt + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
