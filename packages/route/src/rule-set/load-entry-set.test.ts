import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { GatewayError } from '@sluice/base/errors';
import type { Ipv6Words } from '@sluice/base/ip';
import { encodeMrsDomains } from '@sluice/codec/mrs/encode-domains';
import { encodeMrsRanges } from '@sluice/codec/mrs/ranges';

import fc from 'fast-check';
import { testFlow, testResources } from '../rule/testing/rule-resources.ts';
import type { EntrySet } from './entry-set.ts';
import {
  type EntryContent,
  type EntrySetOptions,
  loadEntrySet,
  loadEntrySetAsync,
} from './load-entry-set.ts';

const resources = testResources();

function load(content: EntryContent | string, options: EntrySetOptions, warnings: string[] = []): EntrySet {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return loadEntrySet(bytes, options, resources, (message) => warnings.push(message));
}

function flowTo(host: string, destinationIp = '') {
  return testFlow({ host, destinationIp, sourceIp: '10.1.1.1' });
}

const HOSTS = ['b.com', 'x.b.com', 'y.x.b.com', 'a.net', 'x.a.net', 'localhost', 'q.a.q', 'é.test'];

describe('domain sets', () => {
  const patterns = ['+.b.com', '*.a.net', 'q.*.q', '.é.test', 'é.test'];

  it('match alike from each format', () => {
    const sets = [
      load(`payload:\n${patterns.map((each) => `- '${each}'`).join('\n')}`, {
        behavior: 'domain',
        format: 'yaml',
      }),
      load(patterns.join('\n'), { behavior: 'domain', format: 'text' }),
      load(zstdCompressSync(encodeMrsDomains(patterns)), { behavior: 'domain', format: 'mrs' }),
      load(patterns, { behavior: 'domain', format: 'yaml' }),
    ];
    for (const set of sets) {
      assert.equal(set.count, patterns.length);
      assert.equal(set.wantsIp, false);
      assert.deepEqual(
        HOSTS.filter((host) => set.hasDomain(host)),
        ['b.com', 'x.b.com', 'y.x.b.com', 'x.a.net', 'q.a.q', 'é.test'],
      );
      assert.equal(set.matches(flowTo('x.b.com'), false), true);
      assert.equal(set.matches(flowTo('x.c.com'), false), false);
      assert.equal(set.matches(flowTo('', '10.0.0.1'), false), false);
      assert.equal(set.hasIp('10.0.0.1'), false);
    }
  });

  it('look at the sniffed name first', () => {
    const set = load('a.test', { behavior: 'domain', format: 'text' });
    const flow = flowTo('b.test');
    flow.sniffHost = 'a.test';
    assert.equal(set.matches(flow, false), true);
    flow.sniffHost = 'c.test';
    flow.host = 'a.test';
    assert.equal(set.matches(flow, false), false);
  });

  it('leave bad entries out with a limited number of warnings', () => {
    const warnings: string[] = [];
    const lines = ['ok.test', 'a/b', '+.', ...Array.from({ length: 100 }, () => 'x.')];
    const set = load(lines.join('\n'), { behavior: 'domain', format: 'text' }, warnings);
    assert.equal(set.count, 1);
    assert.equal(warnings.length, 21);
    assert.equal(warnings[0], 'invalid domain:[a/b]');
    assert.equal(warnings.at(-1), '82 more entries are left out');
  });
});

describe('address sets', () => {
  it('match alike from each format', () => {
    const prefixes = ['10.0.0.0/8', '2001:db8::/32'];
    const ranges: { from: Ipv6Words; to: Ipv6Words }[] = [
      { from: [0, 0, 0xffff, 0x0a000000], to: [0, 0, 0xffff, 0x0affffff] },
      { from: [0x20010db8, 0, 0, 0], to: [0x20010db8, 0xffffffff, 0xffffffff, 0xffffffff] },
    ];
    const sets = [
      load(`payload:\n  - ${prefixes.join('\n  - ')}`, { behavior: 'ipcidr', format: 'yaml' }),
      load(prefixes.join('\r\n'), { behavior: 'ipcidr', format: 'text' }),
      load(zstdCompressSync(encodeMrsRanges(ranges)), { behavior: 'ipcidr', format: 'mrs' }),
    ];
    for (const set of sets) {
      assert.equal(set.count, 2);
      assert.equal(set.wantsIp, true);
      assert.equal(set.hasIp('10.255.255.255'), true);
      assert.equal(set.hasIp('11.0.0.0'), false);
      assert.equal(set.hasIp('2001:db8::1'), true);
      assert.equal(set.hasIp('::'), false);
      assert.equal(set.matches(flowTo('', '10.2.2.2'), false), true);
      assert.equal(set.matches(flowTo('', '11.2.2.2'), false), false);
      assert.equal(set.matches(flowTo('', '11.2.2.2'), true), true);
      assert.equal(set.matches(flowTo('a.test'), false), false);
      assert.equal(set.hasDomain('a.test'), false);
    }
  });

  it('refuse addresses without a length', () => {
    const warnings: string[] = [];
    const set = load('1.1.1.1\n2.2.2.2/33\nx', { behavior: 'ipcidr', format: 'text' }, warnings);
    assert.equal(set.count, 0);
    assert.equal(set.wantsIp, false);
    assert.deepEqual(warnings[0], 'invalid Ipcidr:[1.1.1.1]');
    assert.equal(warnings.length, 3);
  });
});

