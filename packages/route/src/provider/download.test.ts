import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@sluice/base/clock';
import { EtagStore } from '../fetch/etag-store.ts';
import { SubscriptionInfoStore } from '../fetch/subscription-info.ts';
import { TunnelFetcher } from '../fetch/tunnel-fetcher.ts';
import { RejectOutbound } from '../outbound/reject/reject.ts';
import { openRouteDatabase } from '../store/route-database.ts';
import { quietWrites } from '../store/testing/quiet-writes.ts';
import { LogRecorder } from '../testing/log-recorder.ts';
import { LiveProxyProvider } from './live-proxy-provider.ts';

describe('proxy provider over HTTP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-provider-'));
  const database = openRouteDatabase(':memory:');
  const seen: string[] = [];
  const links = Buffer.from('socks5://s.test:1#a\nhttp://s.test:2#b').toString('base64');
  const server = http.createServer(({ url, headers }, response) => {
    seen.push(`${url} ${headers['if-none-match'] ?? '-'} ${headers['user-agent']}`);
    if (url === '/moved') return response.writeHead(302, { location: '/list?token=1' }).end();
    response.setHeader('etag', '"v1"').setHeader('subscription-userinfo', 'upload=5; total=10');
    if (headers['if-none-match'] === '"v1"') return response.writeHead(304).end();
    return response.setHeader('content-encoding', 'gzip').end(gzipSync(links));
  });
  let provider: LiveProxyProvider;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const override = { keys: {}, prefix: '', suffix: '', renames: [] };
    provider = new LiveProxyProvider(
      {
        name: 'p',
        source: {
          kind: 'http',
          url: `http://127.0.0.1:${port}/moved`,
          path: join(folder, 'p'),
          intervalSeconds: 3600,
          outbound: '',
          headers: { 'user-agent': ['own'] },
          sizeLimitBytes: 0,
        },
        payload: [],
        selection: { filters: [], excludeFilters: [], excludeTypes: [], override },
        healthCheck: { url: '', expectedStatus: '*', intervalSeconds: 0, timeoutMs: 1, lazy: true },
      },
      {
        clock: systemClock,
        log: new LogRecorder(),
        etags: () => new EtagStore(database, quietWrites()),
        subscriptions: new SubscriptionInfoStore(database, quietWrites()),
        fetcher: new TunnelFetcher({
          clock: systemClock,
          userAgent: () => 'agent',
          open: async (host, to) => {
            const socket = net.connect(to, host);
            await once(socket, 'connect');
            return socket;
          },
        }),
        createOutbound: ({ name, traits }) => new RejectOutbound(name, traits),
        createCheck: (options) => ({
          options,
          register: () => undefined,
          touch: () => undefined,
          run: () => Promise.resolve(),
          nodesChanged: () => undefined,
          start: () => undefined,
          stop: () => undefined,
        }),
        onFirstLoad: () => undefined,
      },
    );
  });
  after(() => {
    provider.stop();
    server.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('follows redirects, unpacks, keeps a copy and asks again with the entity tag', async () => {
    await provider.start();
    assert.deepEqual(
      provider.nodes().map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(readFileSync(join(folder, 'p'), 'utf8'), links);
    const nodes = provider.nodes();
    await provider.update();
    assert.equal(provider.nodes(), nodes);
    assert.deepEqual(seen, [
      '/moved - own',
      '/list?token=1 - own',
      '/moved "v1" own',
      '/list?token=1 "v1" own',
    ]);
    assert.deepEqual(provider.view().subscription, { upload: 5, download: 0, total: 10, expire: 0 });
    assert.equal(provider.view().lastError, '');
  });
});
