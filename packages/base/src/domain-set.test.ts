import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DomainPatterns } from './domain-patterns.ts';
import type { DomainSet } from './domain-set.ts';
import { DomainSetBuilder } from './domain-set-builder.ts';

function setOf(patterns: readonly string[]): DomainSet {
  const builder = new DomainSetBuilder();
  for (const pattern of patterns) assert.ok(builder.add(Buffer.from(pattern)), pattern);
  return builder.build();
}

/** The table of the pattern syntax, read word by word. */
function covers(pattern: string, host: string): boolean {
  const hostLabels = host.split('.');
  const labels = pattern.split('.');
  const first = labels[0];
  const rest = first === '' || first === '+' ? labels.slice(1) : labels;
  const depth = hostLabels.length - rest.length;
  const fits = rest.every((label, index) => label === '*' || label === hostLabels[index + depth]);
  if (depth < 0 || !fits) return false;
  if (first === '') return depth > 0;
  return first === '+' || depth === 0;
}

const label = fc.constantFrom('a', 'b', 'cd', 'com', 'é', '例');
const host = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
const pattern = fc
  .tuple(
    fc.constantFrom('', '.', '+.'),
    fc.array(fc.oneof(label, fc.constant('*')), { minLength: 1, maxLength: 4 }),
  )
  .map(([prefix, labels]) => prefix + labels.join('.'));

describe('DomainSet', () => {
  for (const { name, yes, no } of [
    { name: 'a.b.com', yes: ['a.b.com'], no: ['x.a.b.com', 'b.com', 'xa.b.com', ''] },
    { name: '*.b.com', yes: ['x.b.com'], no: ['b.com', 'y.x.b.com'] },
    { name: 'a.*.com', yes: ['a.x.com'], no: ['a.com', 'a.x.y.com', 'b.x.com'] },
    { name: '*', yes: ['localhost'], no: ['a.b', ''] },
    { name: '.b.com', yes: ['x.b.com', 'y.x.b.com'], no: ['b.com', 'xb.com'] },
    { name: '+.b.com', yes: ['b.com', 'x.b.com', 'y.x.b.com'], no: ['xb.com', 'com'] },
    { name: '+.B.CoM', yes: ['b.com', 'x.b.com'], no: ['c.com'] },
    { name: 'É.com', yes: ['é.com'], no: ['x.é.com'] },
  ]) {
    it(`reads ${name}`, () => {
      const set = setOf([name]);
      for (const each of yes) assert.equal(set.has(each), true, each);
      for (const each of no) assert.equal(set.has(each), false, each);
    });
  }

  it('refuses what is no pattern', () => {
    const builder = new DomainSetBuilder();
    for (const text of ['', '+', '+.', '.', 'a.', 'a..b', '..a', ' a', 'a ', 'a/b', '*.', '+..a', 'a.*..b']) {
      assert.equal(builder.add(Buffer.from(text)), false, JSON.stringify(text));
    }
    assert.equal(builder.size, 0);
  });

  it('answers as the patterns read one by one', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), host, (patterns, name) => {
        assert.equal(
          setOf(patterns).has(name),
          patterns.some((each) => covers(each, name)),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps all of a large list', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `n${index * 7}.x${index % 97}.test`);
    const set = setOf(names);
    assert.equal(set.size, names.length);
    for (const name of names) assert.ok(set.has(name));
    for (const name of names) assert.ok(!set.has(`y${name}`));
  });

  it('takes a part of a file', () => {
    const builder = new DomainSetBuilder();
    const file = Buffer.from('- +.a.test # x');
    assert.ok(builder.add(file, 2, 10));
    assert.ok(builder.build().has('www.a.test'));
  });
});

describe('DomainPatterns', () => {
  it('prefers the closest pattern', () => {
    const patterns = new DomainPatterns<number>();
    for (const [index, each] of ['+.com', '*.b.com', 'a.b.com', '.b.com'].entries())
      patterns.add(each, index);
    assert.equal(patterns.find('a.b.com'), 2);
    assert.equal(patterns.find('x.b.com'), 1);
    assert.equal(patterns.find('y.x.b.com'), 3);
    assert.equal(patterns.find('b.com'), 0);
    assert.equal(patterns.find('org'), undefined);
    assert.equal(patterns.add('a..b', 9), false);
  });

  it('agrees with the set on what is covered', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 8 }), host, (list, name) => {
        const patterns = new DomainPatterns<true>();
        for (const each of list) patterns.add(each, true);
        assert.equal(patterns.find(name) === true, setOf(list).has(name));
      }),
    );
  });
});
