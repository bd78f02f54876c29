import { GatewayError } from '@sluice/base/errors';
import { type AnswerRecord, encodeAnswer } from '@sluice/codec/dns/encode';
import type { DnsQuery } from '@sluice/codec/dns/message';
import { typeName } from '@sluice/codec/dns/types';
import type { DnsExchanger, Resolution } from '../resolver/resolvers.ts';

/** Upstreams with fixed answers by `name TYPE`; questions that are not in the table fail, `cached` ones need no waiting. */
export class FakeExchanger implements DnsExchanger {
  readonly asked: string[] = [];
  readonly cacheEntries = 0;
  readonly counts = { queries: 0, cacheHits: 0 };
  readonly #answers: Readonly<Record<string, readonly AnswerRecord[]>>;
  readonly #cached: ReadonlySet<string>;
  flushes = 0;

  constructor(answers: Readonly<Record<string, readonly AnswerRecord[]>>, cached: Iterable<string> = []) {
    this.#answers = answers;
    this.#cached = new Set(cached);
  }

  cached(query: DnsQuery): Resolution | undefined {
    return this.#cached.has(keyOf(query)) ? this.#answer(query, 'cache') : undefined;
  }

  async exchange(query: DnsQuery): Promise<Resolution> {
    await Promise.resolve();
    this.asked.push(keyOf(query));
    const answer = this.#answer(query, 'main');
    if (answer !== undefined) return answer;
    throw new GatewayError('unavailable', 'dns.failed', 'all DNS requests failed, first error: refused');
  }

  flushCache(): void {
    this.flushes++;
  }

  #answer(query: DnsQuery, via: string): Resolution | undefined {
    const answers = this.#answers[keyOf(query)];
    if (answers === undefined) return undefined;
    const bytes = encodeAnswer(query, { rcode: 0, authoritative: false, recursionAvailable: true, answers });
    return { bytes, via, server: via === 'cache' ? '' : 'udp://192.0.2.53:53' };
  }
}

function keyOf({ question }: DnsQuery): string {
  return question === undefined ? '' : `${question.name} ${typeName(question.type)}`;
}

/** An address record for `FakeExchanger`. */
export function address(name: string, ip: string, ttl = 300): AnswerRecord {
  return { kind: 'address', name, ip, ttl };
}
