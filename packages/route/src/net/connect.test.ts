import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Clock, FakeClock, systemClock } from '@sluice/base/clock';
import { connectTcp, type IpVersion } from './connect.ts';
import type { ResolvedHost } from './system-resolver.ts';
import { SystemResolver } from './system-resolver.ts';

/** 127.0.0.2 and up are loopback addresses that nothing listens on. */
const DEAD = '127.0.0.2';

describe('connecting to a name', () => {
  let server: net.Server;
  let port: number;
  const opened: net.Socket[] = [];
  beforeEach(async () => {
    server = net
      .createServer((socket) => {
        socket.on('error', () => socket.destroy());
        opened.push(socket.resume());
      })
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.destroy();
    server.close();
  });

  async function connect(
    resolved: ResolvedHost,
    options: { version?: IpVersion; concurrent?: boolean; clock?: Clock } = {},
  ) {
    const settings = {
      clock: options.clock ?? systemClock,
      resolver: { resolve: () => Promise.resolve(resolved) },
      concurrent: () => options.concurrent ?? false,
      keepAliveMs: () => 0,
    };
    const signal = AbortSignal.timeout(5_000);
    const socket = await connectTcp('name.test', port, options.version ?? 'dual', settings, signal);
    opened.push(socket);
    return socket;
  }

  for (const concurrent of [false, true]) {
    it(`goes on to the next address${concurrent ? ', all at once' : ''}`, async () => {
      const socket = await connect({ ipv4: [DEAD, '127.0.0.1'], ipv6: [] }, { concurrent });
      assert.equal(socket.remoteAddress, '127.0.0.1');
      assert.equal(socket.isPaused(), true);
    });
  }

  it('takes the family that answers, whichever is preferred', async () => {
    for (const version of ['dual', 'ipv4-prefer', 'ipv6-prefer'] as const) {
      const socket = await connect({ ipv4: ['127.0.0.1'], ipv6: ['::1'] }, { version });
      assert.equal(socket.remoteAddress, '127.0.0.1');
    }
  });

  it('waits for the preferred family only while it may still answer, and keeps no other connection', async () => {
    const clock = new FakeClock();
    for (const [version, resolved] of [
      ['ipv6-prefer', { ipv4: ['127.0.0.1', '127.0.0.1', '127.0.0.1'], ipv6: ['::1'] }],
      ['ipv6-prefer', { ipv4: ['127.0.0.1', '127.0.0.1'], ipv6: [] }],
      ['ipv4-prefer', { ipv4: ['127.0.0.1', DEAD], ipv6: ['::1'] }],
    ] as const) {
      const socket = await connect(resolved, { version, concurrent: true, clock });
      assert.equal(socket.remoteAddress, '127.0.0.1');
    }
    const count = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)));
    while ((await count()) !== 3) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  it('keeps to one family when told to', async () => {
    await assert.rejects(connect({ ipv4: ['127.0.0.1'], ipv6: [] }, { version: 'ipv6' }), {
      code: 'route.ip-version',
    });
  });

  it('joins the reasons when nothing answers', async () => {
    await assert.rejects(connect({ ipv4: [DEAD, '127.0.0.3'], ipv6: [] }), (error: Error) => {
      assert.match(error.message, /127\.0\.0\.2.*\n.*127\.0\.0\.3/s);
      return true;
    });
  });

  it('stops when aborted', async () => {
    const settings = {
      clock: systemClock,
      resolver: { resolve: () => new Promise<ResolvedHost>(() => undefined) },
      concurrent: () => false,
      keepAliveMs: () => 0,
    };
    const aborted = new AbortController();
    const connecting = connectTcp('x', port, 'dual', settings, aborted.signal);
    aborted.abort();
    await assert.rejects(connecting, { kind: 'timeout' });
  });
});

describe('system resolver', () => {
  it('gives literals back, unmapped, and resolves localhost', async () => {
    const resolver = new SystemResolver(systemClock, () => false);
    assert.deepEqual(await resolver.resolve('::ffff:192.0.2.1'), { ipv4: ['192.0.2.1'], ipv6: [] });
    assert.deepEqual(await resolver.resolve('2001:db8::1'), { ipv4: [], ipv6: ['2001:db8::1'] });
    assert.deepEqual((await resolver.resolve('localhost')).ipv6, []);
    assert.ok((await resolver.resolve('localhost')).ipv4.includes('127.0.0.1'));
  });
});
