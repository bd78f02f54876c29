import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import { decodeConfig } from '@sluice/core/config/decode';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import type { GeoSource } from '../../geo/geo-source.ts';
import type { FindEntrySet, SetBehavior } from '../../rule-set/entry-set.ts';
import { NO_GEO } from '../testing/name-sources.ts';
import { dnsSchema, type RawDns } from './dns-schema.ts';
import { dnsGeoNeeds, resolveDns } from './resolve-dns.ts';

const SETS: Readonly<Record<string, { readonly behavior: SetBehavior; readonly names: readonly string[] }>> =
  {
    'direct-domain': { behavior: 'domain', names: ['www.cn.example'] },
    nets: { behavior: 'ipcidr', names: [] },
    mix: { behavior: 'classical', names: ['mixed.example'] },
  };

const findSet: FindEntrySet = (name) => {
  const set = SETS[name];
  if (set === undefined) return undefined;
  const current = {
    behavior: set.behavior,
    count: set.names.length,
    wantsIp: false,
    wantsProcess: false,
    matches: () => false,
    hasDomain: (host: string) => set.names.includes(host),
    hasIp: () => false,
  };
  return { name, behavior: set.behavior, current: () => current };
};

const geo: GeoSource = {
  ...NO_GEO,
  countriesOf: () => [],
  siteList(name) {
    if (name !== 'private' && name !== 'cn')
      throw new GatewayError('invalid', 'geo.list', `list not found: ${name}`);
    return { size: 1, matches: (host) => host === `${name}.site` };
  },
};

function decode(text: string) {
  const { value, issues } = decodeConfig<RawDns>(dnsSchema, parseYamlConfig(text, 'dns.yaml').node);
  return {
    raw: value,
    issues: issues.map((issue) => `${issue.severity} ${issue.path.join('.')}: ${issue.message}`),
  };
}

function resolve(text: string, source: GeoSource = geo) {
  const { raw, issues } = decode(text);
  const config = resolveDns(raw, { geo: source, findSet, storesFakeIp: false }, (severity, path, message) =>
    issues.push(`${severity} ${path.join('.')}: ${message}`),
  );
  return { config, issues };
}

const ACCEPTANCE = `
enable: true
listen: 127.0.0.1:1053
enhanced-mode: fake-ip
fake-ip-range: 198.18.0.1/16
fake-ip-filter: ["+.lan", "geosite:private", "rule-set:direct-domain"]
default-nameserver: [223.5.5.5, tls://1.12.12.12:853]
nameserver: ["https://dns.example/dns-query#auto&ecs=1.2.3.0/24", tcp://8.8.8.8]
fallback: [tls://1.1.1.1, tls://dns.fallback.example]
fallback-filter: {geoip: true, geoip-code: CN, ipcidr: [240.0.0.0/4], domain: ["+.example.net"]}
proxy-server-nameserver: [223.5.5.5]
direct-nameserver: [system]
nameserver-policy:
  "geosite:cn,private": [223.5.5.5, 119.29.29.29]
  "+.corp.example,intra.example": 10.0.0.53
  "rule-set:direct-domain": rcode://success
`;

