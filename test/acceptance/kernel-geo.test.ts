import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseCidr } from '@sluice/base/ip';
import { encodeGeoIpList, encodeGeoSiteList } from '@sluice/codec/geo-dat/encode-geo';
import { encodeMmdb } from '@sluice/codec/mmdb/encode-mmdb';
import { KernelScene, type RouteKeys, type ScriptedWeb } from '../support/kernel-scene.ts';
import { until } from '../support/until.ts';

function cidrOf(text: string) {
  const cidr = parseCidr(text);
  assert.ok(cidr !== undefined);
  return cidr;
}

const countries = (code: string) =>
  encodeMmdb({
    databaseType: 'GeoLite2-Country',
    recordSize: 24,
    ipVersion: 6,
    networks: [
      { cidr: cidrOf('203.0.113.0/24'), value: new Map([['country', new Map([['iso_code', code]])]]) },
    ],
  });
const systems = () =>
  encodeMmdb({
    databaseType: 'GeoLite2-ASN',
    recordSize: 24,
    ipVersion: 6,
    networks: [
      {
        cidr: cidrOf('198.51.100.0/24'),
        value: new Map<string, number | string>([
          ['autonomous_system_number', 64_500],
          ['autonomous_system_organization', 'Test'],
        ]),
      },
    ],
  });
const sites = (domain: string) =>
  encodeGeoSiteList({ CN: [{ type: 2, value: domain }], 'CATEGORY-ADS': [{ type: 0, value: 'advert' }] });

describe('geo databases from a web server', () => {
  let scene: KernelScene;
  let web: ScriptedWeb;
  let keys: RouteKeys;

  beforeEach(async () => {
    scene = new KernelScene();
    web = await scene.web();
    web.answers.set('/mmdb', countries('CN'));
    web.answers.set('/asn', systems());
    web.answers.set('/site', sites('site.test'));
    web.answers.set(
      '/geoip',
      encodeGeoIpList({ CN: { networks: [cidrOf('192.0.2.0/24')], reverse: false } }),
    );
    keys = {
      'geox-url': {
        mmdb: `${web.base}/mmdb`,
        asn: `${web.base}/asn`,
        geosite: `${web.base}/site`,
        geoip: `${web.base}/geoip`,
      },
      rules: [
        'GEOSITE,cn,REJECT',
        'GEOSITE,category-ads,REJECT-DROP',
        'GEOIP,CN,REJECT,no-resolve',
        'IP-ASN,64500,REJECT,no-resolve',
        'MATCH,DIRECT',
      ],
    };
  });
  afterEach(() => scene.close());

  const ruleOf = async (host: string): Promise<string> => {
    const asked = { host, port: 443, network: 'tcp', sourceIp: '10.0.0.1' } as const;
    return (await scene.gateway.app.route.control.explain(asked)).rule;
  };
  const asked = () => web.requests.map(({ path }) => path).sort();

  it('fetches what rules need before they are in force, once, and nothing else', async () => {
    await scene.start(keys);
    assert.deepEqual(asked(), ['/asn', '/mmdb', '/site']);
    assert.equal(await ruleOf('www.site.test'), 'GeoSite');
    assert.equal(await ruleOf('x.advert.org'), 'GeoSite');
    assert.equal(await ruleOf('203.0.113.5'), 'GeoIP');
    assert.equal(await ruleOf('198.51.100.5'), 'IPASN');
    assert.equal(await ruleOf('192.0.2.5'), 'Match');
    for (const name of ['GeoSite.dat', 'geoip.metadb', 'ASN.mmdb'])
      assert.ok(existsSync(join(scene.folder, name)), name);
    await scene.stop();
    web.close();
    await scene.start(keys);
    assert.equal(await ruleOf('www.site.test'), 'GeoSite');
  });

  it('fetches nothing for rules that need nothing, and GeoIP.dat in dat mode', async () => {
    await scene.start({ ...keys, rules: ['GEOIP,lan,DIRECT', 'MATCH,DIRECT'] });
    assert.deepEqual(asked(), []);
    await scene.stop();
    await scene.start({
      ...keys,
      'geodata-mode': true,
      rules: ['GEOIP,CN,REJECT,no-resolve', 'MATCH,DIRECT'],
    });
    assert.deepEqual(asked(), ['/geoip']);
    assert.equal(await ruleOf('192.0.2.5'), 'GeoIP');
    assert.equal(await ruleOf('203.0.113.5'), 'Match');
  });

  it('downloads a broken file anew', async () => {
    writeFileSync(join(scene.folder, 'GeoSite.dat'), '<html>');
    writeFileSync(join(scene.folder, 'Country.mmdb'), 'nothing');
    await scene.start(keys);
    assert.equal(await ruleOf('www.site.test'), 'GeoSite');
    assert.equal(await ruleOf('203.0.113.5'), 'GeoIP');
  });

  for (const [path, text] of [
    ['/site', /can't download GeoSite\.dat: /],
    ['/mmdb', /can't download MMDB: /],
    ['/asn', /can't download ASN\.mmdb: /],
  ] as const) {
    it(`does not start with ${path.slice(1)} missing or broken, and says why`, async () => {
      web.answers.delete(path);
      await assert.rejects(scene.start(keys), text);
      web.answers.set(path, '<html>sign in</html>');
      await assert.rejects(scene.start(keys), /GeoSite|MMDB|ASN/);
    });
  }

  it('does not start with a list that is not there', async () => {
    await assert.rejects(
      scene.start({ ...keys, rules: ['GEOSITE,nowhere,DIRECT', 'MATCH,DIRECT'] }),
      /rules\[0\] \[GEOSITE,nowhere,DIRECT\] error: /,
    );
  });

  it('takes newer files when told to, and keeps the old ones when the new are broken', async () => {
    await scene.start(keys);
    web.answers.set('/site', sites('newer.test'));
    assert.equal((await scene.api('POST', '/configs/geo')).status, 204);
    await until('the newer list', async () =>
      (await ruleOf('a.newer.test')) === 'GeoSite' ? true : undefined,
    );
    assert.equal(await ruleOf('www.site.test'), 'Match');
    web.answers.set('/site', '<html>');
    await scene.api('POST', '/upgrade/geo');
    assert.equal(await ruleOf('a.newer.test'), 'GeoSite');
    assert.deepEqual(readFileSync(join(scene.folder, 'GeoSite.dat')), sites('newer.test'));
  });

  it('updates files that are older than the interval by itself', async () => {
    const file = join(scene.folder, 'GeoSite.dat');
    writeFileSync(file, sites('old.test'));
    const old = new Date(Date.now() - 48 * 3_600_000);
    utimesSync(file, old, old);
    const rules = ['GEOSITE,cn,REJECT', 'MATCH,DIRECT'];
    await scene.start({ ...keys, rules, 'geo-auto-update': true, 'geo-update-interval': 24 });
    await until('the update', async () => ((await ruleOf('a.site.test')) === 'GeoSite' ? true : undefined));
    assert.ok(statSync(file).mtimeMs > old.getTime() + 1_000);
    assert.equal(await ruleOf('a.old.test'), 'Match');
  });
});
