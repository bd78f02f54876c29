import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CidrEntry, CidrIndex } from './cidr-index.ts';
import type { DomainIndex } from './domain-index.ts';
import { DomainIndexBuilder } from './domain-index-builder.ts';
import { NO_RULE } from './domain-table.ts';
import { type Cidr, cidrContains, formatIp, type IpAddress, parseCidr, parseIp } from './ip.ts';
import { type KeywordEntry, KeywordIndex } from './keyword-index.ts';

type DomainEntry = { readonly name: string; readonly suffix: boolean; readonly rule: number };

function domainIndex(entries: readonly DomainEntry[]): DomainIndex {
  const builder = new DomainIndexBuilder(entries.length);
  for (const { name, suffix, rule } of entries) builder.add(name, suffix, rule);
  return builder.build();
}

/** What every index must answer: the first entry of the list, from `from` on, that covers the key. */
function firstOf<E extends { readonly rule: number }>(
  entries: readonly E[],
  from: number,
  covers: (entry: E) => boolean,
): number {
  return entries.find((entry) => entry.rule >= from && covers(entry))?.rule ?? NO_RULE;
}

const label = fc.constantFrom('a', 'b', 'cd', 'com', 'x-y', 'é', '例');
const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const from = fc.nat(14);

/** Gives entries rising rule numbers with gaps. */
const numbered = <T>(entry: fc.Arbitrary<T>, maxLength = 12) =>
  fc.array(fc.tuple(entry, fc.nat(1)), { maxLength }).map((list) => {
    let rule = -1;
    return list.map(([value, gap]) => {
      rule += 1 + gap;
      return { value, rule };
    });
  });

describe('DomainIndex', () => {
  it('finds exact names and suffixes at label borders only', () => {
    const index = domainIndex([
      { name: 'example.com', suffix: true, rule: 0 },
      { name: 'only.test', suffix: false, rule: 1 },
    ]);
    assert.equal(index.lookup('example.com'), 0);
    assert.equal(index.lookup('www.example.com'), 0);
    assert.equal(index.lookup('badexample.com'), NO_RULE);
    assert.equal(index.lookup('only.test'), 1);
    assert.equal(index.lookup('www.only.test'), NO_RULE);
    assert.equal(index.lookup(''), NO_RULE);
  });

  it('tells names apart whose hashes are the same', () => {
    const [first, second] = collidingNames();
    const index = domainIndex([
      { name: first, suffix: false, rule: 0 },
      { name: second, suffix: false, rule: 1 },
    ]);
    assert.equal(index.lookup(first), 0);
    assert.equal(index.lookup(second), 1);
    assert.equal(domainIndex([{ name: first, suffix: false, rule: 0 }]).lookup(second), NO_RULE);
  });

  it('tells the name of each rule, also of long and wide ones', () => {
    const names = ['a.test', 'b'.repeat(300), '例.test', 'a.test', 'c.test'];
    const index = domainIndex(names.map((name, place) => ({ name, suffix: true, rule: place * 2 })));
    for (const [place, name] of names.entries()) {
      assert.equal(index.nameOf(place * 2), name);
      assert.equal(index.lookup(name, place * 2), place * 2);
    }
    assert.equal(index.nameOf(1), '');
    assert.equal(index.nameOf(99), '');
  });

  it('answers as a walk of the list would', () => {
    const entry = fc.record({ name: domain, suffix: fc.boolean() });
    fc.assert(
      fc.property(numbered(entry), domain, from, (list, host, start) => {
        const entries: DomainEntry[] = list.map(({ value, rule }) => ({ ...value, rule }));
        const expected = firstOf(
          entries,
          start,
          ({ name, suffix }) => host === name || (suffix && host.endsWith(`.${name}`)),
        );
        assert.equal(domainIndex(entries).lookup(host, start), expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('KeywordIndex', () => {
  it('matches every host with the empty keyword', () => {
    assert.equal(new KeywordIndex([{ keyword: '', rule: 3 }]).lookup('any'), 3);
  });

  it('answers as a walk of the list would', () => {
    const text = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'é'), maxLength });
    fc.assert(
      fc.property(numbered(text(4)), text(10), from, (list, host, start) => {
        const entries: KeywordEntry[] = list.map(({ value, rule }) => ({ keyword: value, rule }));
        const expected = firstOf(entries, start, ({ keyword }) => host.includes(keyword));
        assert.equal(new KeywordIndex(entries).lookup(host, start), expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('CidrIndex', () => {
  /** Few distinct bits, so that prefixes nest and meet often; borders of words and of the address space included. */
  const ipv4 = fc.constantFrom(
    '0.0.0.0',
    '10.0.0.0',
    '10.0.0.1',
    '10.1.2.3',
    '127.255.255.255',
    '128.0.0.0',
    '255.255.255.255',
  );
  const ipv6 = fc.constantFrom(
    '::',
    '::1',
    '2001:db8::',
    '2001:db8:0:1::',
    '2001:db8::ffff:ffff',
    '2001:db8::1:0:0',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  );
  const prefix = fc.oneof(
    fc.tuple(ipv4, fc.constantFrom(0, 1, 8, 9, 16, 24, 31, 32)),
    fc.tuple(ipv6, fc.constantFrom(0, 1, 31, 32, 33, 64, 96, 97, 127, 128)),
  );

  it('answers as a walk of the list would', () => {
    fc.assert(
      fc.property(
        numbered(prefix, 16),
        fc.oneof(ipv4, ipv6, fc.ipV4(), fc.ipV6()),
        from,
        (list, ip, start) => {
          const entries: CidrEntry[] = list.map(({ value: [address, length], rule }) => {
            return { cidr: parseCidr(`${address}/${length}`) as Cidr, rule };
          });
          const address = parseIp(ip) as IpAddress;
          const expected = firstOf(entries, start, ({ cidr }) => cidrContains(cidr, address));
          assert.equal(new CidrIndex(entries).lookup(ip, start), expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('answers for tables large enough to be indexed by their top bits', () => {
    const entries: CidrEntry[] = [];
    for (let rule = 0; rule < 400; rule++) {
      const value = Math.imul(rule, 0x9e3779b1) >>> 0;
      const text = `${formatIp({ family: 4, value })}/${4 + (rule % 27)}`;
      entries.push({ cidr: parseCidr(text) as Cidr, rule });
    }
    const index = new CidrIndex(entries);
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(399), (ip, start) => {
        const address = parseIp(ip) as IpAddress;
        assert.equal(
          index.lookup(ip, start),
          firstOf(entries, start, ({ cidr }) => cidrContains(cidr, address)),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('finds nothing for what is not an address', () => {
    const index = new CidrIndex([{ cidr: parseCidr('0.0.0.0/0') as Cidr, rule: 0 }]);
    assert.equal(index.lookup(''), NO_RULE);
    assert.equal(index.lookup('example.com'), NO_RULE);
    assert.equal(index.lookup('::1'), NO_RULE);
  });
});

/** Two names with one 32-bit rolling hash, found by the birthday paradox. */
function collidingNames(): readonly [string, string] {
  const seen = new Map<number, string>();
  for (let number = 0; ; number++) {
    const name = number.toString(36).padStart(8, '0');
    let hash = 0;
    for (let index = name.length - 1; index >= 0; index--)
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    const other = seen.get(hash);
    if (other !== undefined) return [other, name];
    seen.set(hash, name);
  }
}
