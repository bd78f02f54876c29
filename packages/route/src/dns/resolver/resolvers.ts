import type { DnsQuery } from '@sluice/codec/dns/message';
import type { Resolver } from '../../net/system-resolver.ts';

/** An answer and where it came from. */
export type Resolution = {
  /** Has the id and the question of the query, and an OPT record if and only if the query has one. AA is as the upstream set it. */
  readonly bytes: Uint8Array;
  /** `cache`, `main`, `fallback` or `policy <key>`. */
  readonly via: string;
  /** The upstream that answered, `''` for the cache. */
  readonly server: string;
};

/** Questions and answers with the upstreams, through cache and policies; no hosts, no fake addresses. */
export interface DnsExchanger {
  /** The answer from the cache, at once; one that has expired has TTLs of 1 and is refreshed behind the scenes. */
  cached(query: DnsQuery): Resolution | undefined;
  /**
   * The answer, from the cache or an upstream, within five seconds.
   * @throws GatewayError `dns.failed` (`all DNS requests failed, first error: …`), `dns.timeout` (`context deadline exceeded`),
   * `dns.message` for a query without a question
   */
  exchange(query: DnsQuery, signal?: AbortSignal): Promise<Resolution>;
  flushCache(): void;
  readonly cacheEntries: number;
  /** Questions asked through `cached` and `exchange`, and those the cache could answer. */
  readonly counts: { readonly queries: number; readonly cacheHits: number };
}

/** Lookups of the gateway itself: for rules, for DIRECT dials, for servers of proxies. */
export type LookupPurpose = 'rule' | 'direct' | 'node';

/** One lookup of the gateway itself, for the query log. */
export type LookupRecord = {
  readonly purpose: LookupPurpose;
  /** Lower case, without a trailing dot. */
  readonly name: string;
  readonly type: number;
  readonly via: string;
  readonly server: string;
  /** `undefined` when no upstream answered. */
  readonly answer: Uint8Array | undefined;
  readonly durationMs: number;
};

/** All resolvers of one configuration. */
export interface DnsResolvers {
  /** Answers clients. */
  readonly exchanger: DnsExchanger;
  /** Hosts first, then the upstreams. */
  readonly main: Resolver;
  readonly direct: Resolver;
  readonly proxyServer: Resolver;
  /** Empties all caches. */
  flushCache(): void;
  /** Closes every connection to upstreams; what is under way fails. */
  close(): void;
}
