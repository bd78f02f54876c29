import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { createHttpListener, type HttpListener } from '@sluice/core/http/http-listener';
import { WebSocket } from 'ws';
import { createNativeDialect } from './dialect.ts';
import { createNativeApi, type NativeApi } from './native-api.ts';
import { createFakeGateway, type FakeGateway } from './test-support/fake-gateway.ts';
import type * as wire from './types.ts';

type Running = { gateway: FakeGateway; api: NativeApi; listener: HttpListener; base: string };

async function run(secret: string): Promise<Running> {
  const gateway = createFakeGateway();
  const api = createNativeApi(gateway);
  const listener = createHttpListener({
    name: 'control',
    host: '127.0.0.1',
    port: 0,
    log: gateway.logs.logger,
    dialects: [createNativeDialect({ api, version: gateway.version, secret })],
  });
  await listener.start();
  return { gateway, api, listener, base: `http://127.0.0.1:${listener.address.port}/api/v1` };
}

async function halt({ api, listener }: Running): Promise<void> {
  api.close();
  await listener.stop(AbortSignal.timeout(2000));
}

async function nextItem<T>(socket: WebSocket): Promise<T> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(data.toString('utf8')) as T;
}

describe('native API', () => {
  let running: Running;
  before(async () => {
    running = await run('');
  });
  after(() => halt(running));

  async function call<T>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; value: T }> {
    const response = await fetch(running.base + path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return { status: response.status, value: (await response.json()) as T };
  }

  function watch(path: string): WebSocket {
    return new WebSocket(running.base.replace('http', 'ws') + path);
  }

  it('tells version, addresses, certificate authority and the state of this second', async () => {
    const { status, value } = await call<wire.Overview>('GET', '/overview');
    assert.equal(status, 200);
    assert.equal(value.version, '0.1.0-test');
    assert.equal(value.mode, 'rule');
    assert.equal(value.sample.counts.connections, 24);
    assert.equal(value.sample.counts.streams, 2);
    assert.equal(value.sample.counts.viewers, 12);
    assert.ok(value.sample.memory.rssBytes > 0);
    assert.equal(value.ca.subject, 'CN=Sluice CA');
    const urls = value.addresses.map((address) => `${address.use} ${address.protocol} ${address.url}`);
    assert.ok(urls.includes('dashboard http http://127.0.0.1:9090/ui/'), urls.join('\n'));
    assert.ok(urls.includes('proxy socks5 socks5://127.0.0.1:7890'));
    assert.ok(urls.includes('capture http http://127.0.0.1:8888'));
    assert.ok(urls.includes('publish rtmp rtmp://127.0.0.1:1935/live/{stream}'));
    assert.ok(urls.includes('play hls http://127.0.0.1:8080/live/{stream}/hls.m3u8'));
  });

  it('lists connections newest first and closes one or all of them', async () => {
    const { value } = await call<wire.Connections>('GET', '/connections');
    assert.equal(value.total, 24);
    assert.deepEqual(value.connections[0]?.chain, ['Proxy', 'edge-1']);
    assert.equal(value.connections[0]?.source, '192.168.1.10:50000');
    assert.equal((await call<wire.Done>('DELETE', '/connections/flow-3')).status, 200);
    assert.deepEqual(running.gateway.route.closed, ['flow-3']);
    const again = await call<wire.ErrorReply>('DELETE', '/connections/flow-3');
    assert.equal(again.status, 404);
    assert.equal(again.value.code, 'route.connection-not-found');
    assert.deepEqual((await call<wire.Removed>('DELETE', '/connections')).value, { removed: 23 });
  });

  it('pages through exchanges by sequence', async () => {
    const first = (await call<wire.Exchanges>('GET', '/exchanges?limit=20')).value;
    assert.equal(first.total, 30);
    assert.deepEqual([first.exchanges[0]?.sequence, first.nextBefore], [30, 11]);
    const second = (await call<wire.Exchanges>('GET', `/exchanges?limit=20&before=${first.nextBefore}`))
      .value;
    assert.deepEqual([second.exchanges.length, second.nextBefore], [10, null]);
    const filtered = (await call<wire.Exchanges>('GET', '/exchanges?filter=DELETE')).value;
    assert.ok(filtered.exchanges.length > 0);
    assert.ok(filtered.exchanges.every((exchange) => exchange.method === 'DELETE'));
  });

  it('shows an exchange with repeated headers in order, and what a rule made of it', async () => {
    const { value } = await call<wire.ExchangeDetail>('GET', '/exchanges/exchange-1');
    assert.deepEqual(
      value.response?.headers.filter(([name]) => name === 'Set-Cookie'),
      [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
    );
    assert.deepEqual(value.request.route, ['Proxy', 'edge-1']);
    assert.equal(value.modified?.status, 503);
    assert.equal(value.modified?.ruleName, 'Maintenance page');
    const unanswered = await call<wire.ExchangeDetail>('GET', '/exchanges/exchange-7');
    assert.equal(unanswered.value.response, null);
    assert.equal((await call('GET', '/exchanges/nothing')).status, 404);
  });

  it('creates, changes and deletes response rules', async () => {
    const incomplete = await call<wire.ErrorReply>('POST', '/response-rules', { name: 'x' });
    assert.deepEqual([incomplete.status, incomplete.value.code], [400, 'inspect.rule-incomplete']);
    const created = await call<wire.ResponseRule>('POST', '/response-rules', {
      host: 'a.test',
      pathRegex: '^/',
      responseHeaders: { 'x-a': '1' },
      responseBody: null,
    });
    assert.equal(created.value.responseBody, null);
    assert.deepEqual(created.value.responseHeaders, { 'x-a': '1' });
    const path = `/response-rules/${created.value.id}`;
    assert.equal((await call<wire.ResponseRule>('PATCH', path, { enabled: false })).value.enabled, false);
    assert.equal((await call<wire.ResponseRules>('GET', '/response-rules')).value.rules.length, 2);
    assert.equal((await call('DELETE', path)).status, 200);
    assert.equal((await call('DELETE', path)).status, 404);
  });

  it('groups the schemas of a stream and refuses to close a watched one without force', async () => {
    const { value } = await call<wire.Streams>('GET', '/streams');
    assert.equal(value.total, 2);
    const studio = value.streams.find((stream) => stream.stream === 'studio');
    assert.deepEqual(
      studio?.schemas.map((schema) => schema.schema),
      ['rtmp', 'hls'],
    );
    assert.equal(studio?.flvPath, '/live/studio.live.flv');
    assert.deepEqual(
      studio?.tracks.map((track) => track.codec),
      ['H264', 'mpeg4-generic'],
    );
    const odd = value.streams.find((stream) => stream.stream === 'gate 4/east');
    assert.equal(odd?.flvPath, '/live/gate%204/east.live.flv');
    const close = '/streams?app=live&stream=studio';
    assert.deepEqual((await call<wire.ClosedStreams>('DELETE', close)).value, { matched: 2, closed: 0 });
    assert.deepEqual((await call<wire.ClosedStreams>('DELETE', `${close}&force=true`)).value, {
      matched: 2,
      closed: 2,
    });
    assert.equal((await call('DELETE', close)).status, 404);
  });

  it('lists and kicks media sessions', async () => {
    const { value } = await call<wire.Sessions>('GET', '/sessions');
    assert.deepEqual(value.sessions.map((session) => session.protocol).toSorted(), ['Http', 'Http', 'Rtmp']);
    assert.equal((await call('DELETE', '/sessions/12')).status, 200);
    assert.equal((await call('DELETE', '/sessions/12')).status, 404);
  });

  it('selects a member, measures delays and switches rules off', async () => {
    assert.equal((await call('PUT', '/outbounds/Proxy/selection', { member: 'edge-2' })).status, 200);
    const { outbounds } = (await call<wire.Outbounds>('GET', '/outbounds')).value;
    assert.equal(outbounds.find((outbound) => outbound.name === 'Proxy')?.group?.selected, 'edge-2');
    const wrong = await call<wire.ErrorReply>('PUT', '/outbounds/Proxy/selection', { member: 'nobody' });
    assert.deepEqual([wrong.status, wrong.value.code], [400, 'route.not-a-member']);
    const group = await call<wire.DelayResult>('POST', '/outbounds/Proxy/delay', {});
    assert.deepEqual(group.value.delaysMs, { 'edge-1': 51, 'edge-2': 287, DIRECT: 11 });
    const single = await call<wire.DelayResult>('POST', '/outbounds/edge-1/delay', { timeoutMs: 500 });
    assert.deepEqual(single.value.delaysMs, { 'edge-1': 42 });
    assert.equal((await call('POST', '/outbounds/edge-3/delay', {})).status, 504);
    assert.equal((await call('POST', '/outbounds/edge-1/delay', { timeoutMs: 0 })).status, 400);
    assert.equal((await call<wire.Rule>('PATCH', '/rules/0', { disabled: true })).value.disabled, true);
    const rules = (await call<wire.Rules>('GET', '/rules?limit=1')).value;
    assert.deepEqual([rules.total, rules.rules.length, rules.rules[0]?.disabled], [6, 1, true]);
    const found = (await call<wire.Rules>('GET', '/rules?filter=Direct&offset=1')).value;
    assert.deepEqual([found.total, found.rules.map(({ index }) => index)], [6, [3]]);
    assert.equal((await call('PATCH', '/rules/99', { disabled: true })).status, 404);
  });

  it('changes mode and log level, and only to known values', async () => {
    const changed = await call<wire.Settings>('PATCH', '/settings', { mode: 'global', logLevel: 'debug' });
    assert.deepEqual([changed.value.mode, changed.value.logLevel], ['global', 'debug']);
    const refused = await call<wire.ErrorReply>('PATCH', '/settings', { mode: 'sideways' });
    assert.deepEqual([refused.status, refused.value.code], [400, 'api.invalid']);
    assert.equal(refused.value.message, 'body/mode: must be one of rule, global, direct, found "sideways"');
  });

  it('offers the certificate in three forms', async () => {
    for (const [format, type] of [
      ['pem', 'application/x-pem-file'],
      ['der', 'application/x-x509-ca-cert'],
      ['p12', 'application/x-pkcs12'],
    ]) {
      const response = await fetch(`${running.base}/ca/file?format=${format}`);
      assert.equal(response.headers.get('content-type'), type);
      assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="sluice-ca\./);
      assert.equal(await response.text(), `certificate as ${format}`);
    }
    assert.equal((await fetch(`${running.base}/ca/file?format=exe`)).status, 400);
  });

  it('streams snapshots, new exchanges and log lines over WebSocket', async () => {
    const { gateway } = running;
    const connections = watch('/connections/stream');
    assert.equal(typeof (await nextItem<wire.Connections>(connections)).total, 'number');
    connections.terminate();

    const exchanges = watch('/exchanges/stream?filter=needle');
    await once(exchanges, 'open');
    // The feed marks what is already there before it tells news.
    await new Promise((resolve) => setImmediate(resolve));
    gateway.inspect.add();
    const added = gateway.inspect.add({ url: 'https://api.example.org/needle' });
    const batch = await nextItem<wire.ExchangeBatch>(exchanges);
    assert.deepEqual(
      batch.exchanges.map((exchange) => exchange.id),
      [added.id],
    );
    exchanges.terminate();

    const logs = watch('/logs/stream?level=warning');
    await once(logs, 'open');
    const line = nextItem<wire.LogLine>(logs);
    gateway.logs.write('info', 'route', 'not this one');
    gateway.logs.write('error', 'media.rtmp', 'this one', { peer: '10.0.0.1' });
    assert.deepEqual(
      await line.then(({ level, scope, message, fields }) => ({ level, scope, message, fields })),
      { level: 'error', scope: 'media.rtmp', message: 'this one', fields: { peer: '10.0.0.1' } },
    );
    logs.terminate();
    while (gateway.logs.listenerCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('streams the same items as NDJSON to plain clients', async () => {
    const abort = new AbortController();
    const response = await fetch(`${running.base}/streams/stream`, { signal: abort.signal });
    assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    const line = Buffer.from(value ?? []).toString('utf8');
    assert.ok(line.endsWith('\n'));
    assert.ok(Array.isArray((JSON.parse(line) as wire.Streams).streams));
    abort.abort();
  });

  it('answers unknown paths and malformed bodies in its own words', async () => {
    const missing = await call<wire.ErrorReply>('GET', '/nothing');
    assert.deepEqual([missing.status, missing.value.code], [404, 'api.not-found']);
    const response = await fetch(`${running.base}/settings`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    assert.deepEqual(
      [response.status, ((await response.json()) as wire.ErrorReply).code],
      [400, 'api.invalid'],
    );
  });

  it('describes every route and stream in the OpenAPI document', async () => {
    const { value } = await call<{ paths: Record<string, Record<string, unknown>> }>('GET', '/openapi.json');
    for (const row of [
      ...running.api.routes,
      ...running.api.streams.map((row) => ({ ...row, method: 'GET' })),
    ]) {
      const path = `/api/v1${row.path.replace(/:(\w+)/g, '{$1}')}`;
      assert.ok(value.paths[path]?.[row.method.toLowerCase()], `${row.method} ${path}`);
    }
  });
});

describe('native API with a secret', () => {
  let running: Running;
  before(async () => {
    running = await run('open sesame');
  });
  after(() => halt(running));

  it('asks for the secret as a bearer token', async () => {
    const without = await fetch(`${running.base}/overview`);
    assert.equal(without.status, 401);
    assert.equal(without.headers.get('www-authenticate'), 'Bearer');
    assert.equal(((await without.json()) as wire.ErrorReply).code, 'api.unauthorized');
    const wrong = await fetch(`${running.base}/overview`, { headers: { authorization: 'Bearer wrong' } });
    assert.equal(wrong.status, 401);
    const right = await fetch(`${running.base}/overview`, {
      headers: { authorization: 'Bearer open sesame' },
    });
    assert.equal(right.status, 200);
  });

  it('takes the secret from the address for WebSockets only', async () => {
    assert.equal((await fetch(`${running.base}/overview?token=open%20sesame`)).status, 401);
    const address = `${running.base.replace('http', 'ws')}/overview/stream`;
    const refused = new WebSocket(address);
    const [error] = (await once(refused, 'error')) as [Error];
    assert.match(error.message, /401/);
    const accepted = new WebSocket(`${address}?token=open%20sesame`);
    assert.equal((await nextItem<wire.OverviewSample>(accepted)).counts.connections, 24);
    accepted.terminate();
  });
});
