import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { compileRules } from './compile-rules.ts';
import type { RuleMatch } from './rule-match.ts';
import { type CompileLines, TemporaryRules } from './temporary-rules.ts';
import { testFlow, testResources } from './testing/rule-resources.ts';

const compileFor =
  (...outbounds: string[]): CompileLines =>
  (rules, refuse) =>
    compileRules({ rules, subRules: {} }, (name) => outbounds.includes(name), testResources(), refuse);

const acceptAll = (): boolean => true;
const permanent = compileRules(
  { rules: ['IP-CIDR,10.0.0.0/8,A', 'MATCH,B'], subRules: {} },
  acceptAll,
  testResources(),
);

function start(): { readonly clock: FakeClock; readonly rules: TemporaryRules } {
  const clock = new FakeClock(1000);
  return { clock, rules: new TemporaryRules(clock, compileFor('A', 'B', 'X')) };
}

function targetOf(match: RuleMatch): string {
  return match.kind === 'matched' ? match.rule.target : match.kind;
}

describe('TemporaryRules', () => {
  const host = () => testFlow({ host: 'a.test' });

  it('come before the others until they expire', () => {
    const { clock, rules } = start();
    const view = rules.add('DOMAIN,a.test,X', 60);
    assert.deepEqual(
      [view.line, view.createdAtMs, view.expiresAtMs, view.hitCount],
      ['DOMAIN,a.test,X', 1000, 61_000, 0],
    );
    assert.equal(targetOf(rules.match(permanent, host(), acceptAll)), 'X');
    assert.equal(targetOf(rules.match(permanent, testFlow({ destinationIp: '10.1.1.1' }), acceptAll)), 'A');
    clock.advance(59_999);
    assert.equal(rules.views().length, 1);
    clock.advance(1);
    assert.equal(rules.views().length, 0);
    assert.equal(targetOf(rules.match(permanent, host(), acceptAll)), 'needs-ip');
  });

  it('expire one by one', () => {
    const { clock, rules } = start();
    rules.add('MATCH,X', 30);
    rules.add('MATCH,A', 10);
    rules.add('MATCH,B', 20);
    clock.advance(10_000);
    assert.deepEqual(
      rules.views().map(({ line }) => line),
      ['MATCH,X', 'MATCH,B'],
    );
    clock.advance(20_000);
    assert.deepEqual(rules.views(), []);
  });

  it('ask for an address once, together with the others', () => {
    const { rules } = start();
    rules.add('IP-CIDR,11.0.0.0/8,X', 60);
    const flow = host();
    const first = rules.match(permanent, flow, acceptAll);
    assert.ok(first.kind === 'needs-ip');
    const failed = rules.match(permanent, flow, acceptAll, 'off', first.resume);
    assert.equal(targetOf(failed), 'B');
    flow.destinationIp = '10.1.1.1';
    assert.equal(targetOf(rules.match(permanent, flow, acceptAll, 'off', first.resume)), 'A');
    flow.destinationIp = '11.1.1.1';
    assert.equal(targetOf(rules.match(permanent, flow, acceptAll, 'off', first.resume)), 'X');
  });

  it('go on in the permanent rules after those asked', () => {
    const { rules } = start();
    rules.add('DOMAIN,other.test,X', 60);
    const flow = host();
    const asked = rules.match(permanent, flow, acceptAll);
    assert.ok(asked.kind === 'needs-ip');
    rules.add('MATCH,X', 60);
    assert.equal(targetOf(rules.match(permanent, flow, acceptAll, 'off', asked.resume)), 'B');
  });

  it('have the process looked up once, together with the others', () => {
    const { rules } = start();
    rules.add('PROCESS-NAME,wget,X', 60);
    const byProcess = compileRules(
      { rules: ['PROCESS-NAME,curl,A', 'MATCH,B'], subRules: {} },
      acceptAll,
      testResources(),
    );
    for (const mode of ['strict', 'always'] as const) {
      const flow = host();
      const asked = rules.match(byProcess, flow, acceptAll, mode);
      assert.ok(asked.kind === 'needs-process');
      flow.process = 'curl';
      assert.equal(targetOf(rules.match(byProcess, flow, acceptAll, mode, asked.resume)), 'A');
    }
    assert.equal(targetOf(rules.match(byProcess, host(), acceptAll, 'off')), 'B');
  });

  it('count their own hits', () => {
    const { rules } = start();
    rules.add('DOMAIN,a.test,X', 60);
    rules.add('MATCH,A', 60);
    const before = permanent.views();
    rules.recordMatch(permanent, rules.match(permanent, testFlow({ host: 'b.test' }), acceptAll), 2000);
    assert.deepEqual(
      rules.views().map(({ hitCount, hitAtMs }) => [hitCount, hitAtMs]),
      [
        [0, 0],
        [1, 2000],
      ],
    );
    assert.deepEqual(permanent.views(), before);
  });

  it('are removed by id', () => {
    const { rules } = start();
    const { id } = rules.add('MATCH,X', 60);
    assert.equal(rules.remove('nonsense'), false);
    assert.equal(rules.remove(id), true);
    assert.equal(rules.remove(id), false);
    assert.deepEqual(rules.views(), []);
  });

  it('refuse what is no rule', () => {
    const { rules } = start();
    assert.throws(() => rules.add('DOMAIN,a.test,Nowhere', 60), {
      code: 'route.rule',
      kind: 'invalid',
      message: 'proxy [Nowhere] not found',
    });
    for (const seconds of [0, -1, Number.NaN, 1e12]) {
      assert.throws(() => rules.add('MATCH,X', seconds), { code: 'route.rule' });
    }
    assert.deepEqual(rules.views(), []);
  });

  it('are at most a thousand', () => {
    const { rules } = start();
    for (let count = 0; count < 1000; count++) rules.add('MATCH,X', 60);
    assert.throws(() => rules.add('MATCH,X', 60), { kind: 'limit' });
  });

  it('lose what another configuration does not know', () => {
    const { rules } = start();
    rules.add('DOMAIN,a.test,A', 60);
    rules.add('DOMAIN,b.test,X', 60);
    const dropped = rules.reload(compileFor('X'));
    assert.deepEqual(
      dropped.map(({ line }) => line),
      ['DOMAIN,a.test,A'],
    );
    assert.equal(targetOf(rules.match(permanent, testFlow({ host: 'b.test' }), acceptAll)), 'X');
  });
});
