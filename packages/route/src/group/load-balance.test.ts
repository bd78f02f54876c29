import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BalanceStrategy } from '../config/proxy-config.ts';
import type { OutboundTable } from './outbound-table.ts';
import { flowTo, GroupRig, groupConfig, TEST_URL } from './testing/group-rig.ts';

const NAMES = ['a', 'b', 'c', 'd'];

describe('load-balance', () => {
  function balanced(strategy: BalanceStrategy, rig = new GroupRig()): [OutboundTable, GroupRig] {
    return [rig.table([groupConfig('l', 'load-balance', NAMES, { strategy })], NAMES), rig];
  }
  /** Dials through `l`; the result is the node. */
  function dial(table: OutboundTable, host: string, sourceIp = '192.0.2.1'): string {
    const resolved = table.choose('l', flowTo(host, { sourceIp }));
    resolved?.dialed(undefined);
    return resolved?.leaf.name ?? '';
  }
  function kill(table: OutboundTable, ...names: string[]): void {
    for (const name of names) table.member(name)?.health.record(TEST_URL, 1, undefined, false);
  }
  function revive(table: OutboundTable, name: string): void {
    table.member(name)?.health.record(TEST_URL, 1, 10, true);
  }

  it('consistent-hashing: a site keeps its member, also under another name of it', () => {
    const [table] = balanced('consistent-hashing');
    const sites = Array.from({ length: 40 }, (_each, index) => `site${index}.example`);
    const chosen = sites.map((site) => dial(table, site));
    assert.deepEqual(new Set(chosen), new Set(NAMES));
    assert.deepEqual(
      sites.map((site) => dial(table, `www.${site}`, '192.0.2.200')),
      chosen,
    );
  });

  it('consistent-hashing: only flows of a dead member move', () => {
    const [table] = balanced('consistent-hashing');
    const sites = Array.from({ length: 40 }, (_each, index) => `site${index}.example`);
    const before = sites.map((site) => dial(table, site));
    kill(table, 'b');
    const after = sites.map((site) => dial(table, site));
    for (const [index, name] of before.entries()) {
      if (name === 'b') assert.notEqual(after[index], 'b');
      else assert.equal(after[index], name);
    }
    kill(table, 'a', 'c');
    assert.ok(sites.every((site) => dial(table, site) === 'd'));
    kill(table, 'd');
    assert.ok(sites.every((site) => dial(table, site) === 'a'));
  });

  it('round-robin: every dial takes the next that is alive; looking takes no turn', () => {
    const [table] = balanced('round-robin');
    assert.deepEqual(
      NAMES.map(() => dial(table, 'x.example')),
      NAMES,
    );
    for (let looks = 0; looks < 3; looks++) assert.equal(table.resolve('l')?.leaf.name, 'a');
    kill(table, 'b');
    assert.deepEqual(
      NAMES.map(() => dial(table, 'x.example')),
      ['a', 'c', 'd', 'a'],
    );
    kill(table, 'a', 'c', 'd');
    assert.equal(dial(table, 'x.example'), 'a');
  });

  it('round-robin: flows decided before any is dialed still take turns, and resolve moves on when it is dialed', () => {
    const [table] = balanced('round-robin');
    const together = NAMES.map(() => table.choose('l', flowTo('x.example'))?.leaf.name);
    assert.deepEqual(together, NAMES);
    const looked = table.resolve('l');
    assert.equal(looked?.leaf.name, 'a');
    looked?.dialed(new Error('timeout'));
    assert.equal(table.resolve('l')?.leaf.name, 'b');
  });

  it('sticky-sessions: a client stays with its member for a site for ten minutes of silence', () => {
    const [table, rig] = balanced('sticky-sessions');
    const first = dial(table, 'www.x.example');
    for (let dials = 0; dials < 20; dials++) {
      rig.clock.advance(500_000);
      assert.equal(dial(table, 'x.example'), first);
    }
    const others = new Set(
      Array.from({ length: 40 }, (_each, index) => dial(table, 'x.example', `192.0.2.${index + 2}`)),
    );
    assert.ok(others.size > 1);
    const later = new Set(
      Array.from({ length: 40 }, () => {
        rig.clock.advance(600_001);
        return dial(table, 'x.example');
      }),
    );
    assert.ok(later.size > 1);
  });

  it('sticky-sessions: who loses a member stays with the new one', () => {
    const [table] = balanced('sticky-sessions');
    const first = dial(table, 'x.example');
    kill(table, first);
    const second = dial(table, 'x.example');
    assert.notEqual(second, first);
    revive(table, first);
    for (let dials = 0; dials < 10; dials++) assert.equal(dial(table, 'x.example'), second);
    kill(table, ...NAMES);
    assert.equal(dial(table, 'x.example'), 'a');
  });

  it('a list that shrank is hashed anew', () => {
    const rig = new GroupRig();
    const provider = rig.provider(
      'sub',
      Array.from({ length: 50 }, (_each, index) => `n${index}`),
    );
    const config = groupConfig('l', 'load-balance', [], { use: ['sub'], strategy: 'sticky-sessions' });
    const table = rig.table([config], [], { providers: [provider] });
    for (let client = 0; client < 50; client++) dial(table, 'x.example', `192.0.2.${client}`);
    provider.load('n0', 'n1');
    for (let client = 0; client < 50; client++) {
      assert.match(dial(table, 'x.example', `192.0.2.${client}`), /^n[01]$/);
    }
  });
});
