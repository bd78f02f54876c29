import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseCidr } from '@sluice/base/ip';
import { loadSettings } from '@sluice/cli/settings/load-settings';
import { encodeGeoSiteList } from '@sluice/codec/geo-dat/encode-geo';
import { encodeMmdb } from '@sluice/codec/mmdb/encode-mmdb';
import { LoopbackDns } from '@sluice/route/dns/testing/loopback-dns';
import type { RoutePlane } from '@sluice/route/plane';
import type { ExplainRequest } from '@sluice/route/port';
import { RouteRig } from '@sluice/route/testing/route-rig';

const FILE = fileURLToPath(new URL('../fixtures/acceptance.yaml', import.meta.url));

/** The servers of the file, which tests must not ask, and the ways to them. */
const FOREIGN_SERVERS: readonly [string, string][] = [
  ['default-nameserver: [223.5.5.5, tls://1.12.12.12:853]', 'default-nameserver: [SERVER]'],
  [
    'nameserver: ["https://dns.example/dns-query#auto&ecs=1.2.3.0/24", tcp://8.8.8.8]',
    'nameserver: [SERVER]',
  ],
  ['fallback: [tls://1.1.1.1]', 'fallback: [SERVER]'],
  ['proxy-server-nameserver: [223.5.5.5]', 'proxy-server-nameserver: [SERVER]'],
  ['[223.5.5.5, 119.29.29.29]', '[SERVER]'],
  ['10.0.0.53', 'SERVER'],
];

describe('the acceptance configuration', () => {
  const rig = new RouteRig();
  const dns = new LoopbackDns({
    'x.test A': [{ kind: 'address', name: 'x.test', ttl: 60, ip: '192.0.2.1' }],
  });
  let plane: RoutePlane;

  before(async () => {
    const server = await dns.listen();
    writeFileSync(
      join(rig.dataDir, 'GeoSite.dat'),
      encodeGeoSiteList({
        CN: [{ type: 2, value: 'site.cn.test' }],
        PRIVATE: [{ type: 2, value: 'internal.test' }],
      }),
    );
    const cidr = parseCidr('203.0.113.0/24');
    assert.ok(cidr !== undefined);
    const networks = [{ cidr, value: new Map([['country', new Map([['iso_code', 'CN']])]]) }];
    writeFileSync(
      join(rig.dataDir, 'country.mmdb'),
      encodeMmdb({ databaseType: 'GeoLite2-Country', recordSize: 24, ipVersion: 6, networks }),
    );
    let text = readFileSync(FILE, 'utf8');
    for (const [written, ours] of FOREIGN_SERVERS) {
      assert.ok(text.includes(written), written);
      text = text.replace(written, ours.replace('SERVER', server));
    }
    const file = join(rig.dataDir, 'config.yaml');
    writeFileSync(file, text);
    const { settings, issues } = loadSettings({ file });
    assert.ok(settings !== undefined, JSON.stringify(issues));
    plane = await rig.create(settings.route);
    for (const name of ['direct-domain', 'mix']) await plane.control.providers.updateRuleProvider(name);
  });
  after(async () => {
    await plane.stop(AbortSignal.timeout(1_000));
    dns.close();
    await rig.close();
  });

  const firstMatch = async (request: Partial<ExplainRequest> & { readonly host: string }) => {
    const asked: ExplainRequest = { port: 443, network: 'tcp', sourceIp: '10.1.1.1', ...request };
    const { rule, rulePayload, chains } = await plane.control.explain(asked);
    return { rule: rulePayload === '' ? rule : `${rule}(${rulePayload})`, target: chains.at(-1) };
  };

  it('loads as it stands, and says what it does not serve', () => {
    const { settings, issues } = loadSettings({ file: FILE });
    assert.ok(settings !== undefined);
    assert.deepEqual(
      issues.map(({ severity, message }) => `${severity}: ${message}`),
      [
        'warning: unknown key is ignored',
        'warning: proxy v1: type vless is not served by this version',
        'warning: proxy t1: type trojan is not served by this version',
        'warning: proxy v_m: type vmess is not served by this version',
      ],
    );
  });

  for (const [request, expected] of [
    [{ host: 'www.cn.example' }, { rule: 'RuleSet(direct-domain)', target: 'DIRECT' }],
    [{ host: 'y.sub.example' }, { rule: 'RuleSet(direct-domain)', target: 'DIRECT' }],
    [{ host: 'aa.example' }, { rule: 'DomainRegex(^a{1,3}\\.example$)', target: 'pick' }],
    [
      { host: '10.9.1.1', port: 80 },
      { rule: 'RuleSet(mix)', target: 'fb' },
    ],
    [
      { host: 'a.ads.example' },
      { rule: 'OR(((DomainKeyword,ads) || (DomainSuffix,ad.example)))', target: 'REJECT' },
    ],
    [
      { host: 'site.cn.test', inboundType: 'HTTPS' },
      { rule: 'GeoSite(cn)', target: 'DIRECT' },
    ],
    [
      { host: '203.0.113.9', inboundType: 'HTTPS' },
      { rule: 'GeoIP(cn)', target: 'DIRECT' },
    ],
    [
      { host: 'x.test', inboundType: 'HTTPS' },
      { rule: 'Match', target: 'pick' },
    ],
  ] as const) {
    it(`routes ${request.host} by ${expected.rule}`, async () =>
      assert.deepEqual(await firstMatch(request), expected));
  }

  for (const host of ['one.example', 'sub.example']) {
    it(`does not take ${host} for a member of the domain set`, async () =>
      assert.notEqual((await firstMatch({ host })).rule, 'RuleSet(direct-domain)'));
  }

  it('rejects QUIC by the sub-rules, and passes over a group that forbids UDP', async () => {
    const quic = await firstMatch({ host: '1.1.1.1', network: 'udp' });
    assert.equal(quic.target, 'REJECT');
    assert.match(quic.rule, /^SubRules\(/);
    const other = await firstMatch({ host: '1.1.1.1', port: 53, network: 'udp' });
    assert.notEqual(other.target, 'lb');
    assert.doesNotMatch(other.rule, /^SubRules\(/);
  });

  it('resolves what a rule had to know', async () => {
    const { destinationIp } = await plane.control.explain({
      host: 'x.test',
      port: 443,
      network: 'tcp',
      sourceIp: '10.1.1.1',
      inboundType: 'HTTPS',
    });
    assert.equal(destinationIp, '192.0.2.1');
  });
});
