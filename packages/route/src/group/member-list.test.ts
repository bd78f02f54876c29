import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GroupConfig } from '../config/proxy-config.ts';
import { GroupRig, groupConfig } from './testing/group-rig.ts';

describe('member list', () => {
  type Case = {
    readonly name: string;
    readonly own: readonly string[];
    readonly use: Readonly<Record<string, readonly string[]>>;
    readonly more?: Partial<GroupConfig>;
    readonly all: readonly string[];
  };
  const cases: Case[] = [
    {
      name: 'own members, then providers in order',
      own: ['b'],
      use: { p: ['x'], q: ['w'] },
      all: ['b', 'x', 'w'],
    },
    {
      name: 'a filter keeps own members',
      own: ['b'],
      use: { p: ['HK 1', 'JP 1'] },
      more: { filters: [/JP/] },
      all: ['b', 'JP 1'],
    },
    {
      name: 'one source follows the order of the filters, without doubles',
      own: [],
      use: { p: ['HK 1', 'JP 1', 'US 1', 'HK 2'] },
      more: { filters: [/JP/, /HK|JP/] },
      all: ['JP 1', 'HK 1', 'HK 2'],
    },
    {
      name: 'several sources are ordered as a whole, what matches nothing last',
      own: ['b', 'a'],
      use: { p: ['HK 1', 'JP 1'], q: ['JP 2', 'HK 2'] },
      more: { filters: [/JP/, /HK/] },
      all: ['JP 1', 'JP 2', 'HK 1', 'HK 2', 'b', 'a'],
    },
    {
      name: 'one filter keeps the order of the sources',
      own: ['b'],
      use: { p: ['JP 1'], q: ['HK 1'] },
      more: { filters: [/HK|JP/] },
      all: ['b', 'JP 1', 'HK 1'],
    },
    {
      name: 'exclusions apply to own members, too',
      own: ['a', 'b'],
      use: { p: ['x', 'ss-1', 'ss-2'] },
      more: { excludeFilters: [/^b$/, /2/], excludeTypes: ['shadowsocks'] },
      all: ['a', 'x'],
    },
    {
      name: 'one name from two sources is there twice',
      own: [],
      use: { p: ['x'], q: ['x'] },
      all: ['x', 'x'],
    },
    {
      name: 'nothing left is COMPATIBLE',
      own: ['a'],
      use: {},
      more: { excludeFilters: [/./] },
      all: ['COMPATIBLE'],
    },
    {
      name: 'nothing left is the fallback that was asked for',
      own: [],
      use: { p: [] },
      more: { emptyFallback: 'REJECT' },
      all: ['REJECT'],
    },
  ];
  for (const { name, own, use, more, all } of cases) {
    it(name, () => {
      const rig = new GroupRig();
      const providers = Object.entries(use).map(([provider, nodes]) => rig.provider(provider, nodes));
      const config = groupConfig('G', 'select', own, { use: Object.keys(use), ...more });
      const table = rig.table([config], ['a', 'b'], { providers });
      assert.deepEqual(table.view('G')?.group?.all, all);
    });
  }

  it('excludes groups by their type', () => {
    const table = new GroupRig().table([
      groupConfig('G', 'select', ['Inner', 'a'], { excludeTypes: ['urltest'] }),
      groupConfig('Inner', 'url-test', ['a']),
    ]);
    assert.deepEqual(table.view('G')?.group?.all, ['a']);
  });

  it('follows its providers and is the same list in between', () => {
    const rig = new GroupRig();
    const provider = rig.provider('p', ['x']);
    const config = groupConfig('G', 'select', [], { use: ['p'], filters: [/x|y/] });
    const table = rig.table([config], [], { providers: [provider] });
    const group = table.group('G');
    assert.equal(group?.members(), group?.members());
    provider.load('y', 'z');
    assert.deepEqual(
      group?.members().map(({ name }) => name),
      ['y'],
    );
    provider.load();
    assert.deepEqual(table.view('G')?.group?.all, ['COMPATIBLE']);
    assert.equal(group?.members(), group?.members());
  });

  it('gives outbounds the interface and mark of the innermost group that names them', () => {
    const rig = new GroupRig();
    const bound: string[] = [];
    const table = rig.table(
      [
        groupConfig('Outer', 'select', ['Inner', 'a'], { interfaceName: 'eth1' }),
        groupConfig('Inner', 'select', ['a'], { routingMark: 7 }),
        groupConfig('Plain', 'select', ['a']),
      ],
      ['a'],
      {
        variants: {
          carried: (outbound) => outbound,
          bound: (outbound, interfaceName, routingMark) => {
            bound.push(`${outbound.name} ${interfaceName} ${routingMark}`);
            return { ...outbound, name: `${outbound.name}'` };
          },
        },
      },
    );
    const resolved = table.resolve('Outer');
    assert.deepEqual(bound, ['a  7', "a' eth1 0"]);
    assert.equal(resolved?.leaf.name, "a''");
    assert.equal(resolved?.node, table.member('a'));
    assert.equal(table.resolve('Plain')?.leaf.name, 'a');
  });

  it('shares nodes, and with them their health', () => {
    const rig = new GroupRig();
    const table = rig.table([groupConfig('G', 'select', ['a']), groupConfig('H', 'fallback', ['a'])]);
    assert.equal(table.group('G')?.members()[0], table.group('H')?.members()[0]);
    assert.equal(table.group('G')?.members()[0], table.member('a'));
  });
});
