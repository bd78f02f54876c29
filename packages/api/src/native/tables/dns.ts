import type { DnsControl } from '@sluice/route/port';
import Type from 'typebox';
import type { NativeDependencies } from '../dependencies.ts';
import { dnsAnswerOf } from '../route-mapping.ts';
import { DnsAnswerBody, DnsLogBody, DnsQueryBody, DnsStateBody } from '../route-schemas.ts';
import { Removed } from '../schemas.ts';
import { type NativeRoute, route } from '../table.ts';
import type { DnsState } from '../types.ts';

const DEFAULT_LOG_ENTRIES = 200;

export function dnsRoutes({ route: { dns }, clock }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/dns',
      summary: 'Whether the DNS server is on, and its counters',
      reply: DnsStateBody,
      handle: () => stateOf(dns),
    }),
    route({
      method: 'GET',
      path: '/dns/log',
      summary: 'The latest questions with the path each answer took, newest first',
      query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 2000 })) }),
      reply: DnsLogBody,
      handle: ({ query }) => ({ entries: dns.log(query.limit ?? DEFAULT_LOG_ENTRIES) }),
    }),
    route({
      method: 'POST',
      path: '/dns/query',
      summary: 'Asks the upstreams, as policies and the cache have it; hosts and fake addresses do not apply',
      body: DnsQueryBody,
      reply: DnsAnswerBody,
      async handle({ body }) {
        const startedMs = clock.now();
        const answer = await dns.query(body.name.trim(), (body.type ?? 'A').toUpperCase());
        return dnsAnswerOf(answer, clock.now() - startedMs);
      },
    }),
    route({
      method: 'DELETE',
      path: '/dns/cache',
      summary: 'Forgets every cached answer',
      reply: Removed,
      handle() {
        const removed = dns.stats().cacheEntries;
        dns.flushCache();
        return { removed };
      },
    }),
    route({
      method: 'DELETE',
      path: '/dns/fake-ips',
      summary: 'Forgets which name each fake address stands for; programs that still hold one must ask again',
      reply: Removed,
      handle() {
        const removed = dns.stats().fakeIps;
        dns.flushFakeIp();
        return { removed };
      },
    }),
  ];
}

function stateOf(dns: DnsControl): DnsState {
  return { enabled: dns.enabled, ...dns.stats() };
}
