import { type Cidr, maskWord } from './ip.ts';
import { compareWords, IpSet, V6_RANGE_WORDS } from './ip-set.ts';

/** A start and its place fit into one number of 53 bits, which sorts without a comparing function. */
const PLACES = 2 ** 21;
const LAST_WORD = 0xffff_ffff;

/** Takes prefixes and ranges in any order. */
export class IpSetBuilder {
  #starts = new Uint32Array(64);
  #ends = new Uint32Array(64);
  #count = 0;
  #v6 = new Uint32Array(64 * V6_RANGE_WORDS);
  #v6Count = 0;
  #rising = true;

  /** False when there are too many (2,097,152 of a family). */
  addCidr({ address, prefixLength }: Pick<Cidr, 'address' | 'prefixLength'>): boolean {
    if (address.family === 4) {
      const start = maskWord(address.value, prefixLength);
      return this.addV4(start, start + 2 ** (32 - prefixLength) - 1);
    }
    const { words } = address;
    const from: number[] = [];
    const to: number[] = [];
    for (const [index, word] of words.entries()) {
      const first = maskWord(word, prefixLength - index * 32);
      from.push(first);
      to.push((first | ~maskWord(LAST_WORD, prefixLength - index * 32)) >>> 0);
    }
    return this.addV6(from, to);
  }

  /** Adds the IPv4 addresses `from` to `to`, both inclusive. */
  addV4(from: number, to: number): boolean {
    if (this.#count === PLACES) return false;
    if (this.#count === this.#starts.length) {
      this.#starts = doubled(this.#starts);
      this.#ends = doubled(this.#ends);
    }
    if (this.#count > 0 && from < (this.#starts[this.#count - 1] as number)) this.#rising = false;
    this.#starts[this.#count] = from;
    this.#ends[this.#count++] = to;
    return true;
  }

  /** Adds the IPv6 addresses `from` to `to`, four words each, both inclusive. */
  addV6(from: ArrayLike<number>, to: ArrayLike<number>): boolean {
    if (this.#v6Count === PLACES) return false;
    const at = this.#v6Count * V6_RANGE_WORDS;
    if (at === this.#v6.length) this.#v6 = doubled(this.#v6);
    this.#v6.set(from, at);
    this.#v6.set(to, at + 4);
    this.#v6Count++;
    return true;
  }

  build(): IpSet {
    return new IpSet({ ...this.#mergedV4(), v6: this.#mergedV6() });
  }

  #mergedV4(): { readonly v4Starts: Uint32Array<ArrayBuffer>; readonly v4Ends: Uint32Array<ArrayBuffer> } {
    const starts = new Uint32Array(this.#count);
    const ends = new Uint32Array(this.#count);
    let last = -1;
    for (const place of this.#orderV4()) {
      const start = this.#starts[place] as number;
      const end = this.#ends[place] as number;
      if (last >= 0 && start <= (ends[last] as number) + 1) {
        if (end > (ends[last] as number)) ends[last] = end;
      } else {
        starts[++last] = start;
        ends[last] = end;
      }
    }
    return { v4Starts: starts.slice(0, last + 1), v4Ends: ends.slice(0, last + 1) };
  }

  #orderV4(): Uint32Array {
    const order = new Uint32Array(this.#count);
    if (this.#rising) return order.map((_, index) => index);
    const keys = new Float64Array(this.#count);
    for (let place = 0; place < keys.length; place++)
      keys[place] = (this.#starts[place] as number) * PLACES + place;
    keys.sort();
    for (const [index, key] of keys.entries()) order[index] = key % PLACES;
    return order;
  }

  #mergedV6(): Uint32Array<ArrayBuffer> {
    const from = this.#v6;
    const order = new Uint32Array(this.#v6Count).map((_, index) => index);
    order.sort((a, b) => compareWords(from, a * V6_RANGE_WORDS, from, b * V6_RANGE_WORDS));
    const merged = new Uint32Array(this.#v6Count * V6_RANGE_WORDS);
    let end = 0;
    for (const place of order) {
      const at = place * V6_RANGE_WORDS;
      const lastTo = end - 4;
      if (end > 0 && compareWords(from, at, merged, lastTo) <= 0) {
        if (compareWords(from, at + 4, merged, lastTo) > 0) merged.set(from.subarray(at + 4, at + 8), lastTo);
      } else {
        merged.set(from.subarray(at, at + V6_RANGE_WORDS), end);
        end += V6_RANGE_WORDS;
      }
    }
    return merged.slice(0, end);
  }
}

function doubled(words: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}
