import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { type Cidr, parseCidr } from '@sluice/base/ip';
import { encodeGeoIpList, encodeGeoSiteList } from '@sluice/codec/geo-dat/encode-geo';
import type { MmdbValue } from '@sluice/codec/mmdb/decoder';
import { encodeMmdb } from '@sluice/codec/mmdb/encode-mmdb';
import type { Logger } from '@sluice/core/log/logger';
import type { Fetcher, FetchRequest, FetchResponse } from '../fetch/fetcher.ts';
import type { GeoSettings } from '../port.ts';
import type { GeoKind } from './geo-source.ts';
import { GeoStore } from './geo-store.ts';

const HOUR_MS = 3_600_000;

const SETTINGS: GeoSettings = {
  urls: {
    mmdb: 'http://geo.test/mmdb',
    asn: 'http://geo.test/asn',
    geoip: 'http://geo.test/geoip',
    geosite: 'http://geo.test/geosite',
  },
  autoUpdate: false,
  updateIntervalHours: 24,
  datMode: false,
  loader: 'memconservative',
  siteMatcher: 'succinct',
};

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  assert.ok(cidr);
  return cidr;
}

function mmdbOf(databaseType: string, value: MmdbValue): Buffer {
  const networks = [{ cidr: cidrOf('1.0.0.0/8'), value }];
  return encodeMmdb({ databaseType, recordSize: 24, ipVersion: 6, networks });
}

function sitesOf(domain: string, others: readonly string[] = []): Buffer {
  const lists: Record<string, { type: number; value: string; attributes?: string[] }[]> = {
    CN: [
      { type: 2, value: domain },
      { type: 3, value: 'Full.test', attributes: ['ads'] },
      { type: 0, value: 'KeyWord' },
      { type: 1, value: '^r[0-9]+\\.video\\.test$' },
      { type: 1, value: '((broken' },
    ],
  };
  for (const other of others) lists[other] = [{ type: 2, value: 'other.test' }];
  return encodeGeoSiteList(lists);
}

const CN_IPS = encodeGeoIpList({
  CN: { networks: [cidrOf('1.0.0.0/8'), cidrOf('2001:db8::/32')], reverse: false },
  REST: { networks: [cidrOf('1.0.0.0/8')], reverse: true },
});

/** Answers with what is put into `files` by URL; others are not found. */
class FakeFetcher implements Fetcher {
  readonly files = new Map<string, Uint8Array>();
  readonly requests: FetchRequest[] = [];
  hold: Promise<void> = Promise.resolve();

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    this.requests.push(request);
    await this.hold;
    const body = this.files.get(request.url);
    const headers = new Map<string, string>();
    if (body === undefined)
      return { status: 404, statusLine: '404 Not Found', headers, body: new Uint8Array(0) };
    return { status: 200, statusLine: '200 OK', headers, body };
  }
}

function recordingLogger(lines: string[]): Logger {
  const log = (message: string): void => void lines.push(message);
  const logger: Logger = {
    enabled: () => true,
    debug: log,
    info: log,
    warning: log,
    error: log,
    child: () => logger,
  };
  return logger;
}

