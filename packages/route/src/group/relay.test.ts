import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GroupRig, groupConfig } from './testing/group-rig.ts';

describe('relay', () => {
  it('goes through the nodes one after the other, leaving out direct ones', async () => {
    const rig = new GroupRig();
    const carried: string[] = [];
    const table = rig.table(
      [groupConfig('R', 'relay', ['DIRECT', 'a', 'G', 'c']), groupConfig('G', 'select', ['b'])],
      ['a', 'b', 'c'],
      {
        variants: {
          carried: (outbound, carrier) => {
            carried.push(`${outbound.name} over ${carrier.name}`);
            return { ...outbound, dialTcp: (request) => carrier.dialTcp(request) };
          },
          bound: (outbound) => outbound,
        },
      },
    );
    const resolved = table.resolve('R');
    assert.deepEqual(resolved?.chains, ['c', 'b', 'G', 'a', 'R']);
    assert.deepEqual(resolved?.providerChains, ['', '', '', '', '']);
    assert.equal(resolved?.leaf.name, 'c');
    assert.equal(resolved?.node.name, 'c');
    assert.deepEqual(carried, ['b over a', 'c over b']);
    const request = { target: { host: 'x', port: 1 }, source: undefined, signal: AbortSignal.abort() };
    await assert.rejects(Promise.resolve(resolved?.leaf.dialTcp(request)), /^Error: a$/);
  });

  it('of one node is that node, of none goes direct', () => {
    const rig = new GroupRig();
    const table = rig.table([
      groupConfig('One', 'relay', ['COMPATIBLE', 'a']),
      groupConfig('None', 'relay', ['DIRECT']),
    ]);
    assert.equal(table.resolve('One')?.leaf, table.resolve('a')?.leaf);
    assert.deepEqual(table.resolve('One')?.chains, ['a', 'One']);
    assert.deepEqual(table.resolve('None')?.chains, ['DIRECT', 'None']);
  });

  it('carries UDP where every node does', () => {
    const rig = new GroupRig();
    const table = rig.table(
      [groupConfig('All', 'relay', ['a', 'b']), groupConfig('First', 'relay', ['a', 'tcp', 'b'])],
      ['a', 'b', rig.outbound('tcp', 'Http', { udp: false })],
    );
    assert.equal(table.view('All')?.udp, true);
    assert.equal(table.view('First')?.udp, false);
  });
});
