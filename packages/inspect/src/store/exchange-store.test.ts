import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ResponseRecord, WithBody } from '../port.ts';
import { DEFAULT_STORE_SETTINGS, ExchangeStore } from './exchange-store.ts';
import { bodyOf, type SampleExchange, sampleExchange, storeContext } from './store-fixture.ts';

describe('ExchangeStore', () => {
  let fixture: ReturnType<typeof storeContext>;
  let store: ExchangeStore;

  beforeEach(async () => {
    fixture = storeContext();
    store = await ExchangeStore.open(fixture.context);
  });

  afterEach(async () => {
    await store.close();
    fixture.remove();
  });

  async function record(...samples: readonly SampleExchange[]): Promise<string[]> {
    const exchanges = samples.map(sampleExchange);
    for (const exchange of exchanges) store.record(exchange);
    await store.flush();
    return exchanges.map(({ id }) => id);
  }

  const page = { page: 1, limit: 20, isRegex: false };

  it('gives back what it was given', async () => {
    const given = {
      ...sampleExchange({
        url: 'https://api.example.com:8443/v1/ü?q=1',
        method: 'POST',
        requestHeaders: [
          ['Host', 'api.example.com'],
          ['X-A', '1'],
          ['x-a', '2'],
        ],
        responseHeaders: [
          ['Content-Type', 'text/plain; charset=utf-8'],
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
        ],
        requestBody: '{"grüße":1}',
        responseBody: 'ответ',
        modifiedBody: 'changed',
        error: 'reset',
      }),
      route: ['leaf', 'GROUP'],
    };
    store.record(given);
    await store.flush();
    const found = await store.query('exchange', given.id);
    assert.ok(found);
    assert.equal(found.summary.id, given.id);
    assert.equal(found.summary.ruleId, 'rule_1_1');
    assert.equal(found.summary.status, 200);
    assert.equal(found.summary.durationMs, 9);
    assert.match(found.request.id, /^req_\d{13}_\d{1,3}$/);
    assert.equal(found.request.url, given.request.url);
    assert.equal(found.request.port, 8443);
    assert.deepEqual(found.request.headers, given.request.headers);
    assert.equal(found.request.bodyText, '{"grüße":1}');
    assert.deepEqual(found.request.route, ['leaf', 'GROUP']);
    assert.deepEqual(found.request.timing, given.timing);
    assert.match(found.response?.id ?? '', /^res_\d{13}_\d{1,3}$/);
    assert.equal(found.response?.requestId, found.request.id);
    assert.deepEqual(found.response?.headers, given.response?.headers);
    assert.equal(found.response?.bodyText, 'ответ');
    assert.equal(found.modified?.bodyText, 'changed');
    assert.equal(found.modified?.ruleName, 'a rule');
    assert.equal(found.modified?.matchedRules, 2);
    assert.deepEqual(await store.query('request', found.request.id), found.request);
    assert.deepEqual(await store.query('response', found.response?.id ?? ''), found.response);
    assert.deepEqual(await store.query('response', found.request.id), found.response);
    assert.deepEqual(await store.query('modifiedResponse', found.request.id), found.modified);
    assert.deepEqual(await store.query('modifiedResponse', found.modified?.id ?? ''), found.modified);
    assert.equal(await store.query('request', 'req_1_1'), undefined);
    assert.equal(await store.query('exchange', 'no such'), undefined);
  });

  it('announces exchanges after their commit', async () => {
    const announced: string[] = [];
    fixture.context.events.on('exchange.stored', ({ ids }) => void announced.push(...ids));
    const ids = await record({}, {}, { response: undefined, error: 'refused' });
    assert.deepEqual(announced, ids);
    assert.equal(store.totals.requests, 3);
    assert.equal(store.totals.responses, 2);
    assert.equal(store.pendingExchanges, 0);
    assert.equal(store.pendingBytes, 0);
  });

  it('lists newest first, pages backwards and filters by method, URL and status', async () => {
    await record(
      { url: 'http://a.test/one' },
      { url: 'http://b.test/two', method: 'DELETE' },
      { url: 'http://a.test/100%', status: 404 },
    );
    const all = await store.query('list', { limit: 10 });
    assert.deepEqual(
      all.map(({ url }) => url),
      ['http://a.test/100%', 'http://b.test/two', 'http://a.test/one'],
    );
    assert.deepEqual(
      all.map(({ sequence }) => sequence),
      [3, 2, 1],
    );
    const older = await store.query('list', { limit: 1, beforeSequence: 3 });
    assert.deepEqual(
      older.map(({ sequence }) => sequence),
      [2],
    );
    const urlsFor = async (filter: string) =>
      (await store.query('list', { limit: 10, filter })).map(({ url }) => url);
    assert.deepEqual(await urlsFor('delete'), ['http://b.test/two']);
    assert.deepEqual(await urlsFor('404'), ['http://a.test/100%']);
    assert.deepEqual(await urlsFor('0%'), ['http://a.test/100%']);
    assert.deepEqual(await urlsFor('A.TEST'), ['http://a.test/100%', 'http://a.test/one']);
    assert.deepEqual(await urlsFor('a_test'), []);
  });

  it('pages with true totals, by host and past the end', async () => {
    await record(
      ...Array.from({ length: 45 }, (_, index) => ({
        url: `http://${index % 3 === 0 ? 'a' : 'b'}.test/${index}`,
      })),
    );
    const pathsOf = async (query: Partial<typeof page> & { host?: string }) => {
      const { rows, total } = await store.query('requests', { ...page, ...query });
      return { paths: rows.map(({ url }) => new URL(url).pathname), total };
    };
    assert.deepEqual(await pathsOf({ limit: 3 }), { paths: ['/44', '/43', '/42'], total: 45 });
    assert.deepEqual(await pathsOf({ limit: 20, page: 3 }), {
      paths: ['/4', '/3', '/2', '/1', '/0'],
      total: 45,
    });
    assert.deepEqual(await pathsOf({ limit: 2, page: 8, host: 'a.test' }), { paths: ['/0'], total: 15 });
    assert.deepEqual(await pathsOf({ page: 9 }), { paths: [], total: 45 });
    assert.deepEqual(await pathsOf({ host: 'c.test' }), { paths: [], total: 0 });
  });

  it('walks through everything, oldest first', async () => {
    await record(
      { url: 'http://a.test/1' },
      { url: 'http://a.test/2', response: undefined },
      { url: 'http://a.test/3' },
    );
    const first = await store.query('scanResponses', { afterSequence: 0, limit: 1 });
    assert.deepEqual(
      first.rows.map(({ url }) => url),
      ['http://a.test/1'],
    );
    const rest = await store.query('scanResponses', { afterSequence: first.lastSequence ?? 0, limit: 10 });
    assert.deepEqual(
      rest.rows.map(({ url }) => url),
      ['http://a.test/3'],
    );
    const end = await store.query('scanResponses', { afterSequence: rest.lastSequence ?? 0, limit: 10 });
    assert.deepEqual(end, { rows: [], lastSequence: undefined });
  });

  it('deletes a request with what hangs off it, and a response alone', async () => {
    await record(
      { url: 'http://a.test/1', modifiedBody: 'm' },
      { url: 'http://a.test/2' },
      { url: 'http://b.test/3' },
    );
    const { rows } = await store.query('requests', page);
    const [third, second, first] = rows.map(({ id }) => id);
    assert.ok(first && second && third);
    assert.deepEqual(await store.delete('deleteRequest', 'req_1_0'), { count: 0, ids: [] });
    assert.deepEqual(await store.delete('deleteRequest', first), { count: 1, ids: [first] });
    assert.equal(await store.query('request', first), undefined);
    assert.equal(await store.query('response', first), undefined);
    assert.equal(await store.query('modifiedResponse', first), undefined);

    const response = (await store.query('response', second)) as WithBody<ResponseRecord>;
    assert.deepEqual(await store.delete('deleteResponse', response.id), { count: 1, ids: [response.id] });
    assert.deepEqual(await store.delete('deleteResponse', response.id), { count: 0, ids: [] });
    assert.equal(await store.query('response', second), undefined);
    assert.equal((await store.query('request', second))?.id, second);
    assert.equal((await store.delete('deleteResponse', third)).count, 1, 'by request id');
    assert.equal(store.totals.responses, 0);
    assert.equal(store.totals.requests, 2);
  });

  it('keeps statistics equal to the rows through inserts and deletions', async () => {
    await record(
      { url: 'http://a.test/1' },
      { url: 'http://a.test/2', method: 'POST', modifiedBody: 'm' },
      { url: 'http://b.test/3', response: undefined },
      { url: 'http://b.test/4' },
      { url: 'http://b.test/5' },
    );
    assert.deepEqual(await store.query('stats', undefined), {
      totalRequests: 5,
      totalResponses: 4,
      totalModifiedResponses: 1,
      hosts: [
        { hostname: 'b.test', requestCount: 3, responseCount: 2, modifiedCount: 0, methods: { GET: 3 } },
        {
          hostname: 'a.test',
          requestCount: 2,
          responseCount: 2,
          modifiedCount: 1,
          methods: { GET: 1, POST: 1 },
        },
      ],
    });
    assert.deepEqual(await store.query('hosts', undefined), ['a.test', 'b.test']);
    const before = await store.query('activeHosts', { sinceMs: Date.now() - 86_400_000 });
    assert.deepEqual(before.map(({ hostname, count }) => [hostname, count]).sort(), [
      ['a.test', 2],
      ['b.test', 2],
    ]);

    assert.equal((await store.delete('deleteHostResponses', 'b.test')).count, 2);
    assert.equal((await store.delete('deleteHostRequests', 'a.test')).count, 2);
    assert.equal((await store.delete('deleteHostRequests', 'c.test')).count, 0);
    assert.deepEqual(await store.query('stats', undefined), {
      totalRequests: 3,
      totalResponses: 0,
      totalModifiedResponses: 0,
      hosts: [
        { hostname: 'b.test', requestCount: 3, responseCount: 0, modifiedCount: 0, methods: { GET: 3 } },
      ],
    });
    assert.deepEqual(await store.query('activeHosts', { sinceMs: 0 }), []);
    assert.equal(store.totals.responseBytes, 0);
    assert.equal(store.totals.modifiedBytes, 0);
    await store.delete('deleteHostRequests', 'b.test');
    assert.equal(store.totals.requestBytes, 0);
    assert.deepEqual(await store.query('hosts', undefined), []);
    await record({ url: 'http://a.test/again' });
    assert.deepEqual(await store.query('hosts', undefined), ['a.test']);
  });

  it('counts active hosts to the millisecond, also in the hour that is cut', async () => {
    await record({ url: 'http://a.test/1' });
    const [first] = (await store.query('responses', page)).rows;
    assert.ok(first);
    assert.equal((await store.query('activeHosts', { sinceMs: first.storedMs }))[0]?.count, 1);
    assert.deepEqual(await store.query('activeHosts', { sinceMs: first.storedMs + 1 }), []);
  });

  it('clears everything, gives the space back and goes on counting upwards', async () => {
    await record(...Array.from({ length: 300 }, () => ({ responseBody: 'x'.repeat(5_000) })));
    assert.ok((await store.query('status', undefined)).segmentBytes > 1_500_000);
    await store.query('list', { limit: 1 });
    await store.deleteAll();
    const status = await store.query('status', undefined);
    assert.equal(status.segmentBytes, 0);
    assert.equal(status.freePages, 0);
    assert.deepEqual(
      { ...status.totals, lastSequence: 0, lastKey: 0 },
      {
        ...status.totals,
        lastSequence: 0,
        lastKey: 0,
        requests: 0,
        requestBytes: 0,
        responses: 0,
        responseBytes: 0,
      },
    );
    await record({});
    assert.equal((await store.query('list', { limit: 1 }))[0]?.sequence, 301);
    assert.equal((await store.query('requests', page)).rows.length, 1);
  });

  it('erases the bytes of what was deleted', async () => {
    const { readFileSync } = await import('node:fs');
    await record(
      { responseBody: 'a very secret answer', url: 'http://a.test/1' },
      { responseBody: 'kept', url: 'http://b.test/2' },
    );
    const directory = join(fixture.context.dataDir, 'inspect');
    const holds = (text: string) =>
      readdirSync(directory).some((name) => readFileSync(join(directory, name)).includes(text));
    assert.ok(holds('secret'));
    await store.delete('deleteHostResponses', 'a.test');
    assert.ok(!holds('secret'));
    assert.ok(holds('kept'));
    assert.equal((await store.query('responses', page)).rows[0]?.bodyText, 'kept');
  });

  it('is the same after closing and opening again, with ids that go on', async () => {
    const [id] = await record({ url: 'http://a.test/1' });
    const before = await store.query('exchange', id ?? '');
    await store.close();
    store = await ExchangeStore.open(fixture.context);
    assert.deepEqual(await store.query('exchange', id ?? ''), before);
    await record({ url: 'http://a.test/2' });
    const rows = await store.query('list', { limit: 5 });
    assert.deepEqual(
      rows.map(({ sequence }) => sequence),
      [2, 1],
    );
  });

  it('drops bodies, then exchanges, when too much is waiting, and says so', async () => {
    await store.close();
    store = await ExchangeStore.open(fixture.context, {
      ...DEFAULT_STORE_SETTINGS,
      queue: { maxExchanges: 50, maxBytes: 100_000, hardMaxExchanges: 60 },
    });
    for (let index = 0; index < 70; index++)
      store.record(sampleExchange({ responseBody: 'x'.repeat(3_000) }));
    assert.equal(store.lostExchanges, 10);
    assert.ok(store.exchangesWithoutBodies > 30 && store.exchangesWithoutBodies < 60);
    await store.flush();
    assert.equal(store.totals.requests, 60);
    const { rows } = await store.query('responses', { ...page, limit: 100 });
    const whole = rows.filter(({ body }) => body.storedBytes === 3_000 && !body.truncated);
    const bare = rows.filter(
      ({ body }) => body.storedBytes === 0 && body.truncated && body.sizeBytes === 3_000,
    );
    assert.equal(whole.length + bare.length, 60);
    assert.equal(bare.length, store.exchangesWithoutBodies);
    store.record(sampleExchange({ responseBody: 'back to normal' }));
    await store.flush();
    assert.equal((await store.query('responses', { ...page, limit: 1 })).rows[0]?.bodyText, 'back to normal');
  });

  it('stores a body larger than a batch', async () => {
    const large = Buffer.alloc(3_000_000, 'large ');
    const exchange = sampleExchange({ responseHeaders: [['Content-Type', 'text/plain']] });
    store.record({ ...exchange, response: { ...exchange.response!, body: bodyOf(large) } });
    await store.flush();
    assert.equal((await store.query('exchange', exchange.id))?.response?.bodyText?.length, 3_000_000);
  });
});
