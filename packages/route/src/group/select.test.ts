import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRouteDatabase } from '../store/route-database.ts';
import { quietWrites } from '../store/testing/quiet-writes.ts';
import { SelectionStore } from './selection-store.ts';
import { GroupRig, groupConfig, nowOf } from './testing/group-rig.ts';

describe('select', () => {
  it('starts with the first member or the default, and follows choices by hand', async () => {
    const rig = new GroupRig();
    const table = rig.table([
      groupConfig('A', 'select', ['a', 'b']),
      groupConfig('B', 'select', ['a', 'b'], { defaultSelected: 'b' }),
      groupConfig('C', 'select', ['a', 'b'], { defaultSelected: 'gone' }),
    ]);
    assert.deepEqual(
      ['A', 'B', 'C'].map((name) => nowOf(table, name)),
      ['a', 'b', 'a'],
    );
    await table.select('A', 'b');
    await table.select('B', 'a');
    assert.deepEqual(
      ['A', 'B'].map((name) => nowOf(table, name)),
      ['b', 'a'],
    );
    assert.deepEqual(rig.stored, [
      ['A', 'b'],
      ['B', 'a'],
    ]);
  });

  it('keeps a remembered member that is absent until a provider brings it', () => {
    const rig = new GroupRig();
    const provider = rig.provider('sub', []);
    const table = rig.table(
      [groupConfig('A', 'select', ['a'], { use: ['sub'], defaultSelected: 'a' })],
      ['a'],
      {
        providers: [provider],
        selected: new Map([['A', 'late']]),
      },
    );
    assert.equal(nowOf(table, 'A'), 'a');
    provider.load('other', 'late');
    assert.equal(nowOf(table, 'A'), 'late');
    assert.equal(table.resolve('A')?.leaf.name, 'late');
    provider.load('other');
    assert.equal(nowOf(table, 'A'), 'a');
  });

  it('uses the first of two members of one name', () => {
    const rig = new GroupRig();
    const providers = [rig.provider('p', ['x', 'y']), rig.provider('q', ['y'])];
    const table = rig.table([groupConfig('A', 'select', [], { use: ['p', 'q'] })], [], {
      providers,
      selected: new Map([['A', 'y']]),
    });
    assert.deepEqual(table.view('A')?.group?.all, ['x', 'y', 'y']);
    assert.equal(table.resolve('A')?.node.providerName, 'p');
  });

  it('dialing is no feedback, but touches what tests the members', async () => {
    const rig = new GroupRig();
    const table = rig.table([groupConfig('A', 'select', ['a'], { intervalSeconds: 60, maxFailedTimes: 1 })]);
    table.start();
    await rig.settle();
    rig.tests.length = 0;
    table.choose('A')?.dialed(new Error('connection refused'));
    await rig.settle();
    assert.deepEqual(rig.tests, []);
    rig.clock.advance(60_000);
    await rig.settle();
    assert.equal(rig.tests.length, 0, 'touched exactly one interval ago');
    rig.clock.advance(30_000);
    table.choose('A')?.dialed(undefined);
    rig.clock.advance(30_000);
    await rig.settle();
    assert.equal(rig.tests.length, 1);
    table.stop();
  });
});

describe('selection store', () => {
  it('gives back what was saved last, also that a choice was taken back', () => {
    const database = openRouteDatabase(':memory:');
    const store = new SelectionStore(database, quietWrites());
    store.save('A', 'x');
    store.save('B', 'y');
    store.save('A', 'z');
    store.save('B', '');
    assert.deepEqual(
      new SelectionStore(database, quietWrites()).load(),
      new Map([
        ['A', 'z'],
        ['B', ''],
      ]),
    );
    database.close();
  });
});
