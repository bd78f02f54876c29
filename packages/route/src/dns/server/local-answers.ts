import { isIP } from 'node:net';
import { type AnswerRecord, encodeAnswer } from '@sluice/codec/dns/encode';
import type { DnsQuery, DnsQuestion } from '@sluice/codec/dns/message';
import { DNS_RCODE, DNS_TYPE } from '@sluice/codec/dns/types';
import type { FakeIpFilter } from '../fake-ip/fake-ip-filter.ts';
import type { FakeIpPool } from '../fake-ip/fake-ip-pool.ts';
import type { HostLookup } from '../hosts/host-lookup.ts';
import type { MappingTable } from '../mapping-table.ts';

/** Fake addresses and who gets them. */
export type FakeAddresses = {
  readonly filter: FakeIpFilter;
  readonly pool: FakeIpPool;
  readonly pool6: FakeIpPool | undefined;
  readonly ttlSeconds: number;
};

/** Where names are known from without an upstream. */
export type LocalSources = {
  readonly hosts: HostLookup | undefined;
  /** Present in fake-ip mode. */
  readonly fake: FakeAddresses | undefined;
  /** Hears of the addresses that clients are told; absent in normal mode. */
  readonly mapping: MappingTable | undefined;
  /** Whether clients get IPv6 addresses. */
  readonly ipv6: () => boolean;
};

/** An answer from `hosts` or the fake-ip pool, or the name to ask for instead. */
export type LocalAnswer =
  | { readonly kind: 'answer'; readonly bytes: Uint8Array; readonly via: string }
  | { readonly kind: 'alias'; readonly name: string };

/** Seconds that clients may keep what `hosts` says. */
export const HOSTS_TTL_SECONDS = 10;

/** What can be said about a question of class IN without asking an upstream, `undefined` for nothing. */
export function answerLocally(
  query: DnsQuery,
  question: DnsQuestion,
  sources: LocalSources,
): LocalAnswer | undefined {
  const { type, name } = question;
  switch (type) {
    case DNS_TYPE.A:
    case DNS_TYPE.AAAA:
      return (
        fromHosts(query, question, sources) ??
        fakeAddress(query, question, sources) ??
        noIpv6(query, type, sources)
      );
    case DNS_TYPE.CNAME:
      return aliasFromHosts(query, name, sources);
    case DNS_TYPE.SVCB:
    case DNS_TYPE.HTTPS:
      // Such records would carry real addresses past the fake ones.
      return getsFake(name, sources) ? answered(query, [], 'fake-ip') : undefined;
    default:
      return undefined;
  }
}

function fromHosts(
  query: DnsQuery,
  { name, type }: DnsQuestion,
  { hosts, mapping }: LocalSources,
): LocalAnswer | undefined {
  const found = hosts?.find(name);
  if (found === undefined) return undefined;
  if (found.kind === 'alias') return found;
  const family = type === DNS_TYPE.A ? 4 : 6;
  const ips = found.ips.filter((ip) => isIP(ip) === family);
  for (const ip of ips) mapping?.remember(ip, name);
  const answers = ips.map((ip): AnswerRecord => ({ kind: 'address', name, ttl: HOSTS_TTL_SECONDS, ip }));
  return answered(query, answers, 'hosts');
}

function aliasFromHosts(query: DnsQuery, name: string, { hosts }: LocalSources): LocalAnswer | undefined {
  const found = hosts?.find(name);
  if (found?.kind !== 'alias') return undefined;
  const alias: AnswerRecord = {
    kind: 'name',
    name,
    ttl: HOSTS_TTL_SECONDS,
    type: DNS_TYPE.CNAME,
    target: found.name,
  };
  return answered(query, [alias], 'hosts');
}

function fakeAddress(
  query: DnsQuery,
  { name, type }: DnsQuestion,
  sources: LocalSources,
): LocalAnswer | undefined {
  const { fake } = sources;
  if (fake === undefined || !getsFake(name, sources)) return undefined;
  const isV4 = type === DNS_TYPE.A;
  const pool = isV4 ? fake.pool : fake.pool6;
  if (pool === undefined || !(isV4 || sources.ipv6())) return answered(query, [], 'fake-ip');
  const ip = pool.range.ipAt(pool.slotFor(name));
  return answered(query, [{ kind: 'address', name, ttl: fake.ttlSeconds, ip }], 'fake-ip');
}

function getsFake(name: string, { fake }: LocalSources): boolean {
  return fake !== undefined && name !== '' && !fake.filter.isReal(name);
}

function noIpv6(query: DnsQuery, type: number, { ipv6 }: LocalSources): LocalAnswer | undefined {
  return type === DNS_TYPE.AAAA && !ipv6() ? answered(query, [], 'ipv6 off') : undefined;
}

function answered(query: DnsQuery, answers: readonly AnswerRecord[], via: string): LocalAnswer {
  const options = { rcode: DNS_RCODE.NOERROR, authoritative: true, recursionAvailable: true, answers };
  return { kind: 'answer', bytes: encodeAnswer(query, options), via };
}
