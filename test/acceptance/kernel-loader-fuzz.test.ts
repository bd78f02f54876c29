import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type LoadedSettings, loadSettings } from '@sluice/cli/settings/load-settings';
import fc from 'fast-check';

const TEXT = readFileSync(fileURLToPath(new URL('../fixtures/acceptance.yaml', import.meta.url)), 'utf8');
const LINES = TEXT.split('\n');
const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Loads a file of the rule kernel; whatever is in it must end in settings or in findings with places. */
function load(content: string | Buffer): LoadedSettings {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, content);
  const loaded = loadSettings({ file, lint: true });
  const errors = loaded.issues.filter(({ severity }) => severity === 'error');
  assert.equal(loaded.settings === undefined, errors.length > 0);
  for (const issue of loaded.issues) {
    assert.ok(issue.line >= 1 && issue.column >= 1, JSON.stringify(issue));
    assert.notEqual(issue.message, '');
    assert.doesNotMatch(issue.message, /\[object Object\]|undefined|TypeError|Cannot read/);
  }
  return loaded;
}

const firstError = (content: string) => {
  const { issues } = load(content);
  const found = issues.find(({ severity }) => severity === 'error');
  assert.ok(found !== undefined, 'it has an error');
  return found;
};

const place = fc.nat({ max: TEXT.length - 1 });
const piece = fc.oneof(
  fc.constantFrom(
    '*',
    '&a',
    '*a',
    '<<: *p',
    '!!binary',
    '!!js/function',
    '? ',
    ': ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '|',
    '>',
    '"',
    "'",
    '#',
    '%',
    '@',
    '`',
    '\t',
    '\n',
    '\r',
    '---\n',
    '...\n',
    '\u0000',
    '\ufeff',
    '~',
    '.nan',
    '0x7fffffffffffffff',
    '1e999',
    '2001-01-01',
    '__proto__: 1\n',
    'constructor: {}\n',
  ),
  fc.string({ maxLength: 8, unit: 'binary' }),
);

