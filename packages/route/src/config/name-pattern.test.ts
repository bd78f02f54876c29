import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileNamePattern, compileNamePatterns } from './name-pattern.ts';

describe('name pattern', () => {
  const cases: [source: string, matches: readonly string[], fails: readonly string[]][] = [
    ['hk', ['hk 1'], ['HK 1']],
    ['(?i)hk|jp', ['HK 1', 'Jp'], ['US']],
    ['a(?i)b|c', ['aB', 'C'], ['AB']],
    ['x|a(?i)b|c', ['x', 'aB', 'C'], ['X', 'AB']],
    ['(a(?i)b)c', ['aBc'], ['aBC', 'Abc']],
    [
      '^(?=.*((?i)🇭🇰|香港|(\\b(HK|Hong)\\b)))(?!.*((?i)回国|校园)).*$',
      ['香港 1', '🇭🇰', 'x hk'],
      ['hk 校园', 'JP'],
    ],
    ['(?i)^(?!.*(traffic|expire))', ['node'], ['Traffic: 1 GB']],
    ['HK\\-0[1-9]\\_x', ['HK-03_x'], ['HK-10_x']],
    ['[(?i)]x', ['ix', '(x'], ['Ix']],
    ['\\(?i\\)', ['i)', '(i)'], ['(I)']],
    ['(?P<n>a)\\k<n>', ['aa'], ['ab']],
    ['^(?!.*(🇺🇸|🇯🇵)).*$', ['🇭🇰'], ['🇺🇸 1']],
    ['(?i:A)B', ['aB'], ['ab']],
    ['(?i)a(?-i)b', ['Ab'], ['AB']],
    ['', ['', 'anything'], []],
  ];
  for (const [source, matches, fails] of cases) {
    it(`${source}`, () => {
      const pattern = compileNamePattern(source);
      for (const name of matches) assert.ok(pattern.test(name), `${pattern} should match ${name}`);
      for (const name of fails) assert.ok(!pattern.test(name), `${pattern} should not match ${name}`);
    });
  }

  it('refuses what is no expression or too long', () => {
    for (const source of ['(', '[', 'a)', '(?<=', 'x'.repeat(4_097)]) {
      assert.throws(() => compileNamePattern(source), { code: 'route.pattern' }, source);
    }
  });

  it('splits at backticks', () => {
    assert.deepEqual(compileNamePatterns(''), []);
    assert.deepEqual(
      compileNamePatterns('(?i)a`b').map((pattern) => pattern.source),
      ['(?i:a)', 'b'],
    );
  });

  it('leaves expressions without options as they are', () => {
    const parts = fc.constantFrom('a', '(', ')', '|', '[', ']', '\\(', '\\]', '(?:', '(?=', '?', '*', 'i');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (chosen) => {
        const source = chosen.join('');
        let expected: string | undefined;
        try {
          expected = new RegExp(source, 'u').source;
        } catch {
          return;
        }
        assert.equal(compileNamePattern(source).source, expected);
      }),
    );
  });
});
