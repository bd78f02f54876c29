import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRouteDatabase } from '../../store/route-database.ts';
import { FakeIpPool } from './fake-ip-pool.ts';
import { FakeIpRange } from './fake-ip-range.ts';
import { type FakeIpTable, MemoryFakeIpTable } from './fake-ip-table.ts';
import { StoredFakeIpTable } from './stored-fake-ip-table.ts';

const throwIt = (error: unknown): void => {
  throw error;
};
const ipFor = (pool: FakeIpPool, name: string): string => pool.range.ipAt(pool.slotFor(name));

describe('fake-ip range', () => {
  it('knows what it hands out', () => {
    const range = new FakeIpRange('198.18.0.1/16');
    assert.equal(range.text, '198.18.0.0/16');
    assert.equal(range.gateway, '198.18.0.1');
    assert.equal(range.broadcast, '198.18.255.255');
    assert.equal(range.ipAt(range.firstSlot), '198.18.0.4');
    assert.equal(range.slotOf('198.18.0.4'), 4);
    assert.equal(range.slotOf('198.18.255.254'), 65_534);
    for (const ip of ['198.18.0.3', '198.18.255.255', '198.19.0.4', '::', 'x', ''])
      assert.equal(range.slotOf(ip), -1, ip);
  });

  it('takes every address but gateway and broadcast for a fake one', () => {
    const range = new FakeIpRange('198.18.0.1/16');
    for (const ip of ['198.18.0.0', '198.18.0.2', '198.18.9.9']) assert.equal(range.isFake(ip), true, ip);
    for (const ip of ['198.18.0.1', '198.18.255.255', '198.17.255.255', 'fd00::1'])
      assert.equal(range.isFake(ip), false, ip);
  });

  it('counts IPv6 addresses, and those far out are fake but never handed out', () => {
    const range = new FakeIpRange('fdfe:dcba:9876::1/64');
    assert.equal(range.text, 'fdfe:dcba:9876::/64');
    assert.equal(range.ipAt(4), 'fdfe:dcba:9876::4');
    assert.equal(range.slotOf('fdfe:dcba:9876::1:0'), 65_536);
    assert.equal(range.slotOf('fdfe:dcba:9876::1:0:0'), -1);
    assert.equal(range.isFake('fdfe:dcba:9876::1:0:0'), true);
    assert.equal(range.isFake('fdfe:dcba:9876::1'), false);
    assert.equal(range.isFake('fdfe:dcba:9876:1::5'), false);
    const small = new FakeIpRange('fd00::8:0/124');
    assert.equal(small.ipAt(4), 'fd00::8:4');
    assert.equal(small.lastSlot, 15);
  });

  it('refuses what is too small or no prefix', () => {
    for (const text of ['198.18.0.1/30', '198.18.0.1/32', 'fd00::/127'])
      assert.throws(() => new FakeIpRange(text), {
        code: 'dns.fake-ip-range',
        message: "ipnet don't have valid ip",
      });
    for (const text of ['', '198.18.0.1', 'x/16'])
      assert.throws(() => new FakeIpRange(text), { code: 'dns.fake-ip-range' });
    assert.equal(new FakeIpRange('198.18.0.1/29').lastSlot, 7);
  });
});

const tables: Record<string, (range: FakeIpRange) => FakeIpTable> = {
  memory: () => new MemoryFakeIpTable(),
  stored: (range) => new StoredFakeIpTable(openRouteDatabase(':memory:'), range, throwIt),
};

for (const [kind, openTable] of Object.entries(tables)) {
  describe(`fake-ip pool, ${kind}`, () => {
    const open = (text: string): FakeIpPool => {
      const range = new FakeIpRange(text);
      return new FakeIpPool(range, openTable(range));
    };

    it('hands out addresses in order, one a name', () => {
      const pool = open('198.18.0.1/16');
      assert.equal(ipFor(pool, 'a.example'), '198.18.0.4');
      assert.equal(ipFor(pool, 'b.example'), '198.18.0.5');
      assert.equal(ipFor(pool, 'a.example'), '198.18.0.4');
      assert.equal(pool.nameOf('198.18.0.5'), 'b.example');
      assert.equal(pool.nameOf('198.18.0.6'), undefined);
      assert.equal(pool.size, 2);
    });

    it('starts over at the end and takes addresses away', () => {
      const pool = open('192.0.2.0/29');
      assert.deepEqual(
        ['a', 'b', 'c', 'd', 'e'].map((name) => ipFor(pool, name)),
        ['192.0.2.4', '192.0.2.5', '192.0.2.6', '192.0.2.4', '192.0.2.5'],
      );
      assert.equal(pool.nameOf('192.0.2.4'), 'd');
      assert.equal(pool.size, 3);
      assert.equal(ipFor(pool, 'a'), '192.0.2.6');
      assert.equal(ipFor(pool, 'c'), '192.0.2.4');
      assert.equal(ipFor(pool, 'e'), '192.0.2.5');
    });

    it('begins anew when cleared', () => {
      const pool = open('192.0.2.0/29');
      for (const name of ['a', 'b', 'c', 'd']) pool.slotFor(name);
      pool.clear();
      assert.equal(pool.size, 0);
      assert.equal(pool.nameOf('192.0.2.4'), undefined);
      assert.equal(ipFor(pool, 'z'), '192.0.2.4');
    });
  });
}