describe('the loader under bad files', () => {
  it('survives text put in, cut out and overwritten', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.nat({ max: 20 }), piece), { minLength: 1, maxLength: 4 }),
        (edits) => {
          let text = TEXT;
          for (const [at, cut, put] of edits) text = text.slice(0, at) + put + text.slice(at + cut);
          load(text);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('survives changed bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
        (edits) => {
          const bytes = Buffer.from(TEXT);
          for (const [at, value] of edits) bytes[at] = value;
          load(bytes);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('survives lines that are gone, doubled, moved and indented', () => {
    const line = fc.nat({ max: LINES.length - 1 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(line, fc.constantFrom('drop', 'double', 'indent', 'outdent', 'move')), {
          maxLength: 4,
          minLength: 1,
        }),
        (edits) => {
          const lines = [...LINES];
          for (const [at, kind] of edits) {
            const text = lines[at] ?? '';
            if (kind === 'drop') lines.splice(at, 1);
            else if (kind === 'double') lines.splice(at, 0, text);
            else if (kind === 'indent') lines[at] = `  ${text}`;
            else if (kind === 'outdent') lines[at] = text.trimStart();
            else lines.push(...lines.splice(at, 1));
          }
          load(lines.join('\n'));
        },
      ),
      { numRuns: 80 },
    );
  });

  it('survives any value of any key', () => {
    const keys = [...TEXT.matchAll(/^([a-z-]+):/gm)].map(([, key = '']) => key).filter((key) => key !== 'p');
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.array(
        fc.dictionary(
          fc.constantFrom('name', 'type', 'server', 'port', 'rules', 'proxies', 'payload', 'url', 'behavior'),
          fc.jsonValue({ maxDepth: 1 }),
        ),
        { maxLength: 4 },
      ),
      fc.array(
        fc.constantFrom(
          'DOMAIN,a,DIRECT',
          'MATCH',
          'AND,((',
          'SUB-RULE,(',
          'DOMAIN-REGEX,(,DIRECT',
          'RULE-SET,no,DIRECT',
          'DST-PORT,1-,DIRECT',
          ',,,',
          'NOT,((NOT,((DOMAIN,a)))),DIRECT',
        ),
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...keys), value, (key, replaced) => {
        load(
          `${TEXT.replace(new RegExp(`^${key}:`, 'm'), 'x-unused:')}\n${key}: ${JSON.stringify(replaced)}\n`,
        );
      }),
      { numRuns: 150 },
    );
  });

  it('refuses nesting and aliases without end, and says where', () => {
    for (const depth of [1_000, 20_000]) {
      const flow = firstError(`mixed-port: 1\nhosts: ${'['.repeat(depth)}${']'.repeat(depth)}\n`);
      assert.equal(flow.line, 2);
      firstError(`mixed-port: 1\nhosts: ${'{a: '.repeat(depth)}1${'}'.repeat(depth)}\n`);
    }
    const block = Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
    firstError(`mixed-port: 1\nhosts:\n ${block.replaceAll('\n', '\n ')}\n`);
    const levels = Array.from({ length: 12 }, (_, level) => {
      const before =
        level === 0
          ? '"x"'
          : Array(12)
              .fill(`*l${level - 1}`)
              .join(', ');
      return `l${level}: &l${level} [${before}]`;
    });
    firstError(`${levels.join('\n')}\nrules: *l11\n`);
    const maps = Array.from({ length: 30 }, (_, level) =>
      level === 0
        ? 'm0: &m0 {a: 1}'
        : `m${level}: &m${level} {<<: *m${level - 1}, b: *m${level - 1}, c: *m${level - 1}}`,
    );
    firstError(`${maps.join('\n')}\nhosts: *m29\n`);
    assert.match(firstError('x: &a [*a]\nrules: *a\n').message, /anchor 'a' value contains itself/);
    const loop = firstError('mode: rule\nhosts: &h {a.test: *h}\n');
    assert.match(loop.message, /anchor 'h' value contains itself/);
    assert.deepEqual([loop.line, loop.column], [2, 20]);
    assert.match(firstError('hosts: *nobody\n').message, /unknown anchor 'nobody' referenced/);
    const { message, line } = firstError('mode: rule\n? {a: 1, <<: x}\n: 1\n');
    assert.match(message, /a mapping key must be a scalar/);
    assert.equal(line, 2);
    firstError(`${levels.join('\n')}\n? *l11\n: 1\n`);
    assert.equal(load('x: &x mode\n*x : direct\n').settings?.route.mode, 'direct');
    const many = Array.from({ length: 20_000 }, (_, index) => `  h${index}.test: 127.0.0.1`).join('\n');
    load(`x: &x\n${many}\nhosts: { <<: *x }\n`);
  });

  it('refuses nested conditions without end, and says where', () => {
    for (const depth of [1_000, 20_000]) {
      const line = `NOT,${'((NOT,'.repeat(depth)}((DOMAIN,a))${'))'.repeat(depth)},DIRECT`;
      const { line: at, message } = firstError(`mode: rule\nrules:\n  - "${line}"\n`);
      assert.equal(at, 3);
      assert.match(message, /^rules\[0\] \[/);
      assert.ok(message.length < 2_000, `a message of ${message.length} characters`);
    }
  });

  it('takes a file of 50000 rules, and says what is no file', () => {
    const rules = Array.from({ length: 50_000 }, (_, index) => `  - DOMAIN-SUFFIX,s${index}.test,DIRECT`);
    const { settings } = load(`rules:\n${rules.join('\n')}\n`);
    assert.equal(settings?.route.rules?.length, 50_000);
    for (const content of [
      '%PDF-1.4\n%\u00e2\u00e3',
      '\u0000'.repeat(4_096),
      '<html></html>',
      '[]',
      'text',
      '42',
      'null',
    ])
      load(content);
  });
});
