import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { SubscriptionInfoStore } from '../fetch/subscription-info.ts';
import type { Member } from '../group/node.ts';
import type { HealthCheck, HealthCheckOptions } from '../health/health-check.ts';
import { RejectOutbound } from '../outbound/reject/reject.ts';
import type { ProxyProviderView } from '../port.ts';
import { openRouteDatabase } from '../store/route-database.ts';
import { quietWrites } from '../store/testing/quiet-writes.ts';
import { LogRecorder } from '../testing/log-recorder.ts';
import { LiveProviderControl } from './live-provider-control.ts';
import { LiveProxyProvider } from './live-proxy-provider.ts';
import type { ContentSource, ProxyProviderConfig } from './provider-config.ts';

class FakeCheck implements HealthCheck {
  readonly calls: string[] = [];
  readonly options: HealthCheckOptions;
  readonly members: () => readonly Member[];

  constructor(options: HealthCheckOptions, members: () => readonly Member[]) {
    this.options = options;
    this.members = members;
  }
  register(): void {}
  touch(): void {}
  run(): Promise<void> {
    this.calls.push(`run ${this.members().length}`);
    return Promise.resolve();
  }
  nodesChanged(): void {
    this.calls.push(`nodesChanged ${this.members().length}`);
  }
  start(): void {
    this.calls.push('start');
  }
  stop(): void {
    this.calls.push('stop');
  }
}

