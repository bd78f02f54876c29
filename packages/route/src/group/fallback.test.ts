import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutboundTable } from './outbound-table.ts';
import { GroupRig, groupConfig, nowOf } from './testing/group-rig.ts';

describe('fallback', () => {
  async function alive(rig: GroupRig, table: OutboundTable, ...names: string[]) {
    rig.delays.clear();
    for (const name of names) rig.delays.set(name, 100);
    rig.clock.advance(10_000);
    await table.ownProviders().get('f')?.check.run();
  }
  const group = groupConfig('f', 'fallback', ['a', 'b', 'c']);

  it('uses the first that is alive, the first of all when none is', async () => {
    const rig = new GroupRig();
    const table = rig.table([group]);
    const seen = [nowOf(table, 'f')];
    for (const names of [['b', 'c'], ['c'], [], ['a', 'c']]) {
      await alive(rig, table, ...names);
      seen.push(nowOf(table, 'f'));
    }
    assert.deepEqual(seen, ['a', 'b', 'c', 'a', 'a']);
  });

  it('forgets what was fixed when it is found dead, and goes on behind it', async () => {
    const rig = new GroupRig();
    const table = rig.table([group]);
    await table.select('f', 'b');
    assert.deepEqual([nowOf(table, 'f'), table.view('f')?.group?.fixed], ['b', 'b']);
    await alive(rig, table, 'a', 'c');
    const { now, fixed } = table.view('f')?.group ?? {};
    assert.deepEqual([now, fixed], ['c', '']);
    assert.equal(nowOf(table, 'f'), 'a');
  });

  it('a dead member is tested when it is chosen', async () => {
    const rig = new GroupRig();
    const table = rig.table([group]);
    await alive(rig, table, 'a');
    rig.delays.set('c', 10);
    rig.tests.length = 0;
    await table.select('f', 'c');
    assert.equal(rig.tests.length, 1);
    assert.equal(nowOf(table, 'f'), 'c');
    await table.select('f', 'b');
    assert.equal(table.group('f')?.fixed, 'b');
    assert.equal(nowOf(table, 'f'), 'c', 'still dead: the next behind it');
    assert.equal(table.group('f')?.fixed, '');
    await table.select('f', 'a');
    assert.equal(rig.tests.length, 2, 'one that is alive is not tested');
  });

  it('a remembered name that is no member leads to the first', async () => {
    const rig = new GroupRig();
    const table = rig.table([group], ['a', 'b', 'c'], { selected: new Map([['f', 'gone']]) });
    await alive(rig, table, 'b');
    assert.equal(nowOf(table, 'f'), 'a');
    assert.equal(table.group('f')?.fixed, 'gone');
  });
});