describe('classical sets', () => {
  const text =
    'DOMAIN-SUFFIX,x.example\nIP-CIDR,10.9.0.0/16,no-resolve\nAND,((NETWORK,UDP),(DST-PORT,443))\nMATCH\nNO,x';

  it('match what a line matches', () => {
    const warnings: string[] = [];
    const set = load(text, { behavior: 'classical', format: 'text' }, warnings);
    assert.equal(set.count, 3);
    assert.equal(warnings.length, 2);
    assert.equal(set.matches(flowTo('a.x.example'), false), true);
    assert.equal(set.matches(flowTo('', '10.9.1.1'), false), true);
    assert.equal(set.matches(flowTo('y.example'), false), false);
    assert.equal(set.hasDomain('x.example'), true);
    assert.equal(set.hasIp('10.9.1.1'), true);
  });

  it('take plain names and others alike', () => {
    const lines = [
      'DOMAIN,A.test',
      'DOMAIN-SUFFIX,b.test',
      'DOMAIN-SUFFIX,.c.test',
      'DOMAIN, d.test',
      'DOMAIN,é.test',
    ];
    const set = load(lines, { behavior: 'classical', format: 'yaml' });
    assert.equal(set.count, 5);
    for (const host of ['a.test', 'b.test', 'x.b.test', 'c.test', 'd.test', 'xn--9ca.test']) {
      assert.equal(set.hasDomain(host), true, host);
      assert.equal(set.matches(flowTo(host), true), true, host);
    }
    assert.equal(set.hasDomain('x.a.test'), false);
    assert.equal(set.wantsIp, false);
  });

  it('have their geo databases made present', async () => {
    const asked: string[][] = [];
    const warnings: string[] = [];
    await loadEntrySetAsync(
      ['GEOIP,lan', 'OR,((GEOSITE,cn),(DOMAIN,a))', 'IP-ASN,1'],
      { behavior: 'classical', format: 'yaml' },
      resources,
      (message) => warnings.push(message),
      async (kinds) => {
        asked.push([...kinds].sort());
        throw new Error('no way there');
      },
    );
    assert.deepEqual(asked, [['asn', 'geosite']]);
    assert.equal(warnings[0], 'no way there');
  });
});

describe('rule set files', () => {
  it('are refused with the text to show', async () => {
    const mrs = zstdCompressSync(encodeMrsDomains(['a.test']));
    const bad = Buffer.from(encodeMrsDomains(['a.test']));
    bad[0] = 0;
    const cases: readonly [Uint8Array, EntrySetOptions, RegExp][] = [
      [mrs, { behavior: 'classical', format: 'mrs' }, /^invalid format$/],
      [mrs, { behavior: 'ipcidr', format: 'mrs' }, /^invalid behavior$/],
      [zstdCompressSync(bad), { behavior: 'domain', format: 'mrs' }, /^invalid MrsMagic bytes$/],
      [Buffer.from('<html>'), { behavior: 'domain', format: 'mrs' }, /./],
      [zstdCompressSync(Buffer.alloc(65 * 2 ** 20)), { behavior: 'domain', format: 'mrs' }, /larger than/],
      [
        Buffer.from('<html>'),
        { behavior: 'classical', format: 'yaml' },
        /^file must have a `payload` field$/,
      ],
    ];
    for (const [bytes, options, message] of cases) {
      const wanted = { code: 'rule-set.content', message };
      assert.throws(() => load(bytes, options), wanted);
      await assert.rejects(
        loadEntrySetAsync(bytes, options, resources, () => undefined),
        wanted,
      );
    }
  });

  it('of any bytes give a set or a GatewayError', () => {
    const good = encodeMrsDomains(['+.a.test', 'b.*.test']);
    const options = fc.record({
      behavior: fc.constantFrom('domain', 'ipcidr', 'classical'),
      format: fc.constantFrom('yaml', 'text', 'mrs'),
    });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
        const changed = Uint8Array.from(good);
        changed[at] = value;
        return zstdCompressSync(changed);
      }),
    );
    fc.assert(
      fc.property(bytes, options, (content, each) => {
        try {
          load(content, each);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('loaded in turns leave time for others', async () => {
    const lines = Array.from({ length: 60_000 }, (_, index) => `n${index}.test`).join('\n');
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const options: EntrySetOptions = { behavior: 'domain', format: 'text' };
    const set = await loadEntrySetAsync(Buffer.from(lines), options, resources, () => undefined);
    done = true;
    assert.equal(set.count, 60_000);
    assert.ok(turns >= 5, `${turns} turns`);
  });
});
