import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutboundTable } from './outbound-table.ts';
import { GroupRig, groupConfig, nowOf, TEST_URL } from './testing/group-rig.ts';

describe('url-test', () => {
  /** Tests `u` with these delays and lets the cached choice expire. */
  async function measured(rig: GroupRig, table: OutboundTable, delays: Record<string, number>) {
    rig.delays.clear();
    for (const [name, delayMs] of Object.entries(delays)) rig.delays.set(name, delayMs);
    rig.clock.advance(10_000);
    await table.ownProviders().get('u')?.check.run();
  }
  const group = (toleranceMs = 0) => groupConfig('u', 'url-test', ['a', 'b', 'c'], { toleranceMs });

  it('uses the quickest that is alive, the first before any test', async () => {
    const rig = new GroupRig();
    const table = rig.table([group()]);
    assert.equal(nowOf(table, 'u'), 'a');
    await measured(rig, table, { a: 300, b: 200, c: 100 });
    assert.equal(nowOf(table, 'u'), 'c');
    await measured(rig, table, { a: 300, b: 200 });
    assert.equal(nowOf(table, 'u'), 'b');
    await measured(rig, table, {});
    assert.equal(nowOf(table, 'u'), 'a', 'none is alive');
  });

  it('keeps its choice while no other is quicker by more than the tolerance', async () => {
    const rig = new GroupRig();
    const table = rig.table([group(50)]);
    await measured(rig, table, { a: 100, b: 120, c: 300 });
    assert.equal(nowOf(table, 'u'), 'a');
    await measured(rig, table, { a: 150, b: 100, c: 300 });
    assert.equal(nowOf(table, 'u'), 'a', 'exactly the tolerance');
    await measured(rig, table, { a: 151, b: 100, c: 300 });
    assert.equal(nowOf(table, 'u'), 'b');
    await measured(rig, table, { a: 60, b: 100, c: 300 });
    assert.equal(nowOf(table, 'u'), 'b');
    await measured(rig, table, { a: 400, c: 300 });
    assert.equal(nowOf(table, 'u'), 'c', 'the dead have no tolerance');
  });

  it('ties keep the earlier member', async () => {
    const rig = new GroupRig();
    const table = rig.table([group()]);
    await measured(rig, table, { b: 100, c: 100 });
    assert.equal(nowOf(table, 'u'), 'b');
  });

  it('stands by a choice for ten seconds, or until one is made by hand or taken back', async () => {
    const rig = new GroupRig();
    const table = rig.table([group()]);
    await measured(rig, table, { a: 100, b: 200, c: 300 });
    assert.equal(nowOf(table, 'u'), 'a');
    rig.delays.set('b', 50);
    rig.clock.advance(1_000);
    await table.ownProviders().get('u')?.check.run();
    rig.clock.advance(8_999);
    assert.equal(nowOf(table, 'u'), 'a');
    rig.clock.advance(1);
    assert.equal(nowOf(table, 'u'), 'b');
    rig.delays.set('c', 10);
    await table.ownProviders().get('u')?.check.run();
    assert.equal(nowOf(table, 'u'), 'b');
    table.clearFixed('u');
    assert.equal(nowOf(table, 'u'), 'c');
  });

  it('what is fixed is used while it is alive, and stays fixed while it is not', async () => {
    const rig = new GroupRig();
    const table = rig.table([group()]);
    await measured(rig, table, { a: 100, b: 200, c: 300 });
    await table.select('u', 'c');
    assert.equal(nowOf(table, 'u'), 'c');
    await measured(rig, table, { a: 100, b: 200 });
    assert.deepEqual([nowOf(table, 'u'), table.view('u')?.group?.fixed], ['a', 'c']);
    await measured(rig, table, { a: 100, b: 200, c: 300 });
    assert.equal(nowOf(table, 'u'), 'c');
    table.clearFixed('u');
    assert.deepEqual([nowOf(table, 'u'), table.view('u')?.group?.fixed], ['a', '']);
    assert.deepEqual(rig.stored, [
      ['u', 'c'],
      ['u', ''],
    ]);
  });

  it('a remembered choice is fixed, also when its provider loads later', () => {
    const rig = new GroupRig();
    const provider = rig.provider('sub', []);
    const config = groupConfig('u', 'url-test', [], { use: ['sub'] });
    const table = rig.table([config], [], { providers: [provider], selected: new Map([['u', 'y']]) });
    assert.equal(nowOf(table, 'u'), 'COMPATIBLE');
    provider.load('x', 'y');
    assert.equal(nowOf(table, 'u'), 'y');
    assert.equal(table.group('u')?.fixed, 'y');
  });

  it('a status that is not expected counts as dead for this URL only', async () => {
    const rig = new GroupRig();
    const table = rig.table([groupConfig('u', 'url-test', ['a', 'b'], { expectedStatus: '204' })]);
    rig.statuses.set('a', 200);
    await measured(rig, table, { a: 10, b: 100 });
    assert.equal(nowOf(table, 'u'), 'b');
    assert.equal(table.view('a')?.alive, true);
    assert.equal(table.view('a')?.extra[TEST_URL]?.alive, false);
    assert.equal(table.view('a')?.extra[TEST_URL]?.history[0]?.delayMs, 0);
  });

  it('a provider update brings new members under the old choice', async () => {
    const rig = new GroupRig();
    const provider = rig.provider('sub', ['x', 'y'], { url: TEST_URL });
    const config = groupConfig('u', 'url-test', [], { use: ['sub'] });
    const table = rig.table([config], [], { providers: [provider] });
    rig.delays.set('x', 200).set('y', 100);
    await provider.check.run();
    assert.equal(nowOf(table, 'u'), 'y');
    provider.load('x', 'y');
    assert.equal(nowOf(table, 'u'), 'y');
    assert.equal(table.resolve('u')?.node, provider.nodes()[1]);
    provider.load('x', 'z');
    assert.equal(nowOf(table, 'u'), 'x');
  });
});
