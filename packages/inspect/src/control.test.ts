import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createInspectControl } from './control.ts';
import type { CaView, InspectControl } from './port.ts';
import { ResponseRules } from './rule/response-rules.ts';
import { ExchangeStore } from './store/exchange-store.ts';
import { sampleExchange, storeContext } from './store/store-fixture.ts';

const CA: CaView = { subject: 'CN=test', path: '/ca.pem', sha256: 'aa', notBeforeMs: 1, notAfterMs: 2 };

describe('the control of the inspect plane', () => {
  const { context, remove } = storeContext();
  let store: ExchangeStore;
  let rules: ResponseRules;
  let control: InspectControl;

  before(async () => {
    store = await ExchangeStore.open(context);
    rules = new ResponseRules(context.dataDir, context.clock, context.log);
    control = createInspectControl({
      clock: context.clock,
      store,
      rules,
      authority: () => ({ view: CA, export: async (format) => Buffer.from(format) }),
      listeners: () => [{ name: 'capture', host: '127.0.0.1', port: 8888 }],
    });
  });

  after(async () => {
    await store.close();
    rules.close();
    remove();
  });

  it('answers for an empty store', async () => {
    assert.deepEqual(await control.hosts(), []);
    assert.deepEqual(await control.activeHosts(24), []);
    assert.deepEqual(await control.requests({ page: 1, limit: 20, isRegex: false }), {
      rows: [],
      total: 0,
      partial: false,
    });
    assert.deepEqual(await control.stats(), {
      totalRequests: 0,
      totalResponses: 0,
      totalModifiedResponses: 0,
      hosts: [],
    });
    assert.equal(control.exchangeCount(), 0);
    assert.deepEqual(await control.exchanges({ limit: 5 }), []);
  });

  it('walks through more than one round of everything', async () => {
    for (let index = 0; index < 250; index++) store.record(sampleExchange({ url: `http://a.test/${index}` }));
    await store.flush();
    const requests = await Array.fromAsync(control.allRequests(), ({ url }) => new URL(url).pathname);
    assert.deepEqual(
      requests,
      Array.from({ length: 250 }, (_, index) => `/${index}`),
    );
    const responses = await Array.fromAsync(control.allResponses(), ({ id }) => id);
    assert.equal(new Set(responses).size, 250);
    assert.equal(control.exchangeCount(), 250);
    assert.deepEqual(
      (await control.activeHosts(1)).map(({ hostname, count }) => [hostname, count]),
      [['a.test', 250]],
    );
  });

  it('takes an IPv6 host with and without brackets', async () => {
    store.record(sampleExchange({ url: 'http://[::1]:8080/six', host: '::1' }));
    await store.flush();
    for (const host of ['::1', '[::1]']) {
      assert.equal((await control.requests({ page: 1, limit: 1, isRegex: false, host })).total, 1);
    }
    assert.equal((await control.deleteHostRequests('[::1]')).count, 1);
  });

  it('tells sizes that belong to each collection', async () => {
    const status = await control.status();
    assert.equal(status.directory, context.dataDir);
    assert.deepEqual(
      [status.requests.count, status.responses.count, status.modifiedResponses.count],
      [250, 250, 0],
    );
    assert.equal(status.modifiedResponses.sizeBytes, 0);
    assert.ok(status.requests.exists && status.requests.sizeBytes > 0);
    const sum = status.requests.sizeBytes + status.responses.sizeBytes;
    assert.ok(sum <= Number(status.database['bodiesSize']));
    assert.equal(status.database['engine'], 'sqlite');
    assert.equal(status.database['schemaVersion'], 1);
  });

  it('deletes, and passes rules, authority and listeners on', async () => {
    const [first] = (await control.requests({ page: 1, limit: 1, isRegex: false })).rows;
    assert.equal((await control.deleteRequest(first?.id ?? '')).count, 1);
    assert.equal((await control.deleteHostResponses('a.test')).count, 249);
    await control.deleteAll();
    assert.equal(control.exchangeCount(), 0);
    const rule = control.createResponseRule({ name: 'n', host: '*', pathRegex: '^/', method: 'GET' });
    assert.deepEqual(control.responseRules(), [rule]);
    assert.equal(control.updateResponseRule(rule.id, { enabled: false }).enabled, false);
    assert.equal(control.responseRule(rule.id)?.enabled, false);
    assert.equal(control.deleteResponseRule(rule.id), true);
    assert.equal(control.ca(), CA);
    assert.equal((await control.exportCa('der')).toString(), 'der');
    assert.equal(control.listeners()[0]?.port, 8888);
  });
});
