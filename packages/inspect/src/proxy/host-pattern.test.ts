import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHostPattern, parseHostPatterns } from './host-pattern.ts';

const CASES: readonly (readonly [pattern: string, host: string, port: number, matches: boolean])[] = [
  ['a.test', 'a.test', 443, true],
  ['A.test', 'a.test', 443, true],
  ['a.test', 'b.a.test', 443, false],
  ['*.a.test', 'b.a.test', 443, true],
  ['*.a.test', 'c.b.a.test', 443, true],
  ['*.a.test', 'a.test', 443, false],
  ['a*c*e', 'abcde', 443, true],
  ['a*c*e', 'ace', 443, true],
  ['a*c*e', 'ae', 443, false],
  ['ab*ba', 'aba', 443, false],
  ['*', 'anything', 1, true],
  ['a.test:8443', 'a.test', 8443, true],
  ['a.test:8443', 'a.test', 443, false],
  ['10.0.0.0/8', '10.9.8.7', 443, true],
  ['10.0.0.0/8', '11.9.8.7', 443, false],
  ['10.0.0.0/8', 'a.test', 443, false],
  ['10.0.0.0/8:22', '10.0.0.1', 22, true],
  ['2001:db8::/32', '2001:db8::1', 443, true],
  ['[2001:db8::1]:443', '2001:db8::1', 443, true],
  ['[2001:db8::1]:443', '2001:db8::1', 80, false],
  ['::1', '::1', 443, true],
];

for (const [pattern, host, port, matches] of CASES) {
  test(`${pattern} ${matches ? 'names' : 'does not name'} ${host}:${port}`, () => {
    assert.equal(parseHostPattern(pattern)(host, port), matches);
    assert.equal(parseHostPatterns(['zzz', pattern])(host, port), matches);
  });
}

test('refuses what is not a pattern', () => {
  for (const text of ['', ' ', 'a b', '10.0.0.0/33', 'x/8', '10.0.0.0/', 'http://a', 'a@b']) {
    assert.throws(() => parseHostPattern(text), { code: 'inspect.host-pattern' }, text);
  }
});
