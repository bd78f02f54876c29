import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@sluice/base/clock';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery, scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import type { Logger } from '@sluice/core/log/logger';
import type { HostValue } from '../../config/host-table.ts';
import type { GeoSource } from '../../geo/geo-source.ts';
import { parsePolicyKey } from '../policy/policy-key.ts';
import { addressAnswer, FakeServers, rcodeAnswer } from '../upstream/testing/fake-servers.ts';
import { LoopbackDialer } from '../upstream/testing/loopback-dialer.ts';
import { parseUpstreams } from '../upstream/upstream-config.ts';
import { createResolvers } from './create-resolvers.ts';
import type { ResolverConfig } from './resolver-config.ts';
import type { DnsResolvers, LookupRecord } from './resolvers.ts';

const geo: GeoSource = {
  datMode: false,
  countriesOf: (ip) => (ip.startsWith('114.') ? ['cn'] : []),
  asnOf: () => ({ number: '', organization: '' }),
  siteList: () => ({ size: 0, matches: () => false }),
  ipList: () => ({ size: 0, matches: () => false }),
  ipListSize: () => 0,
};

const logger: Logger = {
  enabled: () => false,
  debug: () => undefined,
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  child: () => logger,
};

const HOSTS: Readonly<Record<string, HostValue>> = {
  'pinned.test': { kind: 'ips', ips: ['10.0.0.1', 'fd00::1'] },
  'alias.test': { kind: 'alias', name: 'target.test' },
};

let servers = new FakeServers();
let dialer = new LoopbackDialer();
let asked: string[] = [];
let lookups: LookupRecord[] = [];
let ipv6 = true;
let opened: DnsResolvers[] = [];

beforeEach(() => {
  servers = new FakeServers();
  dialer = new LoopbackDialer();
  asked = [];
  lookups = [];
  ipv6 = true;
  opened = [];
});

afterEach(() => {
  for (const each of opened) each.close();
  servers.close();
  dialer.close();
});

/** A server whose answers are noted under a name. */
async function serve(name: string, answerer: (query: DnsQuery) => Uint8Array | undefined): Promise<string[]> {
  const port = await servers.udp((query) => {
    asked.push(`${name} ${query.question?.name} ${query.question?.type}`);
    return answerer(query);
  });
  return [`127.0.0.1:${port}`];
}

function resolvers(partial: Partial<ResolverConfig>): DnsResolvers {
  const created = createResolvers(
    {
      defaultServers: parseUpstreams(['127.0.0.1']),
      main: [],
      fallback: [],
      fallbackFilter: { geoip: true, geoipCode: 'CN', geosite: [], ipcidr: [], domain: ['+.only.test'] },
      fallbackIsLazy: true,
      policy: [],
      proxyServer: [],
      proxyServerPolicy: [],
      direct: [],
      directFollowsPolicy: false,
      cacheAlgorithm: 'lru',
      ipv6TimeoutMs: 100,
      ...partial,
    },
    {
      dialer,
      clock: systemClock,
      logger,
      geo,
      findSet: () => undefined,
      takesNames: () => false,
      trustedCertificates: () => [],
      hosts: { find: (name) => HOSTS[name] },
      ipv6: () => ipv6,
      onLookup: (record) => lookups.push(record),
    },
  );
  opened.push(created);
  return created;
}

function question(name: string, type = 1, id = 9): DnsQuery {
  return parseDnsQuery(encodeQuery(name, type, { id, recursionDesired: true }));
}

async function exchange(set: DnsResolvers, name: string, type = 1) {
  const { bytes, via } = await set.exchanger.exchange(question(name, type));
  return { via, ips: answerAddresses(scanMessage(bytes)).map(({ ip }) => ip) };
}

