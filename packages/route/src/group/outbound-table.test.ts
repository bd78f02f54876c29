import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GroupConfig } from '../config/proxy-config.ts';
import { RejectOutbound } from '../outbound/reject/reject.ts';
import { OutboundTable } from './outbound-table.ts';

const group = (name: string, members: readonly string[], more: Partial<GroupConfig> = {}): GroupConfig => ({
  name,
  type: 'select',
  members,
  testUrl: 'http://test/',
  intervalSeconds: 0,
  timeoutMs: 5_000,
  expectedStatus: '*',
  disableUdp: false,
  hidden: false,
  icon: '',
  interfaceName: '',
  defaultSelected: '',
  ...more,
});

const table = (groups: readonly GroupConfig[], selected = new Map<string, string>()) =>
  new OutboundTable([new RejectOutbound('REJECT')], [new RejectOutbound('node')], groups, selected);

describe('outbound table', () => {
  it('follows groups to the outbound, leaf first', () => {
    const outbounds = table([group('A', ['B']), group('B', ['REJECT', 'node'])], new Map([['B', 'node']]));
    assert.deepEqual(outbounds.resolve('A')?.chains, ['node', 'B', 'A']);
    assert.deepEqual(outbounds.resolve('REJECT')?.chains, ['REJECT']);
    assert.equal(outbounds.resolve('nobody'), undefined);
  });

  it('gives up on loops instead of spinning', () => {
    const outbounds = table([group('A', ['B']), group('B', ['A']), group('Self', ['Self'])]);
    assert.equal(outbounds.resolve('A'), undefined);
    assert.equal(outbounds.resolve('Self'), undefined);
    assert.equal(outbounds.view('A')?.udp, false);
  });

  it('keeps a remembered member that is absent, and starts with the default', () => {
    const outbounds = table([group('A', ['REJECT', 'node'], { defaultSelected: 'node' })]);
    assert.equal(outbounds.view('A')?.group?.now, 'node');
    const remembered = table([group('A', ['REJECT', 'node'])], new Map([['A', 'gone']]));
    assert.equal(remembered.view('A')?.group?.now, 'REJECT');
  });

  it('a group can forbid UDP', () => {
    assert.equal(table([group('A', ['node'], { disableUdp: true })]).view('A')?.udp, false);
    assert.equal(table([group('A', ['node'])]).view('A')?.udp, true);
  });

  it('a configured GLOBAL replaces the automatic one', () => {
    assert.deepEqual(table([group('GLOBAL', ['node'])]).view('GLOBAL')?.group?.all, ['node']);
    assert.deepEqual(table([group('A', ['node'])]).view('GLOBAL')?.group?.all, [
      'DIRECT',
      'REJECT',
      'node',
      'A',
    ]);
  });
});
