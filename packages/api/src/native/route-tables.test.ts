import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import type { HttpListener } from '@sluice/core/http/http-listener';
import { call, listen, stop } from '../test-support/http-client.ts';
import { createNativeDialect } from './dialect.ts';
import { createNativeApi, type NativeApi } from './native-api.ts';
import { createFakeGateway, type FakeGateway } from './test-support/fake-gateway.ts';
import type * as wire from './types.ts';

describe('native API of the route plane', () => {
  let gateway: FakeGateway;
  let api: NativeApi;
  let listener: HttpListener;

  before(async () => {
    gateway = createFakeGateway();
    api = createNativeApi(gateway);
    listener = await listen(createNativeDialect({ api, version: 'test', secret: '' }));
  });
  after(async () => {
    api.close();
    await stop(listener);
  });

  async function ask<T>(method: string, path: string, body?: unknown): Promise<{ status: number; value: T }> {
    const answer = await call(
      listener,
      method,
      `/api/v1${path}`,
      body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    );
    return { status: answer.status, value: JSON.parse(answer.body) as T };
  }

  async function refusal(method: string, path: string, body?: unknown): Promise<[number, string, string]> {
    const { status, value } = await ask<wire.ErrorReply>(method, path, body);
    return [status, value.code, value.message];
  }

  describe('explain', () => {
    it('takes a URL and tells each step and the chain, outermost group first', async () => {
      const { status, value } = await ask<wire.ExplanationReply>('POST', '/route/explain', {
        target: 'https://Video.Example.com/watch?v=1',
        sourceIp: '192.168.1.7',
        user: 'alice',
        process: 'browser',
        inboundType: 'HTTP',
        inboundName: 'mixed',
      });
      assert.equal(status, 200);
      assert.deepEqual(value.request, {
        host: 'video.example.com',
        port: 443,
        network: 'tcp',
        sourceIp: '192.168.1.7',
        inboundName: 'mixed',
        inboundType: 'HTTP',
        user: 'alice',
        process: 'browser',
      });
      assert.deepEqual(value.chain, ['Proxy', 'edge-1']);
      assert.deepEqual(value.steps[4], {
        stage: 'rule',
        outcome: 'matched',
        text: 'rule 5 Match matches: Proxy',
        ruleIndex: 5,
      });
    });

    it('takes host and port, and a port beside a target', async () => {
      const apart = { host: '[2001:db8::1]', port: 53, network: 'udp' };
      const first = await ask<wire.ExplanationReply>('POST', '/route/explain', apart);
      assert.deepEqual(
        [first.value.request.host, first.value.request.port, first.value.chain],
        ['2001:db8::1', 53, []],
      );
      const beside = { target: 'a.test', port: 8080 };
      const second = await ask<wire.ExplanationReply>('POST', '/route/explain', beside);
      assert.deepEqual([second.value.request.host, second.value.request.port], ['a.test', 8080]);
    });

    it('says what it expected and what it found', async () => {
      assert.deepEqual(await refusal('POST', '/route/explain', {}), [
        400,
        'api.target',
        'expected target, or host and port; found neither',
      ]);
      assert.deepEqual(await refusal('POST', '/route/explain', { target: 'a b' }), [
        400,
        'api.target',
        'expected a URL, host:port or a host, found "a b"',
      ]);
      assert.deepEqual(await refusal('POST', '/route/explain', { target: 'a.test', sourceIp: 'me' }), [
        400,
        'api.source',
        'sourceIp: expected an IP address, found "me"',
      ]);
      const [status, code] = await refusal('POST', '/route/explain', { target: 'a.test', network: 'sctp' });
      assert.deepEqual([status, code], [400, 'api.invalid']);
    });
  });

  it('adds, lists and removes temporary rules', async () => {
    const input = { line: ' DOMAIN,a.test,DIRECT ', ttlSeconds: 60 };
    const added = await ask<wire.TemporaryRule>('POST', '/route/temporary-rules', input);
    assert.equal(added.status, 200);
    assert.equal(added.value.line, 'DOMAIN,a.test,DIRECT');
    assert.equal(added.value.expiresAtMs - added.value.createdAtMs, 60_000);
    const list = await ask<wire.TemporaryRules>('GET', '/route/temporary-rules');
    assert.deepEqual(list.value.rules, [added.value]);
    const path = `/route/temporary-rules/${added.value.id}`;
    assert.deepEqual(await ask('DELETE', path), { status: 200, value: { ok: true } });
    assert.deepEqual((await refusal('DELETE', path)).slice(0, 2), [404, 'route.temporary-rule-not-found']);
  });

  it('refuses temporary rules without an end, too long ones and unknown targets', async () => {
    for (const body of [
      { line: 'MATCH,DIRECT' },
      { line: 'MATCH,DIRECT', ttlSeconds: 0 },
      { line: 'MATCH,DIRECT', ttlSeconds: 1e9 },
      { line: '', ttlSeconds: 5 },
      { line: 'x'.repeat(65_537), ttlSeconds: 5 },
    ]) {
      const [status, code] = await refusal('POST', '/route/temporary-rules', body);
      assert.deepEqual([status, code], [400, 'api.invalid'], JSON.stringify(body).slice(0, 60));
    }
    const [, , text] = await refusal('POST', '/route/temporary-rules', {
      line: 'MATCH,DIRECT',
      ttlSeconds: -1,
    });
    assert.equal(text, 'body/ttlSeconds: must be > 0, found -1');
    assert.deepEqual(
      await refusal('POST', '/route/temporary-rules', { line: 'MATCH,Nowhere', ttlSeconds: 5 }),
      [400, 'route.rule', '[MATCH,Nowhere] error: proxy [Nowhere] not found'],
    );
  });

  it('tells what moved most bytes, and hour by hour', async () => {
    const top = await ask<wire.StatisticsTop>(
      'GET',
      '/route/statistics/top?by=host&from=1000&to=86401000&limit=2',
    );
    assert.deepEqual(top.value, {
      by: 'host',
      fromMs: 1000,
      toMs: 86_401_000,
      rows: [
        {
          key: 'video.example.com',
          connections: 900,
          uploadBytes: 140_000_000,
          downloadBytes: 2_400_000_000,
        },
        { key: 'cdn.example.net', connections: 450, uploadBytes: 35_000_000, downloadBytes: 600_000_000 },
      ],
    });
    const timeline = await ask<wire.StatisticsTimeline>('GET', '/route/statistics/timeline');
    assert.equal(timeline.value.toMs - timeline.value.fromMs, 86_400_000);
    assert.equal((timeline.value.rows[0]?.startMs ?? 1) % 3_600_000, 0);
    assert.equal((await refusal('GET', '/route/statistics/top'))[0], 400);
    assert.equal((await refusal('GET', '/route/statistics/top?by=colour'))[0], 400);
    assert.equal((await refusal('GET', '/route/statistics/timeline?from=2&to=1'))[1], 'api.period');
    assert.equal((await ask('DELETE', '/route/statistics')).status, 200);
    assert.deepEqual(
      (await ask<wire.StatisticsTimeline>('GET', '/route/statistics/timeline')).value.rows,
      [],
    );
  });

  it('lists, shows, updates and checks proxy providers', async () => {
    const { providers } = (await ask<wire.ProxyProviders>('GET', '/providers/proxies')).value;
    assert.deepEqual(
      providers.map(({ name, vehicle, nodeCount, aliveCount }) => [name, vehicle, nodeCount, aliveCount]),
      [
        ['northern-cloud', 'HTTP', 5, 4],
        ['reserve', 'File', 0, 0],
        ['Proxy', 'Compatible', 0, 0],
      ],
    );
    assert.equal((providers[0]?.subscription?.expiresAtMs ?? 0) > gateway.clock.now(), true);
    assert.match(providers[1]?.lastError ?? '', /no such file/);
    const detail = await ask<wire.ProxyProviderDetail>('GET', '/providers/proxies/northern-cloud');
    assert.equal(detail.value.nodes[0]?.providerName, 'northern-cloud');
    await ask('POST', '/providers/proxies/northern-cloud/update');
    await ask('POST', '/providers/proxies/northern-cloud/check');
    assert.deepEqual(gateway.route.asked, ['refresh proxy provider northern-cloud', 'check northern-cloud']);
    const node = encodeURIComponent('🇯🇵 Tokyo 01');
    const path = `/providers/proxies/northern-cloud/nodes/${node}/delay`;
    assert.deepEqual((await ask<wire.DelayResult>('POST', path, {})).value.delaysMs, { '🇯🇵 Tokyo 01': 42 });
    assert.equal(
      (await refusal('POST', '/providers/proxies/northern-cloud/nodes/x/delay', {}))[1],
      'route.outbound-not-found',
    );
    for (const [method, end] of [
      ['GET', ''],
      ['POST', '/update'],
      ['POST', '/check'],
    ] as const) {
      assert.deepEqual(await refusal(method, `/providers/proxies/a%2Fb${end}`), [
        404,
        'route.provider-not-found',
        'there is no proxy provider named "a/b"',
      ]);
    }
  });

  it('lists and updates rule providers, and tells why an update failed', async () => {
    const { providers } = (await ask<wire.RuleProviders>('GET', '/providers/rules')).value;
    assert.deepEqual(providers[3], {
      name: 'own',
      behavior: 'Classical',
      format: '',
      vehicle: 'Inline',
      ruleCount: 2,
      updatedAtMs: providers[3]?.updatedAtMs ?? 0,
      lastError: '',
    });
    assert.equal((await ask('POST', '/providers/rules/media/update')).status, 200);
    gateway.route.providers.failure = 'status 503';
    assert.deepEqual(await refusal('POST', '/providers/rules/media/update'), [
      503,
      'route.provider',
      'status 503',
    ]);
    gateway.route.providers.failure = '';
    assert.equal((await refusal('POST', '/providers/rules/nobody/update'))[0], 404);
  });

  it('tells what is fixed by hand and lets the group choose again', async () => {
    const auto = async () =>
      (await ask<wire.Outbounds>('GET', '/outbounds')).value.outbounds.find(({ name }) => name === 'Auto');
    assert.equal((await auto())?.group?.fixed, '🇯🇵 Tokyo 02');
    assert.equal((await ask('DELETE', '/outbounds/Auto/selection')).status, 200);
    assert.equal((await auto())?.group?.fixed, '');
    assert.equal((await refusal('DELETE', '/outbounds/Proxy/selection'))[1], 'route.not-fixable');
  });

  it('lists nodes of providers among the outbounds when asked', async () => {
    const without = (await ask<wire.Outbounds>('GET', '/outbounds')).value.outbounds.length;
    const { outbounds } = (await ask<wire.Outbounds>('GET', '/outbounds?nodes=true')).value;
    assert.equal(outbounds.length, without + 5);
    assert.equal(outbounds.at(-2)?.unavailable, 'type tuic is not served by this version');
    const node = outbounds.at(-1);
    assert.deepEqual([node?.name, node?.alive], ['🇩🇪 Frankfurt 01', false]);
    assert.ok(node?.urls['https://probe.example/video']?.alive);
  });

  it('tells process, sniffed name, DNS mode, provider and place of a connection', async () => {
    const { connections } = (await ask<wire.Connections>('GET', '/connections')).value;
    const { process, uid, sniffedHost, dnsMode, providers, destinationGeo, destinationAsn } =
      connections[0] ?? {};
    assert.deepEqual(
      { process, uid, sniffedHost, dnsMode, providers, destinationGeo, destinationAsn },
      {
        process: 'browser',
        uid: 1000,
        sniffedHost: 'video.example.com',
        dnsMode: 'fake-ip',
        providers: ['', 'northern-cloud'],
        destinationGeo: ['zz'],
        destinationAsn: '64500 Example Networks',
      },
    );
  });

  it('answers for the resolver: state, log, questions and forgetting', async () => {
    const state = await ask<wire.DnsState>('GET', '/dns');
    assert.deepEqual([state.value.enabled, state.value.cacheEntries], [true, 4312]);
    const log = await ask<wire.DnsLog>('GET', '/dns/log?limit=3');
    assert.deepEqual(
      log.value.entries.map(({ via }) => via),
      ['fake-ip', 'cache', 'policy +.corp.example'],
    );
    const answer = await ask<wire.DnsAnswer>('POST', '/dns/query', { name: ' example.org ', type: 'aaaa' });
    assert.deepEqual(
      [answer.value.name, answer.value.type, answer.value.statusName, answer.value.authenticData],
      ['example.org.', 'AAAA', 'NOERROR', true],
    );
    assert.deepEqual(answer.value.answers[0], {
      name: 'example.org.',
      type: 5,
      typeName: 'CNAME',
      ttlSeconds: 300,
      data: 'edge.example.net.',
    });
    assert.deepEqual(await refusal('POST', '/dns/query', { name: 'a.test', type: 'FOO' }), [
      400,
      'dns.type',
      'invalid query type',
    ]);
    assert.deepEqual((await ask('DELETE', '/dns/cache')).value, { removed: 4312 });
    assert.deepEqual((await ask('DELETE', '/dns/fake-ips')).value, { removed: 187 });
    assert.deepEqual((await ask('DELETE', '/dns/fake-ips')).value, { removed: 0 });
    gateway.route.dns.enabled = false;
    assert.equal((await refusal('POST', '/dns/query', { name: 'a.test' }))[0], 409);
    gateway.route.dns.enabled = true;
  });

  it('updates geo databases and tells why it could not', async () => {
    assert.deepEqual((await ask('GET', '/geo')).value, { databases: [] });
    assert.equal((await ask('POST', '/geo/update')).status, 200);
    gateway.route.geo.failure = new GatewayError('conflict', 'geo.busy', 'GEO database is updating, skip');
    assert.deepEqual(await refusal('POST', '/geo/update'), [
      409,
      'geo.busy',
      'GEO database is updating, skip',
    ]);
    gateway.route.geo.failure = undefined;
  });
});