describe('resolvers', () => {
  it('ask once, then answer from the cache', async () => {
    const main = parseUpstreams(await serve('main', (query) => addressAnswer(query, ['1.2.3.4'])));
    const set = resolvers({ main });
    assert.equal(set.exchanger.cached(question('a.test')), undefined);
    assert.deepEqual(await exchange(set, 'a.test'), { via: 'main', ips: ['1.2.3.4'] });
    assert.deepEqual(await exchange(set, 'A.test'), { via: 'cache', ips: ['1.2.3.4'] });
    const hit = set.exchanger.cached(question('a.test', 1, 77));
    assert.equal(scanMessage(hit?.bytes ?? new Uint8Array()).id, 77);
    assert.deepEqual(asked, ['main a.test 1']);
    assert.deepEqual(set.exchanger.counts, { queries: 3, cacheHits: 2 });
    set.flushCache();
    assert.equal(set.exchanger.cacheEntries, 0);
  });

  it('merge identical questions under way', async () => {
    const main = parseUpstreams(await serve('main', (query) => addressAnswer(query, ['1.2.3.4'])));
    const set = resolvers({ main });
    const answers = await Promise.all(
      [1, 2, 3].map((id) => set.exchanger.exchange(question('a.test', 1, id))),
    );
    assert.deepEqual(
      answers.map(({ bytes }) => scanMessage(bytes).id),
      [1, 2, 3],
    );
    assert.equal(asked.length, 1);
  });

  it('report failures and try again behind the scenes', async () => {
    let failures = 2;
    const main = parseUpstreams(
      await serve('main', (query) =>
        failures-- > 0 ? rcodeAnswer(query, 2) : addressAnswer(query, ['1.2.3.4']),
      ),
    );
    const set = resolvers({ main });
    await assert.rejects(exchange(set, 'a.test'), {
      code: 'dns.failed',
      message: 'all DNS requests failed, first error: server failure: SERVFAIL',
    });
    while (set.exchanger.cacheEntries === 0) await new Promise(setImmediate);
    assert.deepEqual(await exchange(set, 'a.test'), { via: 'cache', ips: ['1.2.3.4'] });
    assert.equal(asked.length, 3);
  });

  it('give up after three more failures', async () => {
    const main = parseUpstreams(await serve('main', (query) => rcodeAnswer(query, 5)));
    const set = resolvers({ main });
    await assert.rejects(exchange(set, 'a.test'), /REFUSED/);
    while (asked.length < 4) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(asked.length, 4);
  });

  it('end a wait with its signal while the work goes on', async () => {
    const held = Promise.withResolvers<void>();
    const port = await servers.udp(async (query) => {
      await held.promise;
      return addressAnswer(query, ['1.2.3.4']);
    });
    const set = resolvers({ main: parseUpstreams([`127.0.0.1:${port}`]) });
    const stop = new AbortController();
    const answer = set.exchanger.exchange(question('a.test'), stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(answer, { message: 'enough' });
    held.resolve();
    while (set.exchanger.cacheEntries === 0) await new Promise(setImmediate);
  });

  it('choose by policy, then main, and fallback for foreign addresses', async () => {
    const special = parseUpstreams(await serve('special', (query) => addressAnswer(query, ['9.9.9.9'])));
    const main = parseUpstreams(
      await serve('main', (query) =>
        addressAnswer(query, query.question?.name === 'home.test' ? ['114.1.1.1'] : ['8.8.8.8']),
      ),
    );
    const fallback = parseUpstreams(await serve('fallback', (query) => addressAnswer(query, ['7.7.7.7'])));
    for (const fallbackIsLazy of [true, false]) {
      const set = resolvers({
        main,
        fallback,
        fallbackIsLazy,
        policy: [{ key: '+.special.test', matcher: parsePolicyKey('+.special.test'), servers: special }],
      });
      assert.deepEqual(await exchange(set, 'a.special.test'), {
        via: 'policy +.special.test',
        ips: ['9.9.9.9'],
      });
      assert.deepEqual(await exchange(set, 'home.test'), { via: 'main', ips: ['114.1.1.1'] });
      assert.deepEqual(await exchange(set, 'foreign.test'), { via: 'fallback', ips: ['7.7.7.7'] });
      assert.deepEqual(await exchange(set, 'x.only.test'), { via: 'fallback', ips: ['7.7.7.7'] });
      assert.equal((await exchange(set, 'foreign.test', 16)).via, 'main');
      if (fallbackIsLazy) assert.ok(!asked.includes('fallback home.test 1'));
    }
    assert.ok(!asked.includes('main x.only.test 1'));
  });

  it('resolve server names with the default servers', async () => {
    const plain = await serve('default', (query) => addressAnswer(query, ['127.0.0.1']));
    const [main = ''] = await serve('main', (query) => addressAnswer(query, ['1.2.3.4']));
    const set = resolvers({
      defaultServers: parseUpstreams(plain),
      main: parseUpstreams([main.replace('127.0.0.1', 'dns.test')]),
    });
    assert.deepEqual((await exchange(set, 'a.test')).ips, ['1.2.3.4']);
    assert.ok(asked.includes('default dns.test 1'));
  });
});

describe('lookups of the gateway', () => {
  const both = (query: DnsQuery) => addressAnswer(query, ['1.2.3.4', '2001:db8::1']);

  it('ask for both families, or for IPv4 alone', async () => {
    const set = resolvers({ main: parseUpstreams(await serve('main', both)) });
    assert.deepEqual(await set.main.resolve('A.test.'), { ipv4: ['1.2.3.4'], ipv6: ['2001:db8::1'] });
    ipv6 = false;
    assert.deepEqual(await set.main.resolve('b.test'), { ipv4: ['1.2.3.4'], ipv6: [] });
    assert.deepEqual(asked.toSorted(), ['main a.test 1', 'main a.test 28', 'main b.test 1']);
    assert.deepEqual(
      lookups.map(({ purpose, name, type, via }) => `${purpose} ${name} ${type} ${via}`).toSorted(),
      ['rule a.test 1 main', 'rule a.test 28 main', 'rule b.test 1 main'],
    );
  });

  it('do not wait long for IPv6', async () => {
    const main = await serve('main', (query) => (query.question?.type === 28 ? undefined : both(query)));
    const set = resolvers({ main: parseUpstreams(main), ipv6TimeoutMs: 5 });
    assert.deepEqual(await set.main.resolve('a.test'), { ipv4: ['1.2.3.4'], ipv6: [] });
  });

  it('fail without addresses', async () => {
    const set = resolvers({ main: parseUpstreams(await serve('main', (query) => rcodeAnswer(query, 3))) });
    const noAddress = { code: 'route.no-address', message: "couldn't find ip" };
    await assert.rejects(set.main.resolve('a.test'), noAddress);
    ipv6 = false;
    await assert.rejects(set.main.resolve('a.test'), noAddress);
    await assert.rejects(set.main.resolve('a..test'), { code: 'route.resolve-failed' });
  });

  it('know literals and hosts', async () => {
    const set = resolvers({ main: parseUpstreams(await serve('main', both)) });
    assert.deepEqual(await set.main.resolve('::ffff:1.1.1.1'), { ipv4: ['1.1.1.1'], ipv6: [] });
    assert.deepEqual(await set.direct.resolve('PINNED.test'), { ipv4: ['10.0.0.1'], ipv6: ['fd00::1'] });
    assert.deepEqual(await set.main.resolve('alias.test'), { ipv4: ['1.2.3.4'], ipv6: ['2001:db8::1'] });
    assert.ok(asked.every((each) => each.includes('target.test')));
  });

  it('use lists of their own where there are any', async () => {
    const set = resolvers({
      main: parseUpstreams(await serve('main', both)),
      direct: parseUpstreams(await serve('direct', both)),
    });
    ipv6 = false;
    for (const resolver of [set.main, set.direct, set.proxyServer]) await resolver.resolve('a.test');
    assert.deepEqual(asked, ['main a.test 1', 'direct a.test 1']);
    assert.deepEqual(
      lookups.map(({ purpose, via }) => `${purpose} ${via}`),
      ['rule main', 'direct main', 'node cache'],
    );
  });
});
