import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { openDatabase } from '@sluice/core/store/database';
import { ExchangeBatch } from './exchange-batch.ts';
import { ExchangeEraser } from './exchange-eraser.ts';
import { DEFAULT_STORE_SETTINGS, ExchangeStore } from './exchange-store.ts';
import { ExchangeWriter } from './exchange-writer.ts';
import { MIGRATIONS } from './schema.ts';
import { sampleExchange, storeContext } from './store-fixture.ts';

describe('keeping the exchange store within limits', () => {
  function openWriter(segmentBytes = 50_000) {
    const { context, remove } = storeContext();
    const directory = join(context.dataDir, 'inspect');
    const database = openDatabase(join(context.dataDir, 'inspect.sqlite'), MIGRATIONS);
    const writer = new ExchangeWriter(database, { directory, segmentBytes });
    let sequence = 0;
    const insert = (count: number, storedMs: number): void => {
      const batch = new ExchangeBatch(1_000_000);
      for (let index = 0; index < count; index++) {
        sequence++;
        batch.add(
          sampleExchange({ responseBody: 'x'.repeat(2_000) }),
          { sequence, key: storedMs * 1_000 + sequence, storedMs },
          true,
        );
      }
      writer.insert(Buffer.from(batch.memory), batch.lengthBytes, count);
    };
    const close = (): void => {
      writer.close();
      database.close();
      remove();
    };
    const sequences = () =>
      database
        .prepare('SELECT seq FROM exchange ORDER BY seq')
        .all()
        .map((row) => Number(row['seq']));
    return { writer, eraser: new ExchangeEraser(writer), insert, sequences, directory, database, close };
  }

  const unlimited = {
    maxAgeMs: Number.POSITIVE_INFINITY,
    maxExchanges: Number.POSITIVE_INFINITY,
    maxBytes: Number.POSITIVE_INFINITY,
  };

  it('deletes the oldest beyond the count, a slice at a time', () => {
    const { writer, eraser, insert, sequences, close } = openWriter();
    for (let round = 0; round < 8; round++) insert(100, 1_000);
    assert.equal(eraser.retainOnce({ ...unlimited, maxExchanges: 50 }, 2_000), true);
    assert.equal(sequences().length, 300);
    assert.equal(eraser.retainOnce({ ...unlimited, maxExchanges: 50 }, 2_000), false);
    assert.deepEqual([sequences()[0], sequences().length], [751, 50]);
    assert.equal(writer.counters.read().requests, 50);
    assert.equal(eraser.retainOnce({ ...unlimited, maxExchanges: 50 }, 2_000), false);
    close();
  });

  it('deletes what is too old', () => {
    const { eraser, insert, sequences, close } = openWriter();
    insert(10, 1_000);
    insert(10, 5_000);
    eraser.retainOnce({ ...unlimited, maxAgeMs: 2_000 }, 6_000);
    assert.deepEqual([sequences()[0], sequences().length], [11, 10]);
    close();
  });

  it('deletes down to the bytes, and removes segments with their last record', () => {
    const { writer, eraser, insert, directory, close } = openWriter();
    for (let round = 0; round < 10; round++) insert(20, 1_000);
    const segments = readdirSync(directory).length;
    assert.ok(segments >= 5);
    eraser.retainOnce({ ...unlimited, maxBytes: 100_000 }, 2_000);
    const totals = writer.counters.read();
    const bytes = totals.requestBytes + totals.responseBytes + totals.modifiedBytes;
    assert.ok(bytes <= 100_000 && bytes > 90_000);
    assert.ok(readdirSync(directory).length < segments / 2);
    close();
  });

  it('does not insert a batch twice', () => {
    const { writer, sequences, close } = openWriter();
    const batch = new ExchangeBatch(100_000);
    batch.add(sampleExchange(), { sequence: 1, key: 1_001, storedMs: 1 }, true);
    for (let time = 0; time < 2; time++) writer.insert(Buffer.from(batch.memory), batch.lengthBytes, 1);
    assert.deepEqual(sequences(), [1]);
    assert.equal(writer.counters.read().requests, 1);
    close();
  });

  it('keeps the counters equal to the rows through any mixture of changes', async () => {
    const { writer, eraser, insert, database, close } = openWriter();
    insert(30, 1_000);
    insert(30, 4_000_000);
    await eraser.deleteHostResponses('no.such');
    await eraser.deleteRequest('req_1000_3');
    await eraser.deleteResponse('res_1000_7');
    eraser.retainOnce({ ...unlimited, maxExchanges: 40 }, 0);
    insert(5, 9_000_000);
    const count = (where: string) =>
      Number(database.prepare(`SELECT count(*) AS n FROM exchange WHERE ${where}`).get()?.['n']);
    const totals = writer.counters.read();
    assert.deepEqual([totals.requests, totals.responses], [count('flags & 1'), count('flags & 2')]);
    const hours = database.prepare('SELECT hour, responses, last_ms FROM host_hour ORDER BY hour').all();
    const expected = database
      .prepare(
        'SELECT stored_ms / 3600000 AS hour, count(*) AS responses, max(stored_ms) AS last_ms FROM exchange WHERE flags & 2 GROUP BY 1 ORDER BY 1',
      )
      .all();
    assert.deepEqual(hours, expected);
    close();
  });
});

