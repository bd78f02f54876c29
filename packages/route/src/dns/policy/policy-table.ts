import { DomainPatterns } from '@sluice/base/domain-patterns';
import type { PolicyConfig } from '../resolver/resolver-config.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { NameMatcher } from './name-matchers.ts';
import type { PolicyMatcher } from './policy-key.ts';

/** The servers that a policy gives to a name. */
export type PolicyServers = { readonly key: string; readonly upstreams: readonly Upstream[] };

type Segment = (name: string) => PolicyServers | undefined;

/** Policies in file order; neighbouring ones of plain domains are one table, in which the more specific pattern wins. */
export class PolicyTable {
  readonly #segments: readonly Segment[];

  /** `open` gives the upstreams of an entry; `compile` makes matchers of lists and sets. */
  constructor(
    policies: readonly PolicyConfig[],
    open: (policy: PolicyConfig) => readonly Upstream[],
    compile: (matcher: Exclude<PolicyMatcher, { readonly kind: 'domain' }>) => NameMatcher,
  ) {
    const segments: Segment[] = [];
    let trie: DomainPatterns<PolicyServers> | undefined;
    for (const policy of policies) {
      const servers = { key: policy.key, upstreams: open(policy) };
      const { matcher } = policy;
      if (matcher.kind === 'domain') {
        if (trie === undefined) {
          const table = new DomainPatterns<PolicyServers>();
          trie = table;
          segments.push((name) => table.find(name));
        }
        for (const pattern of matcher.patterns) trie.add(pattern, servers);
      } else {
        trie = undefined;
        const matches = compile(matcher);
        segments.push((name) => (matches(name) ? servers : undefined));
      }
    }
    this.#segments = segments;
  }

  /** `name` is lower case. */
  find(name: string): PolicyServers | undefined {
    for (const segment of this.#segments) {
      const servers = segment(name);
      if (servers !== undefined) return servers;
    }
    return undefined;
  }
}