describe('fake-ip table in memory', () => {
  it('forgets the name used longest ago, in both directions', () => {
    const range = new FakeIpRange('198.18.0.1/16');
    const pool = new FakeIpPool(range, new MemoryFakeIpTable(3));
    for (const name of ['a', 'b', 'c']) pool.slotFor(name);
    pool.slotFor('a');
    pool.nameOf('198.18.0.5');
    pool.slotFor('d');
    assert.equal(pool.nameOf('198.18.0.6'), undefined);
    assert.equal(pool.nameOf('198.18.0.4'), 'a');
    assert.equal(pool.nameOf('198.18.0.5'), 'b');
    assert.equal(ipFor(pool, 'c'), '198.18.0.8');
  });

  it('carries on in another pool of the same range', () => {
    const range = new FakeIpRange('198.18.0.1/16');
    const table = new MemoryFakeIpTable();
    new FakeIpPool(range, table).slotFor('a');
    const pool = new FakeIpPool(range, table);
    assert.equal(pool.nameOf('198.18.0.4'), 'a');
    assert.equal(ipFor(pool, 'b'), '198.18.0.5');
  });
});

describe('fake-ip table on disk', () => {
  const range = new FakeIpRange('192.0.2.0/29');

  it('goes on after a restart, also in the middle of a second round', () => {
    const database = openRouteDatabase(':memory:');
    const before = new FakeIpPool(range, new StoredFakeIpTable(database, range, throwIt));
    for (const name of ['a', 'b', 'c', 'd']) before.slotFor(name);
    before.flush();
    const after = new FakeIpPool(range, new StoredFakeIpTable(database, range, throwIt));
    assert.equal(after.size, 3);
    assert.equal(after.nameOf('192.0.2.4'), 'd');
    assert.equal(ipFor(after, 'b'), '192.0.2.5');
    assert.equal(ipFor(after, 'e'), '192.0.2.5');
    assert.equal(after.nameOf('192.0.2.5'), 'e');
    assert.equal(ipFor(after, 'c'), '192.0.2.6');
  });

  it('begins anew for another range', () => {
    const database = openRouteDatabase(':memory:');
    const before = new FakeIpPool(range, new StoredFakeIpTable(database, range, throwIt));
    before.slotFor('a');
    before.flush();
    const other = new FakeIpRange('198.18.0.1/16');
    const after = new FakeIpPool(other, new StoredFakeIpTable(database, other, throwIt));
    assert.equal(after.size, 0);
    assert.equal(ipFor(after, 'b'), '198.18.0.4');
    after.flush();
    assert.equal(database.prepare('SELECT count(*) AS n FROM fake_ip').get()?.['n'], 1);
  });

  it('writes in batches, also when slots change hands within one', () => {
    const database = openRouteDatabase(':memory:');
    const wide = new FakeIpRange('198.18.0.0/22');
    const pool = new FakeIpPool(wide, new StoredFakeIpTable(database, wide, throwIt));
    for (let index = 0; index < 5_000; index++) pool.slotFor(`n${index}`);
    pool.flush();
    const names = wide.lastSlot - wide.firstSlot;
    assert.equal(pool.size, names);
    assert.equal(database.prepare('SELECT count(*) AS n FROM fake_ip').get()?.['n'], names);
    const again = new FakeIpPool(wide, new StoredFakeIpTable(database, wide, throwIt));
    for (let index = 5_000 - names; index < 5_000; index++) {
      assert.equal(again.slotFor(`n${index}`), pool.slotFor(`n${index}`));
      assert.equal(again.nameOf(wide.ipAt(pool.slotFor(`n${index}`))), `n${index}`);
    }
  });

  it('keeps two families apart', () => {
    const database = openRouteDatabase(':memory:');
    const v6 = new FakeIpRange('fd00::/64');
    const pools = [range, v6].map(
      (each) => new FakeIpPool(each, new StoredFakeIpTable(database, each, throwIt)),
    );
    for (const pool of pools) {
      pool.slotFor('a');
      pool.flush();
    }
    assert.deepEqual(
      pools.map((pool) => ipFor(pool, 'a')),
      ['192.0.2.4', 'fd00::4'],
    );
    pools[0]?.clear();
    const after = new FakeIpPool(v6, new StoredFakeIpTable(database, v6, throwIt));
    assert.equal(after.nameOf('fd00::4'), 'a');
  });

  it('reports a database that refuses and goes on', () => {
    const database = openRouteDatabase(':memory:');
    const errors: unknown[] = [];
    const pool = new FakeIpPool(range, new StoredFakeIpTable(database, range, (error) => errors.push(error)));
    database.exec('DROP TABLE fake_ip_state');
    pool.slotFor('a');
    pool.flush();
    assert.equal(errors.length, 1);
    assert.equal(ipFor(pool, 'a'), '192.0.2.4');
  });
});
