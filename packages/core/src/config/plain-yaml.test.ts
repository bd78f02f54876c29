import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePlainYaml } from './plain-yaml.ts';
import { parseCompleteYaml } from './yaml.ts';

/** The two readers must agree on everything that the fast one reads at all. */
function assertSame(text: string): boolean {
  const plain = parsePlainYaml(text, 'test.yaml');
  if (plain === undefined) return false;
  const complete = parseCompleteYaml(text, 'test.yaml');
  assert.deepEqual({ node: plain, issues: [] }, complete, JSON.stringify(text));
  return true;
}

const PLAIN: readonly string[] = [
  'a: 1',
  'a:\nb: 1\n',
  '# head\na: x # note\n\nb: x#y\n',
  'proxies:\n  - {name: "a b", type: ss, port: 443, udp: true}\n  - {name: c, alpn: [h2, http/1.1], opts: {path: "/"}}\n',
  'a:\n- 1\n- b: 2\n  c: 3\n-\n  d: 4\ne: []\nf: {}\n',
  '- - a\n  - b\n- c: 1\n  d:\n    e: 2\n',
  "a: \"x\\u00e9\\n\\\"\" # c\nb: 'it''s'\n\"c\": 1\n'd' : 2\n",
  'a: 010\nb: +12\nc: 1_000\nd: 1.0\ne: 2024-01-01\nf: 12345678901234567890\ng: -0x1\nh: 1e3\ni: .5\nj: 5.\nk: ~\nl: 0o17\nm: 0xFf\nn: -\n'.replace(
    'n: -\n',
    '',
  ),
  'a: TRUE\nb: yes\nc: Null\nd: nul\ne: False\nf: -x\ng: --\nh: 1:20\n',
  'rules:\n  - DOMAIN-SUFFIX,a.test,DIRECT\n  - AND,((NETWORK,UDP),(DST-PORT,443)),REJECT\n  - MATCH,x y\n',
  'a: http://x:1/y?z=1\nb: {c: http://x/, d: 2001:db8::1}\n',
  '{"a":1,"b":[true,null,"c"],"d":{"e":"f"}}',
  'a   : 1\nb:    2   \nc: [ 1 , 2 , ]\nd: { e : 1 , }\n',
  'ключ: значение\n名: 字\n',
];

const NOT_PLAIN: readonly string[] = [
  '',
  'text',
  'a: &x 1\nb: *x',
  'a: |\n  text',
  'a: x\n  y',
  'a: "x\n  y"',
  'a: b: c',
  'a: 1\na: 2',
  'x: {<<: {a: 1}}',
  '- a\nb: 1',
  'a:\n  - 1\n b: 2',
  'a: [1,\n 2]',
  '--- \na: 1',
  '\ta: 1',
  'a: 1\r\nb: 2',
  'a: {b: }',
  'a: {b}',
  'a: [b: 1]',
  'a: .inf',
  'a: "x"y',
  'a: [1] x',
  'a: "\\q"',
  '? a\n: b',
  '!t a: 1',
  `${'k'.repeat(2000)}: 1`,
  `"k"${' '.repeat(2000)}: 1`,
  `{k${' '.repeat(2000)}: 1}`,
];

describe('plain YAML', () => {
  it('is read as the complete parser reads it', () => {
    for (const text of PLAIN) assert.equal(assertSame(text), true, text);
  });

  it('leaves everything else to the complete parser', () => {
    for (const text of NOT_PLAIN) assert.equal(parsePlainYaml(text, ''), undefined, text);
  });

  it('never disagrees with it', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'b',
        'c',
        '1',
        '-1',
        '.5',
        '0x',
        '~',
        'true',
        ': ',
        ':',
        '- ',
        '-',
        '\n',
        '\n',
        '\n  ',
        '\n    ',
        ' ',
        '  ',
      ],
      ...[
        '{',
        '}',
        '[',
        ']',
        ', ',
        ',',
        '"',
        "'",
        '#',
        ' #',
        '\\',
        '\\n',
        '\\x41',
        '<<',
        '&',
        '*',
        '|',
        '>',
        '!',
        '%',
        '@',
        '?',
        '…',
      ],
      ...['a: 1\n', 'k: v\n', '- x\n', '  - y: z\n', '{a: b}', '[1, x]', '"q"', "'s'", '---', '\n\n', 'é'],
    );
    const pieces = fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pieces, (text) => void assertSame(text)),
      { numRuns: 2_000 },
    );
    const mutated = fc
      .tuple(fc.constantFrom(...PLAIN), fc.array(fc.tuple(fc.nat(), piece, fc.nat(2)), { maxLength: 3 }))
      .map(([seed, changes]) =>
        changes.reduce((text, [at, part, drop]) => {
          const place = at % (text.length + 1);
          return text.slice(0, place) + part + text.slice(place + drop);
        }, seed),
      );
    fc.assert(
      fc.property(mutated, (text) => void assertSame(text)),
      { numRuns: 2_000 },
    );
  });

  it('gives up on depth instead of overflowing the stack', () => {
    assert.equal(parsePlainYaml(`a: ${'['.repeat(100_000)}`, ''), undefined);
    assert.equal(parsePlainYaml('- '.repeat(100_000), ''), undefined);
  });
});
