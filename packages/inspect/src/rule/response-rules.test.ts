import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import fc from 'fast-check';
import type { ResponseRule, ResponseRuleInput } from '../port.ts';
import { ResponseRules } from './response-rules.ts';

const MINIMAL = { name: 'n', host: '*', pathRegex: '^/', method: 'get' };

describe('ResponseRules', () => {
  let directory: string;
  let clock: FakeClock;
  let rules: ResponseRules;
  const warnings: string[] = [];
  const log: Logger = {
    enabled: () => true,
    debug: () => undefined,
    info: () => undefined,
    warning: (message) => void warnings.push(message),
    error: () => undefined,
    child: () => log,
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-rules-'));
    clock = new FakeClock();
    rules = new ResponseRules(directory, clock, log);
  });
  afterEach(() => {
    rules.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function codeOf(run: () => unknown): string {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof GatewayError);
      return error.code;
    }
    return 'nothing thrown';
  }

  it('fills in defaults and keeps rules over a restart', () => {
    const rule = rules.create(MINIMAL);
    assert.match(rule.id, /^rule_\d{13}_\d{1,3}$/);
    const { id, ...fields } = rule;
    assert.deepEqual(fields, {
      ...MINIMAL,
      method: 'GET',
      enabled: true,
      responseBody: null,
      responseStatus: 200,
      responseHeaders: {},
      createdAtMs: clock.now(),
      updatedAtMs: clock.now(),
    });
    const own = rules.create({
      ...MINIMAL,
      id: 'my-rule',
      responseHeaders: { 'X-A': '1' },
      responseBody: '',
    });
    rules.close();
    rules = new ResponseRules(directory, clock, log);
    assert.deepEqual(rules.list(), [rule, own]);
    assert.deepEqual(rules.get(id), rule);
    assert.equal(rules.delete(id), true);
    assert.equal(rules.delete(id), false);
    assert.notEqual(rules.create(MINIMAL).id, id, 'the id of a deleted rule does not come back');
  });

  const refused: readonly [string, Record<string, unknown>][] = [
    ['inspect.rule-incomplete', { name: '' }],
    ['inspect.rule-incomplete', { host: undefined }],
    ['inspect.rule-incomplete', { pathRegex: null }],
    ['inspect.rule-incomplete', { method: '' }],
    ['inspect.rule-field', { name: 'x'.repeat(201) }],
    ['inspect.rule-field', { host: 5 }],
    ['inspect.rule-regex', { pathRegex: '[' }],
    ['inspect.rule-regex', { pathRegex: 'a'.repeat(2_001) }],
    ['inspect.rule-regex', { pathRegex: '^(?=/)(\\/?a+)+$' }],
    ['inspect.rule-field', { method: 'A B' }],
    ['inspect.rule-field', { enabled: 'yes' }],
    ['inspect.rule-field', { responseStatus: 101 }],
    ['inspect.rule-field', { responseStatus: 600 }],
    ['inspect.rule-field', { responseStatus: 200.5 }],
    ['inspect.rule-field', { responseHeaders: [] }],
    ['inspect.rule-field', { responseHeaders: { 'a b': '1' } }],
    ['inspect.rule-field', { responseHeaders: { a: 'x\r\nb: y' } }],
    ['inspect.rule-id', { id: 'a/b' }],
  ];
  for (const [code, fields] of refused) {
    it(`refuses ${JSON.stringify(fields).slice(0, 60)}`, () => {
      const input = { ...MINIMAL, ...fields } as ResponseRuleInput;
      assert.equal(
        codeOf(() => rules.create(input)),
        code,
      );
      assert.equal(rules.list().length, 0);
    });
  }

  it('refuses an id in use and an unknown rule', () => {
    rules.create({ ...MINIMAL, id: 'one' });
    assert.equal(
      codeOf(() => rules.create({ ...MINIMAL, id: 'one' })),
      'inspect.rule-id',
    );
    assert.equal(
      codeOf(() => rules.update('two', {})),
      'inspect.rule-not-found',
    );
  });

  it('changes only what is given, never id and creation', () => {
    const rule = rules.create({ ...MINIMAL, responseBody: 'b' });
    clock.advance(5);
    const updated = rules.update(rule.id, { id: 'other', name: 'new', createdAtMs: 1 } as ResponseRuleInput);
    assert.deepEqual(updated, { ...rule, name: 'new', updatedAtMs: rule.updatedAtMs + 5 });
    assert.equal(
      codeOf(() => rules.update(rule.id, { pathRegex: '(' })),
      'inspect.rule-regex',
    );
    assert.deepEqual(rules.get(rule.id), updated);
  });

  it('lets the rule updated last win, and counts the matches', () => {
    const first = rules.create(MINIMAL);
    const second = rules.create({ ...MINIMAL, name: 'second' });
    const request = { method: 'GET', url: 'http://a.test/x' };
    assert.deepEqual([rules.match(request)?.rule.name, rules.match(request)?.matchedRules], ['second', 2]);
    rules.update(first.id, { enabled: true });
    assert.equal(rules.match(request)?.rule.id, first.id);
    rules.update(first.id, { enabled: false });
    assert.deepEqual([rules.match(request)?.rule.id, rules.match(request)?.matchedRules], [second.id, 1]);
    assert.equal(rules.active, true);
    rules.update(second.id, { enabled: false });
    assert.equal(rules.active, false);
    assert.equal(rules.match(request), undefined);
  });

  it('switches a rule off that keeps taking too long', () => {
    // Harmless on the probes, exponential on the path below, and with look-ahead not for the linear engine.
    const rule = rules.create({ ...MINIMAL, pathRegex: '^/(?=q)(q+)+$' });
    const request = { method: 'GET', url: `http://a.test/${'q'.repeat(40)}!` };
    for (let trip = 0; trip < 3; trip++) assert.equal(rules.match(request), undefined);
    assert.equal(rules.get(rule.id)?.enabled, false);
    assert.equal(warnings.length, 1);
  });

  it('answers a nested quantifier in linear time', () => {
    rules.create({ ...MINIMAL, pathRegex: '^/(a+)+$' });
    assert.equal(rules.match({ method: 'GET', url: `http://a.test/${'a'.repeat(5_000)}b` }), undefined);
    assert.equal(rules.match({ method: 'GET', url: `http://a.test/${'a'.repeat(5_000)}` })?.matchedRules, 1);
  });

  it('matches as a plain reading of the rules does', () => {
    const hosts = [
      '*',
      'example.com',
      '*.example.com',
      'exa',
      'api*',
      '*.com:8443',
      'example.com:80',
      'localhost',
      '127.0.0.1',
      '::1',
      '[::1]:8443',
      'EXAMPLE.com',
      'münchen.de',
    ];
    const patterns = ['^/', '/v1/\\d+$', 'q=1', '^/$', 'caf(é|e)', '(?<!x)v1', '\\?'];
    const urls = [
      'http://example.com',
      'https://api.example.com:8443/v1/7?q=1',
      'http://notexample.com/v1/7',
      'http://localhost/',
      'http://127.0.0.1/xv1',
      'http://[::1]:8443/',
      'http://xn--mnchen-3ya.de/caf%C3%A9',
      'http://example.com.evil.net/%zz',
      'nonsense',
    ];
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            host: fc.constantFrom(...hosts),
            pathRegex: fc.constantFrom(...patterns),
            method: fc.constantFrom('*', 'get', 'POST'),
            enabled: fc.boolean(),
          }),
          { minLength: 1, maxLength: 6 },
        ),
        fc.constantFrom(...urls),
        fc.constantFrom('GET', 'POST', 'get'),
        (inputs, url, method) => {
          for (const { id } of rules.list()) rules.delete(id);
          for (const input of inputs) rules.create({ name: 'n', ...input });
          const matching = rules.list().filter((rule) => naiveMatch(rule, method, url));
          const found = rules.match({ method, url });
          assert.equal(found?.matchedRules ?? 0, matching.length);
          assert.equal(found?.rule.id, matching.at(-1)?.id);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** The matching semantics word by word, with no thought of speed. */
function naiveMatch(rule: ResponseRule, method: string, url: string): boolean {
  if (!rule.enabled || !URL.canParse(url)) return false;
  const parsed = new URL(url);
  if (rule.method !== '*' && rule.method !== method.toUpperCase()) return false;
  const path = parsed.pathname + parsed.search;
  const decoded = /%(?![0-9a-f]{2})/i.test(path) ? path : decodeURIComponent(path);
  const pattern = new RegExp(rule.pathRegex);
  if (!pattern.test(path) && !pattern.test(decoded)) return false;
  const port = parsed.port || (parsed.protocol === 'https:' ? '443' : '80');
  const subject = parsed.hostname.replace(/[[\]]/g, '');
  const known: Readonly<Record<string, () => boolean>> = {
    '*': () => true,
    'example.com': () => subject === 'example.com' || subject.endsWith('.example.com'),
    'EXAMPLE.com': () => subject === 'example.com' || subject.endsWith('.example.com'),
    '*.example.com': () => subject.endsWith('.example.com'),
    exa: () => subject.includes('exa'),
    'api*': () => subject.startsWith('api'),
    '*.com:8443': () => subject.endsWith('.com') && port === '8443',
    'example.com:80': () => (subject === 'example.com' || subject.endsWith('.example.com')) && port === '80',
    localhost: () => subject === 'localhost',
    '127.0.0.1': () => subject === '127.0.0.1',
    '::1': () => subject === '::1',
    '[::1]:8443': () => subject === '::1' && port === '8443',
    'münchen.de': () => subject === 'xn--mnchen-3ya.de',
  };
  return known[rule.host]?.() ?? false;
}
