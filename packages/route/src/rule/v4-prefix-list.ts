import type { CidrColumnsV4 } from '@sluice/base/cidr-index';
import { firstPlace } from './port-index.ts';

const FIRST_CAPACITY = 64;

/** IPv4 prefixes of rules, kept as numbers: long lists leave no objects behind. */
export class V4PrefixList {
  #count = 0;
  #addresses = new Uint32Array(FIRST_CAPACITY);
  #lengths = new Uint8Array(FIRST_CAPACITY);
  #rules = new Int32Array(FIRST_CAPACITY);

  /** Rules must come in rising order. */
  add(address: number, length: number, rule: number): void {
    if (this.#count === this.#rules.length) this.#grow();
    this.#addresses[this.#count] = address;
    this.#lengths[this.#count] = length;
    this.#rules[this.#count++] = rule;
  }

  get size(): number {
    return this.#count;
  }

  /** What was added so far, for the index and for `v4PrefixText`. */
  columns(): CidrColumnsV4 {
    return {
      count: this.#count,
      addresses: this.#addresses.slice(0, this.#count),
      lengths: this.#lengths.slice(0, this.#count),
      rules: this.#rules.slice(0, this.#count),
    };
  }

  #grow(): void {
    const capacity = this.#rules.length * 2;
    const [addresses, lengths, rules] = [this.#addresses, this.#lengths, this.#rules];
    this.#addresses = new Uint32Array(capacity);
    this.#lengths = new Uint8Array(capacity);
    this.#rules = new Int32Array(capacity);
    this.#addresses.set(addresses);
    this.#lengths.set(lengths);
    this.#rules.set(rules);
  }
}

/** `a.b.c.d/n` of a rule, host bits as they were written; `''` when it is not in the list. */
export function v4PrefixText({ addresses, lengths, rules }: CidrColumnsV4, rule: number): string {
  const place = firstPlace(rules, rule);
  if (rules[place] !== rule) return '';
  const address = addresses[place] as number;
  const octets = [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255];
  return `${octets.join('.')}/${lengths[place]}`;
}
