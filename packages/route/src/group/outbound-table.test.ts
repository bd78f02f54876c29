import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_TRAITS } from '../outbound/outbound.ts';
import { flowTo, GroupRig, groupConfig, nowOf, TEST_URL } from './testing/group-rig.ts';

describe('outbound table', () => {
  it('follows groups to the outbound, leaf first, with the providers of the elements', () => {
    const rig = new GroupRig();
    const table = rig.table(
      [groupConfig('A', 'select', ['B', 'a']), groupConfig('B', 'select', [], { use: ['sub'] })],
      ['a'],
      { providers: [rig.provider('sub', ['x'])] },
    );
    const resolved = table.resolve('A');
    assert.deepEqual(resolved?.chains, ['x', 'B', 'A']);
    assert.deepEqual(resolved?.providerChains, ['sub', '', '']);
    assert.equal(resolved?.node.name, 'x');
    assert.deepEqual(table.resolve('a')?.chains, ['a']);
    assert.equal(table.resolve('x'), undefined);
    assert.equal(table.resolve('nobody'), undefined);
  });

  it('gives up on loops instead of spinning', () => {
    const table = new GroupRig().table([
      groupConfig('A', 'select', ['B']),
      groupConfig('B', 'select', ['A']),
      groupConfig('Self', 'select', ['Self']),
      groupConfig('Relay', 'relay', ['a', 'Around']),
      groupConfig('Around', 'select', ['Relay']),
    ]);
    for (const name of ['A', 'Self', 'Relay', 'Around']) assert.equal(table.resolve(name), undefined, name);
    assert.equal(table.view('A')?.udp, false);
    assert.equal(table.view('Relay')?.udp, false);
  });

  it('carries UDP when the outbound does and no group on the way forbids it', () => {
    const rig = new GroupRig();
    const table = rig.table(
      [
        groupConfig('yes', 'select', ['a']),
        groupConfig('none', 'select', ['tcp']),
        groupConfig('forbidden', 'select', ['a'], { disableUdp: true }),
        groupConfig('around', 'select', ['forbidden']),
        groupConfig('balanced', 'load-balance', ['tcp']),
        groupConfig('overBalanced', 'select', ['balanced']),
        groupConfig('unbalanced', 'load-balance', ['a'], { disableUdp: true }),
      ],
      ['a', rig.outbound('tcp', 'Http', { udp: false })],
    );
    const carried = ['yes', 'none', 'forbidden', 'around', 'balanced', 'overBalanced', 'unbalanced'].filter(
      (name) => {
        const resolved = table.resolve(name);
        return resolved !== undefined && table.carriesUdp(resolved);
      },
    );
    assert.deepEqual(carried, ['yes', 'balanced', 'overBalanced']);
    assert.equal(table.view('overBalanced')?.udp, true);
    assert.equal(table.view('around')?.udp, false);
  });

  it('has a GLOBAL of everything in file order, unless one is configured', () => {
    const rig = new GroupRig();
    const groups = [groupConfig('Z', 'select', ['a']), groupConfig('A', 'select', ['a'])];
    const table = rig.table(groups, ['b', 'a']);
    assert.deepEqual(table.view('GLOBAL')?.group?.all, ['DIRECT', 'REJECT', 'b', 'a', 'Z', 'A']);
    assert.equal(table.view('GLOBAL')?.type, 'Selector');
    assert.deepEqual(table.names(), ['DIRECT', 'REJECT', 'PASS', 'COMPATIBLE', 'b', 'a', 'Z', 'A', 'GLOBAL']);
    const own = rig.table([groupConfig('GLOBAL', 'select', ['c'])]);
    assert.deepEqual(own.view('GLOBAL')?.group?.all, ['c']);
  });

  it('offers the own members of groups as providers, and everything as default', () => {
    const rig = new GroupRig();
    const table = rig.table(
      [
        groupConfig('A', 'url-test', ['a', 'B'], { expectedStatus: '204', excludeTypes: ['selector'] }),
        groupConfig('B', 'select', [], { use: ['sub'] }),
        groupConfig('GLOBAL', 'select', ['a']),
      ],
      ['a'],
      { providers: [rig.provider('sub', ['x'])] },
    );
    const views = [...table.ownProviders().values()].map((provider) => provider.view());
    const shown = views.map(({ name, testUrl, expectedStatus, vehicleType, proxies }) => [
      name,
      vehicleType,
      testUrl,
      expectedStatus,
      proxies.map((proxy) => proxy.name),
    ]);
    assert.deepEqual(shown, [
      ['default', 'Compatible', '', '*', ['DIRECT', 'REJECT', 'a', 'A', 'B', 'GLOBAL']],
      ['A', 'Compatible', TEST_URL, '204', ['a', 'B']],
      ['GLOBAL', 'Compatible', TEST_URL, '*', ['a']],
    ]);
    assert.ok(views.every((view) => view.updatedAtMs === undefined));
  });

  it('shows outbounds with their traits and identity', () => {
    const rig = new GroupRig();
    const traits = { ...NO_TRAITS, dialerProxy: 'b', interfaceName: 'eth9', tfo: true, uot: true };
    const table = rig.table([], [rig.outbound('a', 'Vmess', { traits }), 'b']);
    const { id, ...view } = table.view('a') ?? { id: '' };
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    assert.deepEqual(view, {
      name: 'a',
      type: 'Vmess',
      udp: true,
      uot: true,
      xudp: false,
      tfo: true,
      mptcp: false,
      smux: false,
      alive: true,
      history: [],
      extra: {},
      interfaceName: 'eth9',
      routingMark: 0,
      dialerProxy: 'b',
      providerName: '',
    });
    assert.equal(table.view('PASS')?.id, '00000000-0000-0000-0000-000000000000');
    assert.equal(table.view('nobody'), undefined);
  });

  it('shows for each kind of group what that kind has', () => {
    const table = new GroupRig().table([
      groupConfig('s', 'select', ['a', 'b'], { icon: 'i', hidden: true }),
      groupConfig('u', 'url-test', ['a']),
      groupConfig('f', 'fallback', ['a']),
      groupConfig('l', 'load-balance', ['a']),
      groupConfig('r', 'relay', ['a', 'b']),
    ]);
    const common = { testUrl: TEST_URL, expectedStatus: '*', emptyFallback: 'COMPATIBLE' };
    const plain = { hidden: false, icon: '' };
    const shown = (name: string) => [table.view(name)?.type, table.view(name)?.id, table.view(name)?.group];
    assert.deepEqual(shown('s'), [
      'Selector',
      '',
      { all: ['a', 'b'], now: 'a', ...common, hidden: true, icon: 'i' },
    ]);
    assert.deepEqual(shown('u'), ['URLTest', '', { all: ['a'], now: 'a', fixed: '', ...common, ...plain }]);
    assert.deepEqual(shown('f'), ['Fallback', '', { all: ['a'], now: 'a', fixed: '', ...common, ...plain }]);
    assert.deepEqual(shown('l'), ['LoadBalance', '', { all: ['a'], ...common, ...plain }]);
    assert.deepEqual(shown('r'), ['Relay', '', { all: ['a', 'b'], ...common, ...plain }]);
  });

  it('finds the carrier that a dialer-proxy names, and refuses one that carries itself', () => {
    const rig = new GroupRig();
    const over = (dialerProxy: string) => ({ traits: { ...NO_TRAITS, dialerProxy } });
    const table = rig.table(
      [groupConfig('G', 'select', ['a']), groupConfig('Loop', 'select', ['y'])],
      ['a', rig.outbound('x', 'Socks5', over('G')), rig.outbound('y', 'Socks5', over('Loop'))],
    );
    assert.equal(table.resolveDialer('x').name, 'x');
    assert.equal(table.resolveDialer('G').name, 'a');
    assert.throws(() => table.resolveDialer('Loop'), { code: 'route.dialer-loop' });
    assert.throws(() => table.resolveDialer('nobody'), { message: 'proxyName[nobody] not found' });
  });

  it('refuses choices that cannot be made, with the texts of the control API', async () => {
    const table = new GroupRig().table([
      groupConfig('s', 'select', ['a']),
      groupConfig('l', 'load-balance', ['a']),
      groupConfig('r', 'relay', ['a']),
    ]);
    const refused = { kind: 'invalid', code: 'route.not-a-group', message: 'Must be a Selector' };
    for (const name of ['l', 'r', 'a']) await assert.rejects(table.select(name, 'a'), refused, name);
    await assert.rejects(table.select('s', 'c'), { code: 'route.not-a-member', message: 'proxy not exist' });
    await assert.rejects(table.select('s', ''), { code: 'route.not-a-member' });
    await assert.rejects(table.select('x', 'a'), { kind: 'not-found', code: 'route.outbound-not-found' });
    const unfixable = { kind: 'invalid', code: 'route.not-fixable', message: 'Body invalid' };
    for (const name of ['s', 'l', 'r', 'a']) assert.throws(() => table.clearFixed(name), unfixable, name);
    assert.throws(() => table.clearFixed('x'), { kind: 'not-found' });
  });

  it('tests the members of a group, a group among them through its present member', async () => {
    const rig = new GroupRig();
    const table = rig.table([
      groupConfig('G', 'select', ['a', 'Inner', 'c']),
      groupConfig('Inner', 'select', ['b']),
    ]);
    rig.delays.set('a', 30).set('b', 20);
    assert.deepEqual(
      await table.testGroup('G', 'http://other/', 1_000, '204'),
      new Map([
        ['a', 30],
        ['Inner', 20],
      ]),
    );
    assert.equal(table.view('Inner')?.extra['http://other/']?.history[0]?.delayMs, 20);
    assert.deepEqual(table.view('b')?.history, []);
    assert.equal(table.view('c')?.alive, false);
    assert.deepEqual(rig.stored, []);
    await assert.rejects(table.testGroup('a', TEST_URL, 1, '*'), { kind: 'not-found' });
  });

  it('a group test lets go of what was fixed before it looks at anything else', async () => {
    const rig = new GroupRig();
    const table = rig.table([groupConfig('u', 'url-test', ['a', 'b'])], ['a', 'b'], {
      selected: new Map([['u', 'b']]),
    });
    assert.equal(table.group('u')?.fixed, 'b');
    await assert.rejects(table.testGroup('u', 'http://ignored/', 1_000, 'nonsense'), {
      code: 'route.ranges',
    });
    assert.equal(table.group('u')?.fixed, '');
    assert.deepEqual(rig.stored, [['u', '']]);
    await assert.rejects(table.testGroup('u', 'http://ignored/', 1_000, '*'), {
      kind: 'timeout',
      message: 'get delay: all proxies timeout',
    });
    assert.deepEqual(rig.tests, [`a ${TEST_URL}`, `b ${TEST_URL}`]);
    assert.equal(nowOf(table, 'u'), 'a');
  });

  it('UDP flows are no feedback', async () => {
    const rig = new GroupRig();
    const table = rig.table([groupConfig('f', 'fallback', ['a', 'b'], { maxFailedTimes: 1 })]);
    const flow = flowTo('x.test', { network: 'udp' });
    table.choose('f', flow)?.dialed(new Error('connection refused'));
    await rig.settle();
    assert.deepEqual(rig.tests, []);
  });
});