describe('dns section', () => {
  it('has defaults for everything', () => {
    const { config, issues } = resolve('{}');
    assert.deepEqual(issues, []);
    const { resolver, fakeIp, ...rest } = config;
    assert.deepEqual(rest, {
      enabled: false,
      listen: undefined,
      mode: 'redir-host',
      ipv6: false,
      usesHosts: true,
      usesSystemHosts: true,
    });
    assert.deepEqual(
      resolver.defaultServers.map(({ text }) => text),
      ['udp://114.114.114.114:53', 'udp://223.5.5.5:53', 'udp://8.8.8.8:53', 'udp://1.0.0.1:53'],
    );
    assert.deepEqual(
      resolver.main.map(({ text }) => text),
      ['https://doh.pub:443/dns-query', 'tls://223.5.5.5:853'],
    );
    assert.equal(resolver.ipv6TimeoutMs, 100);
    assert.equal(resolver.cacheAlgorithm, 'lru');
    assert.equal(fakeIp.range.text, '198.18.0.0/16');
    assert.equal(fakeIp.range6, undefined);
    assert.equal(fakeIp.ttlSeconds, 1);
    assert.equal(fakeIp.filter.isReal('www.msftnsci.com'), true);
    assert.equal(fakeIp.filter.isReal('example.com'), false);
  });

  it('reads the acceptance configuration', () => {
    const { config, issues } = resolve(ACCEPTANCE);
    assert.deepEqual(issues, []);
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 1053 });
    const { filter } = config.fakeIp;
    for (const name of ['x.lan', 'lan', 'private.site', 'www.cn.example', 'dns.fallback.example'])
      assert.equal(filter.isReal(name), true, name);
    for (const name of ['cn.site', 'cn.example', '1.1.1.1.example'])
      assert.equal(filter.isReal(name), false, name);
    assert.deepEqual(
      config.resolver.policy.map(({ key, servers }) => [key, servers.length]),
      [
        ['geosite:cn,private', 2],
        ['+.corp.example,intra.example', 1],
        ['rule-set:direct-domain', 1],
      ],
    );
    assert.deepEqual(dnsGeoNeeds(decode(ACCEPTANCE).raw), { countries: true, sites: true });
  });

  it('reads what the fake-ip filter may hold in its three modes', () => {
    const rules = resolve(`
enable: true
fake-ip-filter-mode: RULE
fake-ip-filter:
  - RULE-SET,direct-domain,real-ip
  - GEOSITE,private,real-ip
  - DOMAIN-REGEX,^a{1,3}\\.example$,real-ip
  - DOMAIN-KEYWORD,ads,fake-ip
  - MATCH,real-ip
`);
    assert.deepEqual(rules.issues, []);
    const { filter } = rules.config.fakeIp;
    assert.equal(filter.isReal('www.cn.example'), true);
    assert.equal(filter.isReal('ads.example'), false);
    assert.equal(filter.isReal('aaaa.example'), true);
    const white = resolve(
      '{fake-ip-filter-mode: whitelist, fake-ip-filter: ["*.fake.example", "Mijia Cloud"]}',
    );
    assert.deepEqual(white.issues, []);
    assert.equal(white.config.fakeIp.filter.isReal('a.fake.example'), false);
    assert.equal(white.config.fakeIp.filter.isReal('fake.example'), true);
  });

  it('gives servers without a way of their own to the rules', () => {
    const { config } = resolve(`
respect-rules: true
nameserver: [8.8.8.8, tls://8.8.4.4#auto]
fallback: [1.1.1.1]
proxy-server-nameserver: [223.5.5.5]
direct-nameserver: [223.6.6.6]
nameserver-policy: {a.example: 9.9.9.9}
fallback-filter: {geoip: false}
`);
    const ways = (servers: readonly { readonly options: { readonly via: string } }[]) =>
      servers.map(({ options }) => options.via);
    assert.deepEqual(ways(config.resolver.main), ['RULES', 'auto']);
    assert.deepEqual(ways(config.resolver.fallback), ['RULES']);
    assert.deepEqual(ways(config.resolver.policy[0]?.servers ?? []), ['RULES']);
    assert.deepEqual(ways(config.resolver.proxyServer), ['']);
    assert.deepEqual(ways(config.resolver.direct), ['']);
  });

  const errors: readonly (readonly [string, string])[] = [
    [
      '{enable: true, nameserver: []}',
      'error dns.nameserver: if DNS configuration is turned on, NameServer cannot be empty',
    ],
    [
      '{respect-rules: true}',
      'error dns.respect-rules: if “respect-rules” is turned on, “proxy-server-nameserver” cannot be empty',
    ],
    [
      '{default-nameserver: []}',
      'error dns.default-nameserver: default nameserver should have at least one nameserver',
    ],
    [
      '{default-nameserver: [dns.example]}',
      'error dns.default-nameserver: default nameserver should be pure IP',
    ],
    ['{nameserver: [1.1.1.1, foo://x]}', 'error dns.nameserver: DNS NameServer[1] unsupport scheme: foo'],
    ['{nameserver: ["rcode://x"]}', 'error dns.nameserver: unsupported RCode type: x'],
    [
      '{nameserver-policy: {"a..b": 1.1.1.1}}',
      'error dns.nameserver-policy.a..b: DNS ResoverRule invalid domain: a..b',
    ],
    [
      '{nameserver-policy: {"rule-set:none": 1.1.1.1}}',
      'error dns.nameserver-policy.rule-set:none: not found rule-set: none',
    ],
    [
      '{nameserver-policy: {"rule-set:nets": 1.1.1.1}}',
      'error dns.nameserver-policy.rule-set:nets: rule provider type error, except domain,actual IPCIDR',
    ],
    [
      '{nameserver-policy: {"rule-set:mix": 1.1.1.1}}',
      'warning dns.nameserver-policy.rule-set:mix: rule-set mix is classical: only its domain rules count',
    ],
    [
      '{enable: true, nameserver-policy: {"geosite:none": 1.1.1.1}}',
      'error dns.nameserver-policy.geosite:none: load GeoSite data error, list not found: none',
    ],
    ['{fake-ip-filter: ["rule-set:none"]}', 'error dns.fake-ip-filter.0: not found rule-set: none'],
    [
      '{fake-ip-filter: ["+.ok.example", "a..b"]}',
      'error dns.fake-ip-filter.1: fake-ip-filter invalid domain: a..b',
    ],
    [
      '{fake-ip-filter-mode: rule, fake-ip-filter: ["DOMAIN,a.example"]}',
      'error dns.fake-ip-filter.0: fake-ip-filter rule must end in fake-ip or real-ip, got "a.example"',
    ],
    [
      '{fake-ip-filter-mode: rule, fake-ip-filter: ["DST-PORT,80,fake-ip"]}',
      'error dns.fake-ip-filter.0: unsupported rule type DST-PORT in fake-ip-filter',
    ],
    ['{fake-ip-filter-mode: gray}', 'error dns.fake-ip-filter-mode: invalid mode'],
    ['{enhanced-mode: fake}', 'error dns.enhanced-mode: invalid mode'],
    ['{fake-ip-range: 198.18.0.1/30}', "error dns.fake-ip-range: ipnet don't have valid ip"],
    ['{fake-ip-range: "fd00::/64"}', 'error dns.fake-ip-range: "fd00::/64" is not an IPv4 prefix'],
    ['{fake-ip-range6: 10.0.0.0/8}', 'error dns.fake-ip-range6: "10.0.0.0/8" is not an IPv6 prefix'],
    [
      '{fallback-filter: {ipcidr: [1.1.1.1]}}',
      'error dns.fallback-filter.ipcidr.0: DNS FallbackIP[0] format error: invalid CIDR address: 1.1.1.1',
    ],
    [
      '{fallback-filter: {domain: [ok.example, a..b]}}',
      'error dns.fallback-filter.domain.1: DNS FallbackDomain[1] format error: invalid domain',
    ],
    [
      '{enable: true, fallback: [1.1.1.1], fallback-filter: {geosite: [none]}}',
      'error dns.fallback-filter.geosite.0: DNS FallbackGeosite[0] format error: load GeoSite data error, list not found: none',
    ],
    [
      '{proxy-server-nameserver-policy: {a.example: 1.1.1.1}}',
      'error dns.proxy-server-nameserver-policy: if “proxy-server-nameserver-policy” is set, “proxy-server-nameserver” cannot be empty',
    ],
    [
      '{listen: "1:2:3"}',
      'warning dns.listen: Start DNS server error: expected host:port or [v6]:port, got "1:2:3"',
    ],
    ['{namserver: [1.1.1.1]}', 'warning namserver: unknown key is ignored; did you mean "nameserver"?'],
  ];
  for (const [text, expected] of errors) {
    it(text, () => assert.deepEqual(resolve(text).issues, [expected]));
  }

  it('misses the country database only where it is read', () => {
    const text = (enable: boolean) => `{enable: ${enable}, fallback: [1.1.1.1]}`;
    assert.deepEqual(resolve(text(true), NO_GEO).issues, [
      'error dns.fallback-filter.geoip: load GeoIP dns fallback filter error, no geo database',
    ]);
    assert.deepEqual(resolve(text(false), NO_GEO).issues, []);
    assert.deepEqual(resolve('{enable: true}', NO_GEO).issues, []);
  });

  it('listens nowhere at port 0 and on every address without a host', () => {
    assert.equal(resolve('{listen: "127.0.0.1:0"}').config.listen, undefined);
    assert.deepEqual(resolve('{listen: ":53"}').config.listen, { host: '', port: 53 });
  });
});
