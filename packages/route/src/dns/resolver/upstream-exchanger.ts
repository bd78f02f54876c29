import type { Clock } from '@sluice/base/clock';
import type { DnsQuery } from '@sluice/codec/dns/message';
import type { Logger } from '@sluice/core/log/logger';
import { AnswerCache, cacheKey } from '../cache/answer-cache.ts';
import type { CacheAlgorithm } from '../cache/cache-store.ts';
import type { ServerChoice } from '../exchange/server-choice.ts';
import { SharedExchange } from '../exchange/shared-exchange.ts';
import { orAborted } from '../upstream/upstream.ts';
import type { DnsExchanger, Resolution } from './resolvers.ts';

/** A cache in front of upstreams. */
export class UpstreamExchanger implements DnsExchanger {
  readonly #cache: AnswerCache;
  readonly #shared: SharedExchange;
  #queries = 0;
  #cacheHits = 0;

  constructor(choice: ServerChoice, algorithm: CacheAlgorithm, clock: Clock, logger: Logger) {
    this.#cache = new AnswerCache(algorithm, clock);
    this.#shared = new SharedExchange(choice, this.#cache, clock, logger);
  }

  get cacheEntries(): number {
    return this.#cache.size;
  }

  get counts(): { readonly queries: number; readonly cacheHits: number } {
    return { queries: this.#queries, cacheHits: this.#cacheHits };
  }

  cached(query: DnsQuery): Resolution | undefined {
    if (query.question === undefined) return undefined;
    const hit = this.#lookup(cacheKey(query), query);
    if (hit !== undefined) this.#queries++;
    return hit;
  }

  async exchange(query: DnsQuery, signal?: AbortSignal): Promise<Resolution> {
    this.#queries++;
    const key = cacheKey(query);
    const hit = this.#lookup(key, query);
    if (hit !== undefined) return hit;
    const work = this.#shared.ask(key, query);
    const { answer, via, server } = await (signal === undefined ? work : orAborted(work, signal));
    return { bytes: answer.responseTo(query), via, server };
  }

  flushCache(): void {
    this.#cache.clear();
  }

  /** Ends what is under way. */
  close(): void {
    this.#shared.close();
  }

  #lookup(key: string, query: DnsQuery): Resolution | undefined {
    const hit = this.#cache.get(key, query);
    if (hit === undefined) return undefined;
    this.#cacheHits++;
    if (hit.isStale) this.#shared.refresh(key, query);
    return { bytes: hit.bytes, via: 'cache', server: '' };
  }
}
