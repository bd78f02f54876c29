import { DomainPatterns } from '@sluice/base/domain-patterns';

/** What `hosts` says about a name: addresses, or another name to use instead. */
export type HostValue =
  | { readonly kind: 'ips'; readonly ips: readonly string[] }
  | { readonly kind: 'alias'; readonly name: string };

const MAX_ALIASES = 32;

/** Domain patterns to what `hosts` says; the closest pattern wins. */
export class HostTable {
  readonly #patterns = new DomainPatterns<HostValue>();

  /** False when the pattern is not a domain pattern, and then nothing is added. */
  add(pattern: string, value: HostValue): boolean {
    return this.#patterns.add(pattern, value);
  }

  /** What the best fitting pattern says about `host` (lower case), aliases not followed. */
  find(host: string): HostValue | undefined {
    return this.#patterns.find(host);
  }

  /** The addresses for `host` (lower case), aliases followed. */
  lookupIps(host: string): readonly string[] | undefined {
    const value = this.#follow(host);
    return value?.kind === 'ips' ? value.ips : undefined;
  }

  /** The name that `host` (lower case) finally stands for, `undefined` when it is no alias. */
  lookupAlias(host: string): string | undefined {
    let name: string | undefined;
    let value = this.find(host);
    for (let count = 0; value?.kind === 'alias' && count < MAX_ALIASES; count++) {
      name = value.name;
      value = this.find(name);
    }
    return name;
  }

  /** True when following the aliases from `host` never ends. */
  isCyclic(host: string): boolean {
    const seen = new Set<string>([host]);
    for (let value = this.find(host); value?.kind === 'alias'; value = this.find(value.name)) {
      if (seen.has(value.name)) return true;
      seen.add(value.name);
    }
    return false;
  }

  #follow(host: string): HostValue | undefined {
    let value = this.find(host);
    for (let count = 0; value?.kind === 'alias' && count < MAX_ALIASES; count++)
      value = this.find(value.name);
    return value;
  }
}
