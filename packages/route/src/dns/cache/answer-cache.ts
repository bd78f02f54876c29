import type { Clock } from '@sluice/base/clock';
import { DNS_FLAG, messageRcode } from '@sluice/codec/dns/header';
import type { DnsMessage, DnsQuery } from '@sluice/codec/dns/message';
import { withoutOpt } from '@sluice/codec/dns/rewrite';
import { DNS_CLASS, DNS_RCODE, DNS_TYPE } from '@sluice/codec/dns/types';
import { type CacheAlgorithm, type CacheStore, createCacheStore } from './cache-store.ts';
import { CachedAnswer } from './cached-answer.ts';

const CAPACITY = 4096;
/** Larger answers are rare, and with this bound a full cache stays below 64 MiB. */
const MAX_ANSWER_BYTES = 16_384;
const SERVFAIL_SECONDS = 5;
const MAX_TTL_SECONDS = 0x7fffffff;
const ACME_PREFIX = '_acme-challenge.';

/** Answers of upstreams by question, kept past their end so that they can bridge the time of a refresh. */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #store: CacheStore<CachedAnswer>;

  constructor(algorithm: CacheAlgorithm, clock: Clock) {
    this.#clock = clock;
    this.#store = createCacheStore(algorithm, CAPACITY);
  }

  get size(): number {
    return this.#store.size;
  }

  /** The response for a query with the key, and whether it should be refreshed. */
  get(key: string, query: DnsQuery): { readonly bytes: Uint8Array; readonly isStale: boolean } | undefined {
    const answer = this.#store.get(key);
    if (answer === undefined) return undefined;
    const remainingMs = answer.expiresAtMs - this.#clock.monotonicMs();
    return remainingMs > 0
      ? { bytes: answer.responseTo(query, Math.ceil(remainingMs / 1000)), isStale: false }
      : { bytes: answer.responseTo(query, 0), isStale: true };
  }

  /**
   * The answer in the form it is served in, kept if it may be kept.
   * @throws ProtocolError when its records are malformed
   */
  put(key: string, message: DnsMessage): CachedAnswer {
    const seconds = lifetimeSeconds(message);
    const answer = new CachedAnswer(withoutOpt(message), this.#clock.monotonicMs() + seconds * 1000);
    if (seconds > 0 && isKept(message)) this.#store.set(key, answer);
    return answer;
  }

  clear(): void {
    this.#store.clear();
  }
}

/** What answers are stored under: the question and what of the query changes the answer (DO, CD, the client's network). */
export function cacheKey(query: DnsQuery): string {
  const { question, edns, flags } = query;
  if (question === undefined) return '';
  const kind = question.class === DNS_CLASS.IN ? question.type : `${question.type}/${question.class}`;
  const plain = `${kind} ${question.name}`;
  const subnet = edns?.clientSubnet;
  const isSecure = edns?.dnssecOk === true || (flags & DNS_FLAG.CD) !== 0;
  if (subnet === undefined && !isSecure) return plain;
  const place = subnet === undefined ? '' : `${subnet.address}/${subnet.prefixLength}`;
  return `${plain} ${edns?.dnssecOk === true ? 'do' : ''} ${flags & DNS_FLAG.CD} ${place}`;
}

function isKept({ bytes, question }: DnsMessage): boolean {
  const isChallenge = question?.type === DNS_TYPE.TXT && question.name.startsWith(ACME_PREFIX);
  return bytes.length <= MAX_ANSWER_BYTES && !isChallenge;
}

/** The smallest TTL of all sections, 0 when there is no record; failures have a life of their own. */
function lifetimeSeconds(message: DnsMessage): number {
  if (messageRcode(message.bytes) === DNS_RCODE.SERVFAIL) return SERVFAIL_SECONDS;
  let smallest = -1;
  for (const { type, ttl } of message.records) {
    if (type === DNS_TYPE.OPT) continue;
    // TTLs with the highest bit set count as zero (RFC 2181 §8).
    const seconds = ttl > MAX_TTL_SECONDS ? 0 : ttl;
    smallest = smallest < 0 ? seconds : Math.min(smallest, seconds);
  }
  return smallest;
}
