import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { parseSubnetText } from '@sluice/codec/dns/edns';
import { encodeAnswer, encodeQuery } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery, scanMessage } from '@sluice/codec/dns/message';
import fc from 'fast-check';
import { AnswerCache, cacheKey } from './answer-cache.ts';
import { ArcMap } from './arc-map.ts';
import { createCacheStore } from './cache-store.ts';

let clock = new FakeClock();
let cache = new AnswerCache('lru', clock);

beforeEach(() => {
  clock = new FakeClock();
  cache = new AnswerCache('lru', clock);
});

function ask(name: string, type = 1, id = 1): DnsQuery {
  return parseDnsQuery(encodeQuery(name, type, { id, recursionDesired: true }));
}

function answer(query: DnsQuery, ttls: readonly number[], rcode = 0): Uint8Array {
  return encodeAnswer(query, {
    rcode,
    authoritative: false,
    recursionAvailable: true,
    answers: ttls.map((ttl) => ({ kind: 'address', name: query.question?.name ?? '', ttl, ip: '1.2.3.4' })),
  });
}

function put(query: DnsQuery, bytes: Uint8Array): void {
  cache.put(cacheKey(query), scanMessage(bytes));
}

function ttls(query: DnsQuery): readonly number[] | undefined {
  const hit = cache.get(cacheKey(query), query);
  return hit === undefined ? undefined : scanMessage(hit.bytes).records.map((record) => record.ttl);
}

describe('DNS answer cache', () => {
  it('serves with the id and spelling of the query, and reduced TTLs', () => {
    put(ask('www.example.com'), answer(ask('www.example.com'), [60, 300]));
    clock.advance(10_500);
    const query = ask('WWW.example.COM', 1, 0xabcd);
    const hit = cache.get(cacheKey(query), query);
    assert.equal(hit?.isStale, false);
    const message = scanMessage(hit?.bytes ?? new Uint8Array());
    assert.equal(message.id, 0xabcd);
    assert.deepEqual(message.question?.wireName, query.question?.wireName);
    // 49.5 seconds are left of the smallest, which are rounded up.
    assert.deepEqual(
      message.records.map((record) => record.ttl),
      [50, 290],
    );
  });

  it('keeps an expired answer and marks it', () => {
    const query = ask('a.b');
    put(query, answer(query, [60, 300]));
    clock.advance(60_000);
    assert.equal(cache.get(cacheKey(query), query)?.isStale, true);
    assert.deepEqual(ttls(query), [1, 1]);
  });

  it('does not keep what has no lifetime, and failures for five seconds', () => {
    put(ask('zero'), answer(ask('zero'), [0, 60]));
    put(ask('empty'), answer(ask('empty'), []));
    put(ask('huge'), answer(ask('huge'), [0x80000000]));
    for (const name of ['zero', 'empty', 'huge']) assert.equal(ttls(ask(name)), undefined, name);
    const failed = ask('failed');
    put(failed, answer(failed, [], 2));
    assert.equal(cache.get(cacheKey(failed), failed)?.isStale, false);
    clock.advance(5_000);
    assert.equal(cache.get(cacheKey(failed), failed)?.isStale, true);
  });

  it('never keeps ACME challenges', () => {
    const challenge = ask('_acme-challenge.example.com', 16);
    put(challenge, answer(challenge, [60]));
    assert.equal(ttls(challenge), undefined);
    const address = ask('_acme-challenge.example.com', 1);
    put(address, answer(address, [60]));
    assert.deepEqual(ttls(address), [60]);
  });

  it('has OPT in answers to queries with OPT only', () => {
    const plain = ask('a.b');
    const edns = { udpSize: 4096, dnssecOk: false, clientSubnet: undefined };
    const modern = parseDnsQuery(encodeQuery('a.b', 1, { id: 2, recursionDesired: true, edns }));
    assert.equal(scanMessage(answer(modern, [60])).edns?.udpSize, 1232);
    put(plain, answer(modern, [60]));
    assert.equal(scanMessage(cache.get(cacheKey(plain), plain)?.bytes ?? new Uint8Array()).edns, undefined);
    const message = scanMessage(cache.get(cacheKey(modern), modern)?.bytes ?? new Uint8Array());
    assert.equal(message.edns?.udpSize, 1232);
    assert.equal(message.records.length, 2);
  });

  it('keeps apart what differs in type, class, DO, CD and network', () => {
    const edns = { udpSize: 4096, dnssecOk: false, clientSubnet: undefined };
    const options = { id: 1, recursionDesired: true };
    const keys = [
      encodeQuery('a.b', 1, options),
      encodeQuery('a.b', 28, options),
      encodeQuery('a.b', 1, options, 3),
      encodeQuery('a.b', 1, { ...options, checkingDisabled: true }),
      encodeQuery('a.b', 1, { ...options, edns: { ...edns, dnssecOk: true } }),
      encodeQuery('a.b', 1, { ...options, edns: { ...edns, clientSubnet: parseSubnetText('1.2.3.4') } }),
    ].map((bytes) => cacheKey(parseDnsQuery(bytes)));
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(cacheKey(parseDnsQuery(encodeQuery('A.B', 1, { ...options, edns }))), keys[0]);
  });
});

describe('cache eviction', () => {
  for (const algorithm of ['lru', 'arc'] as const) {
    it(`${algorithm} stays within its capacity and gives back what it has`, () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(30)), { maxLength: 400 }), (steps) => {
          const store = createCacheStore<number>(algorithm, 8);
          for (const [isWrite, key] of steps) {
            if (isWrite) {
              store.set(`k${key}`, key);
              assert.equal(store.get(`k${key}`), key);
            } else assert.ok([undefined, key].includes(store.get(`k${key}`)));
            assert.ok(store.size <= 8);
          }
          store.clear();
          assert.equal(store.size, 0);
        }),
      );
    });
  }

  it('arc keeps what is asked for again through a flood of others', () => {
    const store = new ArcMap<number>(10);
    for (let key = 0; key < 5; key++) {
      store.set(`hot${key}`, key);
      store.get(`hot${key}`);
    }
    for (let key = 0; key < 1_000; key++) store.set(`cold${key}`, key);
    for (let key = 0; key < 5; key++) assert.equal(store.get(`hot${key}`), key);
  });
});
