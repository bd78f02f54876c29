import { type Cidr, maskWord } from '@sluice/base/ip';

const NONE = -1;
const V4_BITS = 32;
const V6_BITS = 128;

/** Which earlier rule has a prefix that holds another one whole. */
export class PrefixCover {
  /** Prefix → the first rule with it that holds for names as well, and the latest that holds for addresses only. */
  readonly #settled = new Map<string, number>();
  readonly #unresolved = new Map<string, number>();
  /** Lengths that are in use, by family. */
  readonly #lengths: Readonly<Record<4 | 6, Set<number>>> = { 4: new Set(), 6: new Set() };

  /** `resolves` is whether names are resolved for the rule. Rules must come in rising order. */
  add({ address, prefixLength }: Cidr, rule: number, resolves: boolean): void {
    const key = keyOf(address, prefixLength);
    this.#lengths[address.family].add(prefixLength);
    if (!resolves) this.#unresolved.set(key, rule);
    else if (!this.#settled.has(key)) this.#settled.set(key, rule);
  }

  /**
   * The rule that holds the prefix, -1 for none.
   * @param lastResolving the latest rule for which names are resolved: one before it that does not resolve saw no address
   */
  coverOf({ address, prefixLength }: Cidr, lastResolving: number): number {
    const bits = address.family === 4 ? V4_BITS : V6_BITS;
    for (const length of this.#lengths[address.family]) {
      if (length > prefixLength || length > bits) continue;
      const key = keyOf(address, length);
      const settled = this.#settled.get(key);
      if (settled !== undefined) return settled;
      const unresolved = this.#unresolved.get(key);
      if (unresolved !== undefined && unresolved > lastResolving) return unresolved;
    }
    return NONE;
  }
}

function keyOf(address: Cidr['address'], length: number): string {
  if (address.family === 4) return `${maskWord(address.value, length)}/${length}`;
  const words = address.words.map((word, index) => maskWord(word, length - index * 32));
  return `${words.join(':')}/${length}`;
}
