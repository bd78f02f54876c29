import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { encodeForward } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery } from '@sluice/codec/dns/message';
import type { Logger } from '@sluice/core/log/logger';
import type { AnswerCache } from '../cache/answer-cache.ts';
import type { CachedAnswer } from '../cache/cached-answer.ts';
import { deadline, EXCHANGE_LIMIT_MS } from '../upstream/upstream.ts';
import type { ServerChoice } from './server-choice.ts';

/** An answer of an upstream, ready to be served to all who asked the same. */
export type SharedAnswer = { readonly answer: CachedAnswer; readonly via: string; readonly server: string };

const MAX_BACKGROUND_RETRIES = 3;
/** Distinct questions under way; a flood of invented names must not open sockets without end. */
const MAX_UNDER_WAY = 2_048;

/**
 * Asks upstreams once for identical questions that are under way, and puts answers into the cache. The work has five seconds of
 * its own, whoever waits for it; after a failure it is tried again up to three times, so that the next one to ask has it.
 */
export class SharedExchange {
  readonly #choice: ServerChoice;
  readonly #cache: AnswerCache;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #underWay = new Map<string, Promise<SharedAnswer>>();
  readonly #closing = new AbortController();

  constructor(choice: ServerChoice, cache: AnswerCache, clock: Clock, logger: Logger) {
    this.#choice = choice;
    this.#cache = cache;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @throws GatewayError `dns.failed`, `dns.timeout`, `dns.busy` (limit), `dns.message` for a query without a question */
  ask(key: string, query: DnsQuery): Promise<SharedAnswer> {
    return this.#underWay.get(key) ?? this.#start(key, query, MAX_BACKGROUND_RETRIES);
  }

  /** Asks without anybody waiting. */
  refresh(key: string, query: DnsQuery): void {
    if (this.#underWay.has(key)) return;
    this.#start(key, query, 0).catch((error: unknown) => this.#logFailure(key, error));
  }

  close(): void {
    this.#closing.abort(new GatewayError('unavailable', 'dns.closed', 'resolver closed'));
  }

  #start(key: string, query: DnsQuery, retries: number): Promise<SharedAnswer> {
    if (this.#underWay.size >= MAX_UNDER_WAY)
      return Promise.reject(new GatewayError('limit', 'dns.busy', 'too many DNS questions under way'));
    const work = this.#work(key, query);
    this.#underWay.set(key, work);
    const done = () => {
      this.#underWay.delete(key);
    };
    work.then(done, (error: unknown) => {
      done();
      if (retries === 0 || this.#closing.signal.aborted) return;
      this.#start(key, query, retries - 1).catch((again: unknown) => this.#logFailure(key, again));
      this.#logFailure(key, error);
    });
    return work;
  }

  async #work(key: string, query: DnsQuery): Promise<SharedAnswer> {
    const forwarded = encodeForward(query, 0);
    if (forwarded === undefined) throw new GatewayError('invalid', 'dns.message', 'no question');
    const limit = deadline(this.#clock, EXCHANGE_LIMIT_MS, this.#closing.signal);
    try {
      const { message, via, server } = await this.#choice.ask(parseDnsQuery(forwarded), limit.signal);
      return { answer: this.#cache.put(key, message), via, server };
    } finally {
      limit.cancel();
    }
  }

  #logFailure(key: string, error: unknown): void {
    this.#logger.debug(`[DNS] background exchange of ${key} failed: ${errorText(error)}`);
  }
}
