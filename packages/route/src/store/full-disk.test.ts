import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { FakeIpRange } from '../dns/fake-ip/fake-ip-range.ts';
import { StoredFakeIpTable } from '../dns/fake-ip/stored-fake-ip-table.ts';
import { SelectionStore } from '../group/selection-store.ts';
import { StatisticsStore } from '../statistics/statistics-store.ts';
import { LogRecorder } from '../testing/log-recorder.ts';
import { openRouteDatabase, openRouteDatabaseOrMemory } from './route-database.ts';
import { quietWrites } from './testing/quiet-writes.ts';

const HOUR_MS = 3_600_000;

/** A database that has no room for more, until `free` is called. */
function fullDatabase() {
  const database = openRouteDatabase(':memory:');
  const { pages } = database.prepare('SELECT page_count AS pages FROM pragma_page_count').get() as {
    pages: number;
  };
  database.exec(`PRAGMA max_page_count = ${pages}`);
  return { database, free: () => database.exec('PRAGMA max_page_count = 100000') };
}

describe('a full disk', () => {
  it('costs no statistics of the hour, and is told of once a minute', () => {
    const { database, free } = fullDatabase();
    const clock = new FakeClock(HOUR_MS);
    const log = new LogRecorder();
    const store = new StatisticsStore(database, clock, quietWrites(log, clock));
    for (let number = 0; number < 3_000; number++) {
      const names = { client: '127.0.0.1', host: `${number}.test`, rule: 'Match', outbound: 'DIRECT' };
      store.record({ ...names, upload: 1, download: 2, closedAtMs: HOUR_MS });
    }
    store.flush();
    store.flush();
    assert.equal(log.lines.length, 1);
    assert.match(log.lines[0] ?? '', /^error statistics could not be saved: database or disk is full$/);
    clock.advance(60_000);
    store.flush();
    assert.equal(log.lines.length, 2);
    free();
    const [total] = store.timeline(0, 2 * HOUR_MS);
    assert.deepEqual([total?.connections, total?.download], [3_000, 6_000]);
    database.close();
  });

  it('keeps fake addresses in memory until there is room', () => {
    const { database, free } = fullDatabase();
    const errors: unknown[] = [];
    const table = new StoredFakeIpTable(database, new FakeIpRange('198.18.0.1/16'), (error) =>
      errors.push(error),
    );
    for (let slot = 0; slot < 3_000; slot++)
      table.put(slot, `${'x'.repeat(100)}${slot}.test`, { slot, cycled: false });
    assert.ok(errors.length > 0 && errors.length < 10, String(errors.length));
    assert.match(String(errors[0]), /database or disk is full/);
    assert.equal(table.slotOf(`${'x'.repeat(100)}7.test`), 7);
    free();
    table.flush();
    const count = database.prepare('SELECT count(*) AS count FROM fake_ip').get();
    assert.equal(count?.['count'], 3_000);
    database.close();
  });

  it('lets groups be changed all the same', () => {
    const { database } = fullDatabase();
    const log = new LogRecorder();
    const store = new SelectionStore(database, quietWrites(log));
    for (let number = 0; number < 1_000; number++) store.save(`${number}${'g'.repeat(200)}`, 'member');
    assert.deepEqual(log.lines, ['error choices of groups could not be saved: database or disk is full']);
    database.close();
  });

  it('leaves memory in place of a file that cannot be used', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-store-'));
    const path = join(folder, 'route.sqlite');
    writeFileSync(path, 'this is no database, but long enough to be taken for a damaged one'.repeat(100));
    const log = new LogRecorder();
    const database = openRouteDatabaseOrMemory(path, log);
    new SelectionStore(database, quietWrites()).save('group', 'member');
    assert.match(log.lines.join(), /route\.sqlite cannot be used, so nothing is remembered over a restart: /);
    database.close();
    rmSync(folder, { recursive: true });
  });
});
