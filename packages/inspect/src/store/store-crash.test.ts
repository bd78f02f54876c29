import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { ExchangeStore } from './exchange-store.ts';
import { sampleExchange, storeContext } from './store-fixture.ts';

// Stores without pause and prints ids as they are acknowledged.
const CHILD = `
  import { ExchangeStore } from ${JSON.stringify(new URL('./exchange-store.ts', import.meta.url).href)};
  import { sampleExchange, storeContext } from ${JSON.stringify(new URL('./store-fixture.ts', import.meta.url).href)};
  const { context, remove } = storeContext();
  remove();
  context.events.on('exchange.stored', ({ ids }) => process.stdout.write(ids.join('\\n') + '\\n'));
  const store = await ExchangeStore.open({ ...context, dataDir: process.argv[2] });
  setInterval(() => { for (let n = 0; n < 20; n++) store.record(sampleExchange({ responseBody: 'x'.repeat(2000) })); }, 1);
`;

describe('the exchange store after a crash', () => {
  it('has every acknowledged exchange when its process was killed', { timeout: 30_000 }, async () => {
    const { context, remove } = storeContext();
    const program = join(context.dataDir, 'child.mjs');
    writeFileSync(program, CHILD);
    const child = spawn(process.execPath, [program, context.dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 400) child.kill('SIGKILL');
    }
    assert.deepEqual(await exited, [null, 'SIGKILL']);
    // The last line may have been cut off by the kill.
    acknowledged.pop();
    const store = await ExchangeStore.open(context);
    try {
      const stored = new Map<string, number>();
      let before: number | undefined = Number.MAX_SAFE_INTEGER;
      while (before !== undefined) {
        const rows: readonly { id: string; sequence: number }[] = await store.query('list', {
          limit: 1_000,
          beforeSequence: before,
        });
        for (const { id, sequence } of rows) stored.set(id, sequence);
        before = rows.at(-1)?.sequence;
      }
      assert.deepEqual(
        acknowledged.filter((id) => !stored.has(id)),
        [],
      );
      assert.equal(store.totals.requests, stored.size);
      const last = await store.query('exchange', acknowledged.at(-1) ?? '');
      assert.equal(last?.response?.bodyText?.length, 2_000);
    } finally {
      await store.close();
      remove();
    }
  });

  it('sets a damaged database aside and goes on', async () => {
    const { context, errors, remove } = storeContext();
    writeFileSync(join(context.dataDir, 'inspect.sqlite'), Buffer.alloc(20_000, 'not a database'));
    const store = await ExchangeStore.open(context);
    store.record(sampleExchange());
    await store.flush();
    assert.equal(store.totals.requests, 1);
    assert.match(errors.join(), /damaged/);
    await store.close();
    remove();
  });

  it('refuses a database of a later version', async () => {
    const { context, remove } = storeContext();
    const database = new DatabaseSync(join(context.dataDir, 'inspect.sqlite'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    await assert.rejects(ExchangeStore.open(context), { code: 'store.newer-schema' });
    remove();
  });

  it('brings an older database up to date', async () => {
    const { context, remove } = storeContext();
    // Version 0: a file that was created but never given a table.
    const database = new DatabaseSync(join(context.dataDir, 'inspect.sqlite'));
    database.exec('PRAGMA journal_mode = WAL; PRAGMA user_version = 0');
    database.close();
    const store = await ExchangeStore.open(context);
    store.record(sampleExchange());
    await store.flush();
    assert.equal((await store.query('status', undefined)).schemaVersion, 1);
    await store.close();
    remove();
  });
});
