import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRouteDatabase } from './route-database.ts';
import { StorageStore } from './storage-store.ts';

const bytes = (length: number, fill = 1) => new Uint8Array(length).fill(fill);

describe('storage of web interfaces', () => {
  it('keeps values over a restart', () => {
    const database = openRouteDatabase(':memory:');
    const store = new StorageStore(database);
    store.put('a', Buffer.from('{"x":1}'));
    store.put('a', Buffer.from('[1]'));
    store.put('b', Buffer.from('null'));
    store.delete('b');
    store.delete('never');
    const reopened = new StorageStore(database);
    assert.equal(Buffer.from(reopened.get('a') ?? []).toString(), '[1]');
    assert.equal(reopened.get('b'), undefined);
    database.close();
  });

  it('keeps no value under a key of more than 64 bytes', () => {
    const database = openRouteDatabase(':memory:');
    const store = new StorageStore(database);
    store.put('é'.repeat(33), bytes(1));
    store.put('é'.repeat(32), bytes(1));
    assert.equal(store.get('é'.repeat(33)), undefined);
    assert.notEqual(store.get('é'.repeat(32)), undefined);
    database.close();
  });

  it('lets the oldest written go when a mebibyte is exceeded', () => {
    const database = openRouteDatabase(':memory:');
    const store = new StorageStore(database);
    store.put('first', bytes(400_000));
    store.put('second', bytes(400_000));
    store.put('first', bytes(400_000, 2));
    store.put('third', bytes(400_000));
    assert.equal(store.get('second'), undefined);
    assert.equal(store.get('first')?.[0], 2);
    assert.equal(store.get('third')?.length, 400_000);
    store.put('fourth', bytes(1 << 20));
    assert.equal(store.get('third'), undefined);
    assert.equal(store.get('fourth')?.length, 1 << 20);
    store.put('fifth', bytes((1 << 20) + 1));
    assert.equal(store.get('fifth'), undefined);
    database.close();
  });

  it('lets the oldest written go when there are too many, counting those of an earlier run', () => {
    const database = openRouteDatabase(':memory:');
    const store = new StorageStore(database);
    database.exec(`INSERT INTO storage
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16384) SELECT 'k' || i, x'01', i FROM n`);
    const reopened = new StorageStore(database);
    reopened.put('new', bytes(1));
    assert.equal(store.get('k1'), undefined);
    assert.notEqual(store.get('k2'), undefined);
    assert.notEqual(store.get('new'), undefined);
    database.close();
  });
});