// Dies of the first batch, once; its next life is the real writer.
const DYING_WRITER = `
  import { existsSync, writeFileSync } from 'node:fs';
  import { parentPort } from 'node:worker_threads';
  const marker = new URL('./has-died', import.meta.url);
  if (!existsSync(marker)) {
    parentPort.on('message', ({ operation }) => {
      if (operation !== 'insert') return;
      writeFileSync(marker, '');
      throw new Error('out of luck');
    });
  }
  await import(${JSON.stringify(new URL('./writer-worker.ts', import.meta.url).href)});
`;

describe('a thread of the exchange store that dies', () => {
  it('is reported and replaced, calls fail clearly, and no exchange is lost', {
    timeout: 20_000,
  }, async () => {
    const { context, errors, remove } = storeContext();
    const failures: string[] = [];
    const died = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    context.events.on('service.failed', ({ service }) => {
      failures.push(service);
      died.resolve();
    });
    context.events.on('exchange.stored', () => stored.resolve());
    const writer = join(context.dataDir, 'dying-writer.mjs');
    writeFileSync(writer, DYING_WRITER);
    const store = await ExchangeStore.open(context, DEFAULT_STORE_SETTINGS, {
      writer: pathToFileURL(writer),
      reader: new URL('./reader-worker.ts', import.meta.url),
    });
    store.record(sampleExchange());
    await died.promise;
    await assert.rejects(store.retain(), { code: 'inspect.store-stopped', message: /out of luck/ });
    store.record(sampleExchange());
    await store.flush();
    await stored.promise;
    assert.deepEqual(failures, ['inspect.store']);
    assert.match(errors.join(), /writer thread died: out of luck/);
    assert.equal(store.totals.requests, 2);
    assert.equal(store.lostExchanges, 0);
    await store.close();
    remove();
  });

  it('is replaced by the next question when it was the reader', async () => {
    const { context, remove } = storeContext();
    const reader = join(context.dataDir, 'dying-reader.mjs');
    writeFileSync(
      reader,
      DYING_WRITER.replaceAll('insert', 'stats').replace('writer-worker', 'reader-worker'),
    );
    const store = await ExchangeStore.open(context, DEFAULT_STORE_SETTINGS, {
      writer: new URL('./writer-worker.ts', import.meta.url),
      reader: pathToFileURL(reader),
    });
    await assert.rejects(store.query('stats', undefined), { code: 'inspect.store-stopped' });
    assert.equal((await store.query('stats', undefined)).totalRequests, 0);
    await store.close();
    await assert.rejects(store.query('stats', undefined), { code: 'inspect.store-stopped' });
    remove();
  });
});
