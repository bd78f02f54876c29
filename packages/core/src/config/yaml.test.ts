import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCompleteYaml, parseYamlConfig } from './yaml.ts';

describe('documents made to take long', () => {
  const DEEP = 'the document nests deeper than 64 levels';
  const cases: readonly [string, string][] = [
    ['open brackets', `a: ${'['.repeat(300_000)}`],
    ['closed brackets', `a: ${'['.repeat(300_000)}${']'.repeat(300_000)}`],
    ['braces', '{a: '.repeat(300_000)],
    ['sequences in sequences', `${'- '.repeat(300_000)}a`],
    ['indented maps', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ];
  for (const [name, text] of cases) {
    it(`refuses ${name} where they get too deep`, () => {
      const [issue] = parseYamlConfig(text, 'f').issues;
      assert.equal(issue?.message, DEEP);
      assert.ok(issue.column < 1_000, String(issue.column));
    });
  }

  it('takes what is as deep as documents get', () => {
    const text = `a: ${'['.repeat(60)}1${']'.repeat(60)}\n`;
    assert.deepEqual(parseCompleteYaml(text, 'f').issues, []);
    const blocks = Array.from({ length: 60 }, (_, depth) => `${'  '.repeat(depth)}a:`).join('\n');
    assert.deepEqual(parseCompleteYaml(`${blocks} 1\n`, 'f').issues, []);
  });
});

it('takes one document', () => {
  assert.deepEqual(parseYamlConfig('---\na: 1\n...\n', 'f').issues, []);
  const [issue] = parseYamlConfig('a: &x 1\n---\nb: 2\n', 'f').issues;
  assert.equal(issue?.message, 'yaml: expected one document, found several');
  assert.equal(issue.line, 2);
});
