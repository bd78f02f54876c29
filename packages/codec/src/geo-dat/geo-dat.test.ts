import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import type { IpAddress } from '@sluice/base/ip';
import fc from 'fast-check';
import { encodeGeoIpList, encodeGeoSiteList, type SiteDomainValue } from './encode-geo.ts';
import { type GeoIpList, type GeoNetwork, parseGeoIp } from './geo-ip.ts';
import { scanGeoList } from './geo-list.ts';
import { parseGeoSite, SITE_DOMAIN, SITE_FULL } from './geo-site.ts';

function sitesOf(bytes: Uint8Array): Record<string, SiteDomainValue[]> {
  const lists: Record<string, SiteDomainValue[]> = {};
  for (const [code, { start, end }] of scanGeoList(bytes)) {
    lists[code] = Array.from(parseGeoSite(bytes, start, end), (domain) => ({
      type: domain.type,
      value: Buffer.from(bytes).toString('utf8', domain.start, domain.end),
      attributes: domain.attributes,
    }));
  }
  return lists;
}

function networksOf(bytes: Uint8Array): Record<string, GeoIpList> {
  const lists: Record<string, GeoIpList> = {};
  for (const [code, { start, end }] of scanGeoList(bytes)) lists[code] = parseGeoIp(bytes, start, end);
  return lists;
}

const code = fc.stringMatching(/^[a-z][a-z0-9!-]{0,10}$/);
const site = fc.record(
  {
    type: fc.nat(3),
    value: fc.string({ maxLength: 30 }),
    attributes: fc.array(fc.constantFrom('ads', 'cn'), { maxLength: 2 }),
  },
  { noNullPrototype: true },
);
const word = fc.nat(0xffff_ffff);
const network: fc.Arbitrary<GeoNetwork> = fc.oneof(
  fc.record(
    { address: word.map((value): IpAddress => ({ family: 4, value })), prefixLength: fc.nat(32) },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      address: fc.tuple(word, word, word, word).map((words): IpAddress => ({ family: 6, words })),
      prefixLength: fc.nat(128),
    },
    { noNullPrototype: true },
  ),
);

// A list "CN" of two domains: type 2 "cn"; type 3 "a.b" with the attribute "ads", which is true.
const SITES = Buffer.from(
  ['0a1e', '0a02434e', '1206', '08021202636e', '1210', '08031203612e62', '1a07', '0a036164731001'].join(''),
  'hex',
);

describe('geo data files', () => {
  it('read a file written by hand', () => {
    assert.deepEqual(sitesOf(SITES), {
      cn: [
        { type: SITE_DOMAIN, value: 'cn', attributes: [] },
        { type: SITE_FULL, value: 'a.b', attributes: ['ads'] },
      ],
    });
    assert.deepEqual(
      encodeGeoSiteList({
        CN: [
          { type: SITE_DOMAIN, value: 'cn' },
          { type: SITE_FULL, value: 'a.b', attributes: ['ads'] },
        ],
      }),
      SITES,
    );
  });

  it('read sites that were written', () => {
    fc.assert(
      fc.property(fc.dictionary(code, fc.array(site), { noNullPrototype: true }), (lists) => {
        assert.deepEqual(sitesOf(encodeGeoSiteList(lists)), lists);
      }),
    );
  });

  it('read networks that were written', () => {
    const list = fc.record({ networks: fc.array(network), reverse: fc.boolean() }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.dictionary(code, list, { noNullPrototype: true }), (lists) => {
        assert.deepEqual(networksOf(encodeGeoIpList(lists)), lists);
      }),
    );
  });

  it('find lists in any case and take the first of two', () => {
    const bytes = Buffer.concat([
      encodeGeoSiteList({ Google: [{ type: 2, value: 'a' }] }),
      encodeGeoSiteList({ GOOGLE: [{ type: 2, value: 'b' }] }),
    ]);
    assert.equal(sitesOf(bytes)['google']?.[0]?.value, 'a');
  });

  it('skip fields that are not known', () => {
    const entry = encodeGeoSiteList({ X: [{ type: 3, value: 'v' }] });
    const unknown = Buffer.from('2a0161' + '3001' + '390000000000000000' + '4500000000', 'hex');
    assert.equal(sitesOf(Buffer.concat([unknown, entry, unknown]))['x']?.[0]?.value, 'v');
  });

  it('give lists or a ProtocolError when they were tampered with', () => {
    const files = [
      encodeGeoSiteList({ CN: [{ type: 2, value: 'cn', attributes: ['a'] }], US: [{ type: 0, value: 'x' }] }),
      encodeGeoIpList({
        CN: { networks: [{ address: { family: 4, value: 1 }, prefixLength: 8 }], reverse: true },
      }),
    ];
    const edit = fc.record({ at: fc.nat(200), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(edit, { maxLength: 5 }), (file, edits) => {
        const bytes = Buffer.from(file);
        for (const { at, value } of edits) bytes[at % bytes.length] = value;
        for (const read of [sitesOf, networksOf]) {
          try {
            read(bytes);
          } catch (error) {
            assert.ok(error instanceof ProtocolError, String(error));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('refuse groups and endless numbers', () => {
    for (const hex of ['0b', '0000', `0a${'ff'.repeat(12)}`, '0a05']) {
      assert.throws(() => scanGeoList(Buffer.from(hex, 'hex')), ProtocolError, hex);
    }
  });
});
