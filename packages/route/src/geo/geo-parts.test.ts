import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeGeoSiteList } from '@sluice/codec/geo-dat/encode-geo';
import { scanGeoList } from '@sluice/codec/geo-dat/geo-list';
import { geoKindsOf, geoKindsOfRules } from './geo-kinds.ts';
import { resolveGeo } from './geo-schema.ts';
import { isLanIp } from './lan.ts';
import { compileSiteList } from './site-list.ts';

describe('geoKindsOf', () => {
  for (const { line, kinds } of [
    { line: 'GEOSITE,cn,DIRECT', kinds: ['geosite'] },
    { line: ' geoip , CN,DIRECT', kinds: ['mmdb'] },
    { line: 'SRC-GEOIP,CN,DIRECT', kinds: ['mmdb'] },
    { line: 'GEOIP,lan,DIRECT', kinds: [] },
    { line: 'GEOIP,LAN,DIRECT,no-resolve', kinds: [] },
    { line: 'IP-ASN,13335,X', kinds: ['asn'] },
    { line: 'SRC-IP-ASN,13335', kinds: ['asn'] },
    { line: 'DOMAIN-KEYWORD,GEOIP,X', kinds: [] },
    { line: 'DOMAIN,geoip.test,GEOSITE', kinds: [] },
    { line: 'AND,((GEOSITE,cn),(NOT,((GEOIP,us)))),X', kinds: ['geosite', 'mmdb'] },
    { line: 'SUB-RULE,(AND,((NETWORK,UDP),(NOT,((GEOIP,lan,no-resolve))))),udp', kinds: [] },
    { line: 'OR,((IP-ASN,1),(DOMAIN,a)),X', kinds: ['asn'] },
  ]) {
    it(`reads ${line}`, () => {
      assert.deepEqual([...geoKindsOfRules([line], false)], kinds);
    });
  }

  it('knows dat mode and what is not a rule', () => {
    assert.deepEqual([...geoKindsOfRules(['GEOIP,cn,X'], true)], ['geoip']);
    assert.deepEqual(
      [...geoKindsOf([], { datMode: true, sites: true, countries: true })],
      ['geosite', 'geoip'],
    );
    assert.deepEqual([...geoKindsOf([], { datMode: false, sites: false, countries: true })], ['mmdb']);
  });
});

describe('isLanIp', () => {
  it('covers what is not on the internet', () => {
    for (const ip of [
      '10.1.1.1',
      '172.31.0.1',
      '192.168.0.1',
      '0.0.0.0',
      '127.9.9.9',
      '239.1.1.1',
      '169.254.1.1',
      'fd00::1',
      '::',
      '::1',
      'ff02::1',
      'fe80::1',
      '::ffff:10.0.0.1',
      '198.18.255.255',
    ])
      assert.equal(isLanIp(ip, '198.18.255.255'), true, ip);
    for (const ip of ['8.8.8.8', '172.32.0.1', '198.18.255.254', '2001:db8::1', '0.0.0.1', ''])
      assert.equal(isLanIp(ip, ''), false, ip);
  });
});

describe('compileSiteList', () => {
  const compile = (domains: { type: number; value: string }[]) => {
    const bytes = encodeGeoSiteList({ X: domains });
    const entry = scanGeoList(bytes).get('x');
    assert.ok(entry);
    return compileSiteList(bytes.subarray(entry.start, entry.end), []);
  };

  it('refuses what would take too much memory', () => {
    assert.throws(() => compile([{ type: 0, value: 'k'.repeat(40_000) }]), { code: 'geo.list' });
    assert.throws(() => compile([{ type: 1, value: 'k'.repeat(1_000_001) }]), { code: 'geo.list' });
    assert.throws(() => compile([{ type: 1, value: '[a-z]{1,500}'.repeat(100) }]), { code: 'geo.list' });
  });

  it('does not take long for expressions made to', () => {
    const list = compile([
      { type: 1, value: '^(a+)+$' },
      { type: 1, value: '(?i)^B.TEST$' },
    ]);
    assert.equal(list.matches(`${'a'.repeat(200)}!`), false);
    assert.equal(list.matches('b.test'), true);
  });
});

describe('resolveGeo', () => {
  const raw = {
    'geodata-mode': true,
    'geodata-loader': 'MemC',
    'geosite-matcher': 'hybrid',
    'geo-auto-update': true,
    'geo-update-interval': 12,
    'geox-url': { geoip: 'a', mmdb: 'b', asn: 'c', geosite: 'd' },
  };

  it('gives old names their new form', () => {
    const settings = resolveGeo(raw, () => assert.fail());
    assert.deepEqual(settings, {
      urls: raw['geox-url'],
      autoUpdate: true,
      updateIntervalHours: 12,
      datMode: true,
      loader: 'memconservative',
      siteMatcher: 'mph',
    });
  });

  it('warns of names that nobody knows', () => {
    const messages: string[] = [];
    resolveGeo({ ...raw, 'geosite-matcher': 'constructor' }, (_severity, _path, message) =>
      messages.push(message),
    );
    assert.deepEqual(messages, ['unknown geosite-matcher']);
  });
});
