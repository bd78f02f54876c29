import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import { encodeAnswer, encodeQuery } from '@sluice/codec/dns/encode';
import { parseDnsQuery, scanMessage } from '@sluice/codec/dns/message';
import type { GeoSource } from '../../geo/geo-source.ts';
import type { EntrySet } from '../../rule-set/entry-set.ts';
import { FallbackFilter } from './fallback-filter.ts';
import { geositeMatcher, ruleSetMatcher } from './name-matchers.ts';
import { parsePolicyKey } from './policy-key.ts';
import { PolicyTable } from './policy-table.ts';

const geo: GeoSource = {
  datMode: false,
  countriesOf: (ip) => (ip.startsWith('114.') ? ['cn'] : ['us']),
  asnOf: () => ({ number: '', organization: '' }),
  siteList: (name, attributes) => {
    if (name === 'missing') throw new GatewayError('invalid', 'geo.list', 'list not found');
    return {
      size: 1,
      matches: (host) => host.endsWith(`.${name}${attributes.map((each) => `-${each}`).join('')}`),
    };
  },
  ipList: () => ({ size: 0, matches: () => false }),
  ipListSize: () => 0,
};

describe('DNS policies', () => {
  it('reads keys', () => {
    assert.deepEqual(parsePolicyKey('+.a.com, b.com'), { kind: 'domain', patterns: ['+.a.com', 'b.com'] });
    assert.deepEqual(parsePolicyKey('geosite:CN,private@x'), { kind: 'geosite', lists: ['cn', 'private@x'] });
    assert.deepEqual(parsePolicyKey('rule-set:A, b'), { kind: 'rule-set', names: ['A', 'b'] });
    assert.throws(() => parsePolicyKey('a.com,'), { message: 'DNS ResoverRule invalid domain: ' });
    assert.throws(() => parsePolicyKey('a.com.'), { message: 'DNS ResoverRule invalid domain: a.com.' });
  });

  it('chooses in file order, plain neighbours by the closer pattern', () => {
    const keys = ['+.b.com', 'a.b.com', 'geosite:com', '+.c.com'];
    const table = new PolicyTable(
      keys.map((key) => ({ key, matcher: parsePolicyKey(key), servers: [] })),
      () => [],
      (matcher) => geositeMatcher(geo, matcher.kind === 'geosite' ? matcher.lists : []),
    );
    assert.equal(table.find('a.b.com')?.key, 'a.b.com');
    assert.equal(table.find('x.b.com')?.key, '+.b.com');
    assert.equal(table.find('x.c.com')?.key, 'geosite:com');
    assert.equal(table.find('c.org'), undefined);
  });

  it('asks lists and sets', () => {
    const matches = geositeMatcher(geo, ['cn@ads', '!com']);
    assert.equal(matches('x.cn-ads'), true);
    assert.equal(matches('x.com'), false);
    const set: EntrySet = {
      behavior: 'domain',
      count: 1,
      wantsIp: false,
      wantsProcess: false,
      matches: () => false,
      hasDomain: (host: string): boolean => host === 'a.com',
      hasIp: () => false,
    };
    let current: EntrySet | undefined;
    const inSet = ruleSetMatcher((name) => ({ name, behavior: 'domain', current: () => current }), ['s']);
    assert.equal(inSet('a.com'), false);
    current = set;
    assert.equal(inSet('a.com'), true);
    assert.throws(() => ruleSetMatcher(() => undefined, ['s']), { message: 'not found rule-set: s' });
    assert.throws(() => ruleSetMatcher((name) => ({ name, behavior: 'ipcidr', current: () => set }), ['s']), {
      message: 'rule provider type error, except domain,actual IPCIDR',
    });
  });
});

describe('fallback filter', () => {
  const filter = new FallbackFilter(
    { geoip: true, geoipCode: 'CN', geosite: ['gfw'], ipcidr: ['240.0.0.0/4'], domain: ['+.google.com'] },
    geo,
  );
  function answerOf(ips: readonly string[], rcode = 0) {
    const query = parseDnsQuery(encodeQuery('a.b', 1, { id: 1, recursionDesired: true }));
    const answers = ips.map((ip) => ({ kind: 'address', name: 'a.b', ttl: 1, ip }) as const);
    return scanMessage(
      encodeAnswer(query, { rcode, authoritative: false, recursionAvailable: true, answers }),
    );
  }

  it('knows the names of fallback alone', () => {
    assert.deepEqual(
      ['www.google.com', 'x.gfw', 'a.com', ''].map((name) => filter.skipsMain(name)),
      [true, true, false, false],
    );
  });

  it('trusts addresses of the country and of private networks', () => {
    const cases: readonly (readonly [readonly string[], boolean])[] = [
      [['114.1.1.1'], true],
      [['192.168.1.1'], true],
      [['fe80::1'], true],
      [['8.8.8.8'], false],
      [['114.1.1.1', '8.8.8.8'], false],
      [['240.1.1.1'], false],
      [[], false],
    ];
    for (const [ips, expected] of cases) assert.equal(filter.trusts(answerOf(ips)), expected, ips.join());
    assert.equal(filter.trusts(answerOf(['114.1.1.1'], 3)), false);
  });
});
