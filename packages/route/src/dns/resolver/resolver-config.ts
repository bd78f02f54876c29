import type { PolicyMatcher } from '../policy/policy-key.ts';
import type { UpstreamConfig } from '../upstream/upstream-config.ts';

/** One entry of `nameserver-policy`, in file order. */
export type PolicyConfig = {
  /** The key as it was written; for logs. */
  readonly key: string;
  readonly matcher: PolicyMatcher;
  readonly servers: readonly UpstreamConfig[];
};

/** When answers of the main servers are not believed. */
export type FallbackFilterConfig = {
  readonly geoip: boolean;
  readonly geoipCode: string;
  /** Names of GeoSite lists. */
  readonly geosite: readonly string[];
  /** Prefixes such as `240.0.0.0/4`, checked before. */
  readonly ipcidr: readonly string[];
  /** Domain patterns, checked before. */
  readonly domain: readonly string[];
};

/** The server lists and habits of all resolvers; lists that are empty fall back to `main` where the kernel does so. */
export type ResolverConfig = {
  /** Resolve the names of other servers; IP literals or `system`. */
  readonly defaultServers: readonly UpstreamConfig[];
  readonly main: readonly UpstreamConfig[];
  readonly fallback: readonly UpstreamConfig[];
  readonly fallbackFilter: FallbackFilterConfig;
  /** Ask fallback only once its answer is needed, instead of at the same time. */
  readonly fallbackIsLazy: boolean;
  readonly policy: readonly PolicyConfig[];
  readonly proxyServer: readonly UpstreamConfig[];
  readonly proxyServerPolicy: readonly PolicyConfig[];
  readonly direct: readonly UpstreamConfig[];
  readonly directFollowsPolicy: boolean;
  readonly cacheAlgorithm: 'lru' | 'arc';
  /** How much longer AAAA is waited for once A has answered. */
  readonly ipv6TimeoutMs: number;
};
