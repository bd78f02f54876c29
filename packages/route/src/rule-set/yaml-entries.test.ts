import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { entryText, TextEntries } from './entry-cursor.ts';
import { yamlEntries } from './yaml-entries.ts';

function read(text: string, warnings: string[] = []): string[] {
  const entries = yamlEntries(Buffer.from(text), (message) => warnings.push(message));
  const list: string[] = [];
  while (entries.next()) list.push(entryText(entries));
  return list;
}

describe('yamlEntries', () => {
  for (const { name, text, list } of [
    { name: 'plain items', text: 'payload:\n  - a.test\n  - +.b.test\n', list: ['a.test', '+.b.test'] },
    { name: 'items without indent and CRLF', text: 'payload:\r\n- a\r\n- b\r\n', list: ['a', 'b'] },
    { name: 'rules as head', text: 'rules:\n - DOMAIN,a.test\n', list: ['DOMAIN,a.test'] },
    { name: 'what stands before the head', text: '# x\nname: y\n- z\npayload:\n- a\n', list: ['a'] },
    { name: 'a comment behind the head', text: 'payload: # mine\n- a', list: ['a'] },
    {
      name: 'comments and blank lines',
      text: 'payload:\n\n# c\n  # d\n- a # e\n- b#c\n-\n- # f\n',
      list: ['a', 'b#c'],
    },
    {
      name: 'single quotes',
      text: "payload:\n- 'a'\n- '*.b' # c\n- 'it''s'\n- ' c '\n",
      list: ['a', '*.b', "it's", 'c'],
    },
    { name: 'double quotes', text: 'payload:\n- "a"\n- "b\\u0021\\x21\\""\n- "\\q"\n', list: ['a', 'b!!"'] },
    {
      name: 'lines that are broken',
      text: "payload:\n- *.a\n- 'b\n- \"c\n- 'd' e\n- f: g\n- h:\n- [i]\n- {j: k}\n- &l m\n- - n\n-o\nx: y\n- z",
      list: ['z'],
    },
    {
      name: 'addresses',
      text: 'payload:\n- 2001:db8::/32\n- ::1/128\n- 10.0.0.0/8',
      list: ['2001:db8::/32', '::1/128', '10.0.0.0/8'],
    },
    { name: 'a byte order mark', text: '\ufeffpayload:\n- a', list: ['a'] },
    { name: 'a flow list', text: "payload: [a, '+.b', 1]\n", list: ['a', '+.b', '1'] },
    { name: 'a flow list over lines', text: 'payload: [\n a,\n b\n]\n', list: ['a', 'b'] },
    { name: 'JSON', text: ' {"payload": ["a", "b"]}', list: ['a', 'b'] },
    { name: 'an empty list', text: 'payload: []', list: [] },
    { name: 'no items', text: 'payload:\n', list: [] },
  ]) {
    it(`reads ${name}`, () => {
      assert.deepEqual(read(text), list);
    });
  }

  it('warns of items that are no text, not of other lines', () => {
    const warnings: string[] = [];
    assert.deepEqual(read('payload:\n- *.a\n  # b\n- # c\n-\nd: e\n- f', warnings), ['f']);
    assert.deepEqual(warnings, ['invalid line:[- *.a]']);
  });

  it('refuses files without a list', () => {
    const noPayload = { code: 'rule-set.content', message: 'file must have a `payload` field' };
    for (const text of ['', 'a\nb', '<html>', 'payload: x', 'xpayload:\n- a', '{"a": 1}', 'payloads:\n- a']) {
      assert.throws(() => read(text), noPayload, text);
    }
    assert.throws(() => read('payload: [a'), { code: 'rule-set.content' });
    assert.throws(() => read(`payload: [${'a,'.repeat(2 ** 20)}a]`), { code: 'rule-set.content' });
  });

  it('reads a written document as a YAML parser does', () => {
    const entry = fc.oneof(
      fc.stringMatching(/^[\w.*+,:#'"\\/ -]{1,12}$/),
      fc.string({ minLength: 1, maxLength: 8 }),
    );
    const style = fc.constantFrom('PLAIN', 'QUOTE_DOUBLE', 'QUOTE_SINGLE');
    fc.assert(
      fc.property(fc.array(entry), style, (list, defaultStringType) => {
        const text = stringify({ payload: list }, { lineWidth: 0, blockQuote: false, defaultStringType });
        const expected: string[] = parse(text).payload;
        fc.pre(!/[\u2028\u2029\x85]/.test(text) && list.every((each) => !/[\n\r]/.test(each)));
        assert.deepEqual(
          read(text),
          expected.map((each) => each.trim()),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('gives entries or a GatewayError for anything', () => {
    const line = fc.constantFrom(
      'payload:',
      '- ',
      "'",
      '"',
      '\\',
      '# ',
      ' ',
      'a',
      '\r',
      ':',
      '[',
      '\n',
      '{',
      '\0',
      'é',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (pieces) => {
        try {
          read(`payload:\n${pieces.join('')}`);
          read(pieces.join(''));
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('TextEntries', () => {
  it('reads trimmed lines without comments', () => {
    const entries = new TextEntries(Buffer.from('\ufeff a.test \r\n#x\n //y\n\n\t\n/z\n +.b.test'));
    const list: string[] = [];
    while (entries.next()) list.push(entryText(entries));
    assert.deepEqual(list, ['a.test', '/z', '+.b.test']);
  });
});
