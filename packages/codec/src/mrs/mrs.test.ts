import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import type { Ipv6Words } from '@sluice/base/ip';
import fc from 'fast-check';
import { type MrsDomains, parseMrsDomains } from './domains.ts';
import { encodeMrsDomains } from './encode-domains.ts';
import { parseMrsHeader } from './header.ts';
import { encodeMrsRanges, type MrsRange, parseMrsRanges } from './ranges.ts';

function listOf(domains: MrsDomains): string[] {
  const list: string[] = [];
  while (domains.next()) list.push(Buffer.from(domains.bytes).toString('utf8', domains.start, domains.end));
  return list;
}

function readDomains(bytes: Uint8Array): string[] {
  const reader = new ByteReader(bytes);
  parseMrsHeader(reader);
  return listOf(parseMrsDomains(reader));
}

function readRanges(bytes: Uint8Array): MrsRange[] {
  const reader = new ByteReader(bytes);
  parseMrsHeader(reader);
  return [...parseMrsRanges(reader)];
}

/** `+.a` comes back as the name and as what is below it. */
function expected(patterns: readonly string[]): string[] {
  const split = patterns.flatMap((each) => (each.startsWith('+.') ? [each.slice(2), each.slice(1)] : [each]));
  return [...new Set(split)].sort();
}

const label = fc.constantFrom('a', 'b', 'cd', 'com', '*', 'é', '例子', '😀');
const pattern = fc
  .tuple(fc.constantFrom('', '.', '+.'), fc.array(label, { minLength: 1, maxLength: 4 }))
  .map(([prefix, labels]) => prefix + labels.join('.'));

// Header, then the trie of `a` and `.b` by hand: root has children "a" and "b"; node 1 ends `a`; "b" has the child ".", and that "+".
const GOLDEN = Buffer.from(
  [
    '4d525301' + '00' + '0000000000000002' + '0000000000000000',
    '01',
    // Leaves: nodes 1 and 4.
    '0000000000000001' + '0000000000000012',
    // Child bits from bit 0: 0 0 1 | 1 | 0 1 | 0 1 | 1.
    '0000000000000001' + '00000000000001ac',
    '0000000000000004' + '61622e2b',
  ].join(''),
  'hex',
);

describe('MRS domains', () => {
  it('reads a trie written by hand', () => {
    assert.deepEqual(readDomains(GOLDEN), ['a', '.b']);
    assert.deepEqual(encodeMrsDomains(['a', '.b']), GOLDEN);
  });

  it('reads what was written', () => {
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 40 }), (patterns) => {
        assert.deepEqual(readDomains(encodeMrsDomains(patterns)).sort(), expected(patterns));
      }),
    );
  });

  it('reads a list of some size', () => {
    const patterns = Array.from({ length: 5000 }, (_, index) => `+.host${index * 13}.d${index % 71}.test`);
    assert.deepEqual(readDomains(encodeMrsDomains(patterns)).sort(), expected(patterns));
  });

  it('refuses a trie that is not one', () => {
    const cases = [
      { at: 0, value: 0, code: 'mrs-magic' },
      { at: 3, value: 2, code: 'mrs-magic' },
      { at: 4, value: 7, code: 'mrs-behavior' },
      { at: 13, value: 0x80, code: 'mrs-length' },
      { at: 20, value: 200, code: 'truncated' },
      { at: 21, value: 2, code: 'mrs-version' },
      { at: 29, value: 0, code: 'mrs-length' },
      { at: 22, value: 0x80, code: 'mrs-length' },
      { at: 22, value: 0x70, code: 'truncated' },
      { at: 53, value: 0xff, code: 'mrs-trie' },
      { at: 53, value: 0x00, code: 'mrs-trie' },
    ];
    for (const { at, value, code } of cases) {
      const bytes = Buffer.from(GOLDEN);
      bytes[at] = value;
      assert.throws(
        () => readDomains(bytes),
        (error) => error instanceof ProtocolError && error.code === code,
        `${at} ${value} ${code}`,
      );
    }
  });
});

describe('MRS ranges', () => {
  const word = fc.nat(0xffff_ffff);
  const words = fc.tuple(word, word, word, word);

  it('reads what was written', () => {
    fc.assert(
      fc.property(fc.array(words, { minLength: 1 }), (starts) => {
        const ranges = starts.map((from): MrsRange => {
          const to: Ipv6Words = [from[0], from[1], from[2], 0xffff_ffff];
          return { from, to };
        });
        assert.deepEqual(readRanges(encodeMrsRanges(ranges)), ranges);
      }),
    );
  });

  it('refuses a range that ends before it starts', () => {
    const bytes = encodeMrsRanges([{ from: [0, 0, 1, 0], to: [0, 0, 0, 9] }]);
    assert.throws(() => readRanges(bytes), { code: 'mrs-range' });
  });
});

describe('MRS files that were tampered with', () => {
  const files = [
    encodeMrsDomains(['+.example.com', 'a.b', '*.c.d', '.例.test', ...'abcdefgh']),
    encodeMrsRanges([{ from: [0, 0, 0xffff, 1], to: [0, 0, 0xffff, 9] }]),
  ];
  const edit = fc.record({ at: fc.nat(200), value: fc.nat(255) });

  it('give entries or a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(edit, { maxLength: 6 }),
        fc.option(fc.nat(200)),
        (file, edits, cut) => {
          const bytes = Buffer.from(file);
          for (const { at, value } of edits) bytes[at % bytes.length] = value;
          const input = cut === null ? bytes : bytes.subarray(0, cut);
          for (const read of [readDomains, readRanges]) {
            try {
              read(input);
            } catch (error) {
              assert.ok(error instanceof ProtocolError, String(error));
            }
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('do not take long however deep the trie is', () => {
    const deep = encodeMrsDomains([`${'a'.repeat(1024)}`]);
    assert.equal(readDomains(deep)[0]?.length, 1024);
    assert.throws(() => readDomains(encodeMrsDomains(['a'.repeat(1025)])), { code: 'mrs-too-large' });
  });
});