describe('proxy provider', () => {
  const database = openRouteDatabase(':memory:');
  const subscriptions = new SubscriptionInfoStore(database, quietWrites());
  let folder: string;
  let body: string;
  let header: string | undefined;
  let log: LogRecorder;
  let loads: string[];
  let started: LiveProxyProvider[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-provider-'));
    body = 'proxies: [{name: a, type: direct}, {name: b, type: reject}]';
    header = undefined;
    log = new LogRecorder();
    loads = [];
    started = [];
  });
  afterEach(() => {
    for (const provider of started) provider.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function create(more: Partial<ProxyProviderConfig> = {}) {
    const source: ContentSource = {
      kind: 'http',
      url: 'http://sub.test',
      path: join(folder, 'sub'),
      intervalSeconds: 0,
      outbound: '',
      headers: {},
      sizeLimitBytes: 0,
    };
    const check = { url: 'http://t.test', expectedStatus: '*', intervalSeconds: 0, timeoutMs: 1, lazy: true };
    const override = { keys: {}, prefix: '', suffix: '', renames: [] };
    const selection = { filters: [], excludeFilters: [], excludeTypes: [], override };
    const provider = new LiveProxyProvider(
      { name: 'p', source, payload: [], selection, healthCheck: check, ...more },
      {
        clock: new FakeClock(),
        log,
        etags: () => undefined,
        subscriptions,
        fetcher: {
          fetch: () =>
            Promise.resolve({
              status: 200,
              statusLine: '200 OK',
              headers: new Map(header === undefined ? [] : [['subscription-userinfo', header]]),
              body: Buffer.from(body),
            }),
        },
        createOutbound: ({ name, traits }) => new RejectOutbound(name, traits),
        createCheck: (options, nodes) => new FakeCheck(options, nodes),
        onFirstLoad: (name) => loads.push(name),
      },
    );
    started.push(provider);
    return provider;
  }
  const names = (provider: LiveProxyProvider) => provider.nodes().map(({ name }) => name);

  it('builds nodes, tells listeners and the health check, and says once that it is loaded', async () => {
    const provider = create();
    assert.deepEqual(provider.nodes(), []);
    const seen: string[][] = [];
    const end = provider.onChange(() => seen.push(names(provider)));
    await provider.start();
    assert.deepEqual(seen, [['a', 'b']]);
    assert.deepEqual((provider.check as FakeCheck).calls, ['start', 'nodesChanged 2']);
    const [node] = provider.nodes();
    assert.equal(node?.providerName, 'p');
    assert.match(node?.id ?? '', /^[0-9a-f-]{36}$/);

    await provider.update();
    assert.equal(provider.nodes()[0], node);
    body = 'proxies: [{name: c, type: direct}]';
    await provider.update();
    assert.deepEqual(seen, [['a', 'b'], ['c']]);
    end();
    body = 'proxies: [{name: d, type: direct}]';
    await provider.update();
    assert.equal(seen.length, 2);
    assert.deepEqual(loads, ['p']);
  });

  it('shows and remembers what is left of the subscription', async () => {
    const first = create();
    assert.equal(first.view().subscription, undefined);
    header = 'upload=1; download=2; total=3; expire=4';
    await first.start();
    const info = { upload: 1, download: 2, total: 3, expire: 4 };
    assert.deepEqual(first.view().subscription, info);
    const again = create();
    assert.deepEqual(again.view(), {
      name: 'p',
      vehicleType: 'HTTP',
      testUrl: 'http://t.test',
      expectedStatus: '*',
      updatedAtMs: undefined,
      subscription: info,
      lastError: '',
    });
  });

  it('serves an inline payload, and one that stands in for a failure', async () => {
    const payload = [{ name: 'x', type: 'direct' }];
    const inline = create({ source: { kind: 'inline' }, payload });
    await inline.start();
    assert.deepEqual(names(inline), ['x']);
    assert.equal(inline.view().vehicleType, 'Inline');
    body = 'nothing';
    const failing = create({ payload });
    await failing.start();
    assert.deepEqual(names(failing), ['x']);
    assert.match(failing.view().lastError, /format invalid/);
    const empty = create({ source: { kind: 'inline' } });
    await empty.start();
    assert.deepEqual(log.lines.at(-1), "error initial proxy provider p error: file doesn't have any proxy");
  });

  it('limits what it complains about', async () => {
    const bad = Array.from({ length: 30 }, (_, index) => `{name: n${index}, type: http}`);
    body = `proxies: [{name: ok, type: direct}, ${bad.join(', ')}]`;
    const provider = create();
    await provider.start();
    assert.deepEqual(names(provider), ['ok']);
    assert.equal(log.lines.length, 21);
    assert.equal(log.lines[0], "warning [Provider] p: proxy 1 error: key 'server' missing");
    assert.equal(log.lines[20], 'warning [Provider] p: 10 more proxies left out');
  });

  it('is controlled by name, beside implicit providers', async () => {
    const provider = create();
    await provider.start();
    const implicit: string[] = [];
    const view = (name: string): ProxyProviderView => ({
      ...provider.view(),
      name,
      vehicleType: 'Compatible',
      proxies: [],
    });
    const own = {
      check: { run: () => Promise.resolve(void implicit.push('run')) },
      members: () => provider.nodes().slice(1),
      view: () => view('default'),
    };
    const control = new LiveProviderControl({
      proxyProviders: () => new Map([['p', provider]]),
      ruleProviders: () => new Map(),
      implicitProviders: () => new Map([['default', own]]),
      testDelay: ({ name }, url, timeoutMs, expected) =>
        Promise.resolve([name, url, timeoutMs, expected].join().length),
    });
    assert.deepEqual(
      control.proxyProviders().map(({ name, proxies }) => [name, proxies.map((each) => each.name)]),
      [
        ['p', ['a', 'b']],
        ['default', []],
      ],
    );
    assert.equal(control.proxyProvider('p')?.proxies[0]?.providerName, 'p');
    assert.equal(control.proxyProvider('default')?.vehicleType, 'Compatible');
    assert.equal(control.proxyProvider('q'), undefined);
    assert.equal(control.providerOutbound('p', 'b')?.name, 'b');
    assert.equal(control.providerOutbound('default', 'a'), undefined);
    assert.equal(control.providerOutbound('default', 'b')?.name, 'b');
    await control.updateProxyProvider('default');
    await control.checkProxyProvider('default');
    await control.checkProxyProvider('p');
    assert.deepEqual(implicit, ['run']);
    assert.equal((provider.check as FakeCheck).calls.at(-1), 'run 2');
    assert.equal(await control.testProviderDelay('p', 'a', 'u', 1, '*'), 'a,u,1,*'.length);
    const missing = (error: unknown) => error instanceof GatewayError && error.kind === 'not-found';
    await assert.rejects(control.testProviderDelay('p', 'z', 'u', 1, '*'), missing);
    await assert.rejects(control.testProviderDelay('q', 'a', 'u', 1, '*'), missing);
    await assert.rejects(control.updateProxyProvider('q'), missing);
    await assert.rejects(control.checkProxyProvider('q'), missing);
    await assert.rejects(control.updateRuleProvider('q'), missing);
    body = 'bad';
    await assert.rejects(
      control.updateProxyProvider('p'),
      (error) =>
        error instanceof GatewayError && error.kind === 'unavailable' && /format invalid/.test(error.message),
    );
  });
});
