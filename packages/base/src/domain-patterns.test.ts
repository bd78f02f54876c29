import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DomainPatterns, isDomainPattern } from './domain-patterns.ts';

describe('domain patterns', () => {
  const trie = new DomainPatterns<string>();
  for (const pattern of ['a.b.com', '*.b.com', '.c.com', '+.d.com', 'x.*.e.com', '*', '+.e.com'])
    assert.ok(trie.add(pattern, pattern), pattern);
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['a.b.com', 'a.b.com'],
    ['z.b.com', '*.b.com'],
    ['y.z.b.com', undefined],
    ['b.com', undefined],
    ['c.com', undefined],
    ['x.y.c.com', '.c.com'],
    ['d.com', '+.d.com'],
    ['x.y.d.com', '+.d.com'],
    ['x.y.e.com', 'x.*.e.com'],
    ['z.y.e.com', '+.e.com'],
    ['localhost', '*'],
    ['', undefined],
    ['a..com', undefined],
  ];
  for (const [name, expected] of cases)
    it(`finds ${expected} for "${name}"`, () => assert.equal(trie.find(name), expected));

  it('refuses what is no pattern', () => {
    for (const pattern of ['', '.', '+', '+.', 'a.', ' a', 'a ', 'a..b'])
      assert.equal(isDomainPattern(pattern), false, `"${pattern}"`);
  });
});