describe('GeoStore', () => {
  let directory: string;
  let fetcher: FakeFetcher;
  let lines: string[];
  let clock: FakeClock;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'geo-'));
    fetcher = new FakeFetcher();
    lines = [];
    clock = new FakeClock(Date.now());
  });
  afterEach(() => rm(directory, { recursive: true }));

  const open = (settings: Partial<GeoSettings> = {}): GeoStore =>
    new GeoStore({
      directory,
      settings: { ...SETTINGS, ...settings },
      fetcher,
      clock,
      logger: recordingLogger(lines),
    });
  const put = (name: string, bytes: Uint8Array) => writeFile(join(directory, name), bytes);
  const kinds = (...list: GeoKind[]) => new Set(list);

  it('finds files in any case and asks nobody for them', async () => {
    await put('GEOIP.metadb', mmdbOf('Meta-geoip0', ['CN', 'cloudflare']));
    await put(
      'asn.MMDB',
      mmdbOf(
        'GeoLite2-ASN',
        new Map<string, MmdbValue>([
          ['autonomous_system_number', 13335],
          ['autonomous_system_organization', 'CLOUDFLARENET'],
        ]),
      ),
    );
    await put('geosite.dat', sitesOf('a.test'));
    await put('geoip.DAT', CN_IPS);
    const store = open();
    await store.ensure(kinds('mmdb', 'asn', 'geosite', 'geoip'));
    assert.deepEqual(store.countriesOf('1.2.3.4'), ['cn', 'cloudflare']);
    assert.deepEqual(store.countriesOf('::ffff:1.2.3.4'), ['cn', 'cloudflare']);
    assert.deepEqual(store.countriesOf('2.2.3.4'), []);
    assert.deepEqual(store.countriesOf('no address'), []);
    assert.deepEqual(store.asnOf('1.1.1.1'), { number: '13335', organization: 'CLOUDFLARENET' });
    assert.deepEqual(store.asnOf('9.1.1.1'), { number: '', organization: '' });
    assert.equal(fetcher.requests.length, 0);
    assert.deepEqual(
      store.databases().map(({ kind }) => kind),
      ['mmdb', 'asn', 'geoip', 'geosite'],
    );
  });

  for (const { type, value, codes } of [
    { type: 'sing-geoip', value: 'CN', codes: ['cn'] },
    { type: 'Meta-geoip0', value: 'google', codes: ['google'] },
    { type: 'GeoLite2-Country', value: new Map([['country', new Map([['iso_code', 'DE']])]]), codes: ['de'] },
    { type: 'GeoLite2-Country', value: new Map([['continent', 'x']]), codes: [] },
  ] as const) {
    it(`reads ${type} ${codes}`, async () => {
      await put('country.mmdb', mmdbOf(type, value));
      assert.deepEqual(open().countriesOf('1.1.1.1'), codes);
    });
  }

  it('reads the AS numbers of ipinfo', async () => {
    const record = new Map([
      ['asn', 'AS64500'],
      ['name', 'Example'],
    ]);
    await put('ASN.mmdb', mmdbOf('ipinfo generic_asn_free.mmdb', record));
    assert.deepEqual(open().asnOf('1.1.1.1'), { number: '64500', organization: 'Example' });
  });

  it('matches domains of each type, and only those with the attributes', async () => {
    await put('GeoSite.dat', sitesOf('a.test', ['OTHER']));
    const store = open();
    const list = store.siteList('cn', []);
    assert.equal(list.size, 5);
    for (const host of ['a.test', 'x.a.test', 'full.test', 'mykeywords.org', 'r12.video.test']) {
      assert.equal(list.matches(host), true, host);
    }
    for (const host of ['ba.test', 'x.full.test', 'r.video.test', 'xr12.video.test', 'other.test']) {
      assert.equal(list.matches(host), false, host);
    }
    const ads = store.siteList('CN', ['ADS']);
    assert.equal(ads.size, 1);
    assert.equal(ads.matches('full.test'), true);
    assert.equal(ads.matches('a.test'), false);
    assert.throws(() => store.siteList('nowhere', []), { code: 'geo.list' });
  });

  it('matches networks, reversed ones too', async () => {
    await put('GeoIP.dat', CN_IPS);
    const store = open({ datMode: true });
    const list = store.ipList('CN');
    assert.equal(list.size, 2);
    assert.equal(store.ipListSize('cn'), 2);
    assert.equal(store.ipListSize('xx'), 0);
    assert.equal(list.matches('1.1.1.1'), true);
    assert.equal(list.matches('2.1.1.1'), false);
    assert.equal(list.matches('2001:db8::1'), true);
    assert.equal(store.ipList('rest').matches('1.1.1.1'), false);
    assert.equal(store.ipList('rest').matches('2.1.1.1'), true);
  });

  it('says what is missing', () => {
    const store = open();
    for (const ask of [
      () => store.countriesOf('1.1.1.1'),
      () => store.asnOf('1.1.1.1'),
      () => store.siteList('cn', []),
      () => store.ipList('cn'),
    ]) {
      assert.throws(ask, { code: 'geo.missing' });
    }
  });

  it('downloads what is missing', async () => {
    fetcher.files.set(SETTINGS.urls.mmdb, mmdbOf('sing-geoip', 'cn'));
    const store = open();
    await Promise.all([store.ensure(kinds('mmdb')), store.ensure(kinds('mmdb'))]);
    assert.deepEqual(store.countriesOf('1.1.1.1'), ['cn']);
    assert.deepEqual(await readdir(directory), ['geoip.metadb']);
    assert.equal(fetcher.requests.length, 1);
    assert.equal(fetcher.requests[0]?.timeoutMs, 90_000);
    assert.equal(lines[0], "Can't find MMDB, start download");
  });

  it('replaces a file that cannot be read', async () => {
    await put('geosite.dat', Buffer.from('<html>'));
    fetcher.files.set(SETTINGS.urls.geosite, sitesOf('a.test'));
    const store = open();
    await store.ensure(kinds('geosite'));
    assert.equal(store.siteList('cn', []).matches('a.test'), true);
    assert.match(lines[0] ?? '', /^GeoSite.dat invalid, remove and download: /);
    assert.deepEqual(await readdir(directory), ['geosite.dat']);
  });

  it('fails with the text to show', async () => {
    const store = open();
    await assert.rejects(store.ensure(kinds('geosite')), {
      message: "can't download GeoSite.dat: 404 Not Found (http://geo.test/geosite)",
    });
    await assert.rejects(store.ensure(kinds('geoip')), {
      message: "can't download GeoIP.dat: 404 Not Found (http://geo.test/geoip)",
    });
    await assert.rejects(store.ensure(kinds('mmdb')), {
      message: "can't download MMDB: 404 Not Found (http://geo.test/mmdb)",
    });
    await assert.rejects(store.ensure(kinds('asn')), {
      message: "can't download ASN.mmdb: 404 Not Found (http://geo.test/asn)",
    });
    fetcher.files.set(SETTINGS.urls.geosite, Buffer.from('<html>'));
    await assert.rejects(store.ensure(kinds('geosite')), { code: 'geo.download' });
    assert.deepEqual(await readdir(directory), []);
  });

  it('serves what cannot be kept', async () => {
    // Temporary files get names next to the target, so a folder that is none refuses them.
    const nowhere = join(directory, 'none');
    fetcher.files.set(SETTINGS.urls.geosite, sitesOf('a.test'));
    const store = new GeoStore({
      directory: nowhere,
      settings: SETTINGS,
      fetcher,
      clock,
      logger: recordingLogger(lines),
    });
    await put('none', Buffer.from('a file'));
    await store.ensure(kinds('geosite'));
    assert.equal(store.siteList('cn', []).matches('a.test'), true);
    assert.match(lines.join('\n'), /GeoSite\.dat is not kept over a restart: /);
  });

  it('updates what is in use, and lists that were given out follow', async () => {
    await put('GeoSite.dat', sitesOf('old.test', ['GONE']));
    await put('geoip.metadb', mmdbOf('sing-geoip', 'cn'));
    const store = open();
    await store.ensure(kinds('geosite', 'mmdb'));
    const list = store.siteList('cn', []);
    const gone = store.siteList('gone', []);
    fetcher.files.set(SETTINGS.urls.geosite, sitesOf('new.test'));
    fetcher.files.set(SETTINGS.urls.mmdb, mmdbOf('sing-geoip', 'de'));
    await store.update();
    assert.deepEqual(
      fetcher.requests.map(({ url }) => url).sort(),
      [SETTINGS.urls.geosite, SETTINGS.urls.mmdb].sort(),
    );
    assert.equal(list.matches('new.test'), true);
    assert.equal(list.matches('old.test'), false);
    assert.equal(gone.matches('other.test'), true);
    assert.match(lines.join('\n'), /GeoSite.dat: gone stays as it was: list gone not found/);
    assert.deepEqual(store.countriesOf('1.1.1.1'), ['de']);
  });

  it('leaves a file that is the same alone but for its time', async () => {
    const path = join(directory, 'GeoSite.dat');
    await put('GeoSite.dat', sitesOf('a.test'));
    await utimes(path, 1000, 1000);
    const { ino } = await stat(path);
    const store = open();
    await store.ensure(kinds('geosite'));
    fetcher.files.set(SETTINGS.urls.geosite, sitesOf('a.test'));
    await store.update();
    assert.equal((await stat(path)).ino, ino);
    assert.equal(Math.round((await stat(path)).mtimeMs / 1000), Math.round(clock.now() / 1000));
  });

  it('keeps the file when an update fails', async () => {
    const good = sitesOf('a.test');
    await put('GeoSite.dat', good);
    const store = open();
    await store.ensure(kinds('geosite'));
    await assert.rejects(store.update(), {
      code: 'geo.update',
      message: "can't download GeoSite database file: 404 Not Found",
    });
    fetcher.files.set(SETTINGS.urls.geosite, encodeGeoSiteList({ US: [] }));
    await assert.rejects(store.update(), { message: /^invalid GeoSite database file: / });
    assert.deepEqual(await readFile(join(directory, 'GeoSite.dat')), good);
    assert.equal(store.siteList('cn', []).matches('a.test'), true);
  });

  it('updates once at a time', async () => {
    await put('GeoSite.dat', sitesOf('a.test'));
    fetcher.files.set(SETTINGS.urls.geosite, sitesOf('b.test'));
    const store = open();
    await store.ensure(kinds('geosite'));
    const first = store.update();
    await assert.rejects(store.update(), { code: 'geo.busy', message: 'GEO database is updating, skip' });
    await first;
    await store.update();
  });

  it('updates by itself when a file is old, and then at the interval', async () => {
    const path = join(directory, 'GeoSite.dat');
    await put('GeoSite.dat', sitesOf('a.test'));
    const old = clock.now() / 1000 - 25 * 3600;
    await utimes(path, old, old);
    const store = open({ autoUpdate: true });
    await store.ensure(kinds('geosite'));
    clock.advance(HOUR_MS);
    assert.equal(fetcher.requests.length, 0);
    store.start();
    assert.equal(fetcher.requests.length, 1);
    for (let turn = 0; turn < 50 && !lines.some((line) => line.includes('Failed')); turn++) await nextTurn();
    assert.match(lines.join('\n'), /\[GEO\] Failed to update GEO database: can't download GeoSite/);
    clock.advance(23 * HOUR_MS);
    assert.equal(fetcher.requests.length, 1);
    clock.advance(2 * HOUR_MS);
    assert.equal(fetcher.requests.length, 2);
    store.configure({ ...SETTINGS, autoUpdate: true, updateIntervalHours: 0 });
    assert.match(lines.join('\n'), /Invalid update interval: 0/);
    store.stop();
    clock.advance(100 * HOUR_MS);
    assert.equal(fetcher.requests.length, 2);
  });

  it('lets go of what nobody reads, and opens it again when asked', async () => {
    await put('geoip.metadb', mmdbOf('sing-geoip', 'cn'));
    await put('GeoSite.dat', sitesOf('a.test'));
    const store = open();
    await store.ensure(kinds('mmdb', 'geosite'));
    store.retain(kinds());
    await store.update();
    assert.equal(fetcher.requests.length, 0);
    const list = store.siteList('cn', []);
    store.retain(kinds());
    fetcher.files.set(SETTINGS.urls.geosite, sitesOf('b.test'));
    await store.update();
    assert.equal(list.matches('b.test'), true);
    assert.deepEqual(store.countriesOf('1.1.1.1'), ['cn']);
  });

  it('answers broken records and lists with nothing or a GatewayError', async () => {
    const broken = mmdbOf('sing-geoip', new Map([['a', 'b'.repeat(50)]]));
    broken.fill(0xff, broken.indexOf('b'.repeat(50)) - 4, broken.indexOf('b'.repeat(50)));
    await put('country.mmdb', broken);
    await put(
      'GeoSite.dat',
      Buffer.concat([sitesOf('a.test'), Buffer.from([0x0a, 0x04, 0x0a, 0x01, 0x78, 0x12])]),
    );
    const store = open();
    assert.deepEqual(store.countriesOf('1.1.1.1'), []);
    assert.throws(() => store.siteList('x', []), GatewayError);
  });
});
