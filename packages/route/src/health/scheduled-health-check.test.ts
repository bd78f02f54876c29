import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { Member } from '../group/node.ts';
import type { HealthCheckOptions } from './health-check.ts';
import { ScheduledHealthCheck } from './scheduled-health-check.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A check whose tests are only noted; `held` ones wait until they are released. */
function rig(options: Partial<HealthCheckOptions> = {}, names = ['a', 'b']) {
  const clock = new FakeClock();
  const members = names.map((name) => ({ kind: 'outbound', name }) as Member);
  const tests: string[] = [];
  const held: (() => void)[] = [];
  const state = { holds: false, members };
  const check = new ScheduledHealthCheck({
    options: {
      url: 'http://own/',
      expectedStatus: '204',
      intervalSeconds: 60,
      timeoutMs: 700,
      lazy: false,
      ...options,
    },
    members: () => state.members,
    clock,
    test: async (member, url, timeoutMs, expectedStatus) => {
      tests.push(`${member.name} ${url} ${timeoutMs} ${expectedStatus}`);
      if (state.holds) await new Promise<void>((resolve) => held.push(resolve));
      throw new Error('a failed test is no failure of the check');
    },
  });
  const release = async () => {
    for (const each of held.splice(0)) each();
    await turn();
  };
  return { clock, tests, state, held, release, check };
}

describe('scheduled health check', () => {
  it('tests every member on its own URL, then on the registered ones', async () => {
    const { check, tests } = rig();
    check.register({ url: 'http://extra/', expectedStatus: '200', filters: [/b/], intervalSeconds: 0 });
    check.register({ url: 'http://own/', expectedStatus: '*', filters: [], intervalSeconds: 0 });
    await check.run();
    assert.deepEqual(tests, ['a http://own/ 700 204', 'b http://own/ 700 204', 'b http://extra/ 700 200']);
  });

  it('a URL registered twice keeps its first status and collects filters', async () => {
    const { check, tests } = rig({ url: '' }, ['a', 'b', 'c']);
    check.register({ url: 'http://x/', expectedStatus: '200', filters: [/a/], intervalSeconds: 0 });
    check.register({ url: 'http://x/', expectedStatus: '404', filters: [/b/], intervalSeconds: 0 });
    await check.run();
    assert.deepEqual(tests, ['a http://x/ 700 200', 'b http://x/ 700 200']);
  });

  it('whoever filters nothing has everything tested', async () => {
    for (const order of [
      [[/a/], []],
      [[], [/a/]],
    ]) {
      const { check, tests } = rig({ url: '' });
      for (const filters of order) {
        check.register({ url: 'http://x/', expectedStatus: '*', filters, intervalSeconds: 0 });
      }
      await check.run();
      assert.equal(tests.length, 2);
    }
  });

  it('runs ten tests at a time', async () => {
    const { check, tests, state, release } = rig(
      {},
      Array.from({ length: 25 }, (_each, index) => `n${index}`),
    );
    state.holds = true;
    const done = check.run();
    await turn();
    assert.equal(tests.length, 10);
    await release();
    assert.equal(tests.length, 20);
    await release();
    await release();
    await done;
    assert.equal(tests.length, 25);
  });

  it('runs during a run or within a second after it are the same run', async () => {
    const { check, tests, clock, state, release } = rig();
    state.holds = true;
    const first = check.run();
    assert.equal(check.run(), first);
    await turn();
    await release();
    await first;
    clock.advance(999);
    await check.run();
    assert.equal(tests.length, 2);
    clock.advance(1);
    state.holds = false;
    await check.run();
    assert.equal(tests.length, 4);
  });

  it('new members are tested at once, and again when they come during a run', async () => {
    const { check, tests, state, release } = rig({}, ['a']);
    check.nodesChanged();
    await turn();
    assert.equal(tests.length, 1);
    state.holds = true;
    check.nodesChanged();
    await turn();
    state.members = [{ kind: 'outbound', name: 'new' } as Member];
    check.nodesChanged();
    check.nodesChanged();
    state.holds = false;
    await release();
    await turn();
    assert.deepEqual(
      tests.map((test) => test.split(' ')[0]),
      ['a', 'a', 'new'],
    );
  });

  it('nothing is automatic without an interval, which a group can bring', async () => {
    const { check, tests, clock } = rig({ intervalSeconds: 0 });
    check.start();
    check.nodesChanged();
    clock.advance(600_000);
    await turn();
    assert.deepEqual(tests, []);
    check.register({ url: 'http://x/', expectedStatus: '*', filters: [/a/], intervalSeconds: 30 });
    clock.advance(30_000);
    await turn();
    assert.equal(tests.length, 3);
    check.stop();
  });

  it('ticks until it is stopped', async () => {
    const { check, tests, clock } = rig();
    check.start();
    for (let ticks = 1; ticks <= 3; ticks++) {
      clock.advance(60_000);
      await turn();
      assert.equal(tests.length, 2 * ticks);
    }
    check.stop();
    clock.advance(600_000);
    await turn();
    assert.equal(tests.length, 6);
  });

  it('a lazy one skips the ticks of intervals without use', async () => {
    const { check, tests, clock } = rig({ lazy: true });
    check.start();
    clock.advance(60_000);
    await turn();
    assert.equal(tests.length, 0);
    clock.advance(1_000);
    check.touch();
    clock.advance(59_000);
    await turn();
    assert.equal(tests.length, 2);
    clock.advance(60_000);
    await turn();
    assert.equal(tests.length, 2);
    await check.run();
    assert.equal(tests.length, 4, 'asked for, it runs');
    check.stop();
  });

  it('stopping ends a run after the tests that are under way', async () => {
    const { check, tests, state, release } = rig(
      {},
      Array.from({ length: 25 }, (_each, index) => `n${index}`),
    );
    check.start();
    state.holds = true;
    const done = check.run();
    await turn();
    check.stop();
    await release();
    await done;
    assert.equal(tests.length, 10);
  });
});
