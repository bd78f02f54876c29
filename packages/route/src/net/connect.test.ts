import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Clock, FakeClock, systemClock } from '@sluice/base/clock';
import { descriptorOf } from '@sluice/core/native/descriptor';
import { nativeSockets } from '@sluice/core/native/native-sockets';
import { LEVEL_TCP, TCP_KEEP_IDLE, TCP_KEEP_INTERVAL } from '@sluice/core/native/socket-constants';
import { connectTcp, fromIp4p, type IpVersion } from './connect.ts';
import { keepAliveOf } from './keep-alive.ts';
import { isGlobalUnicast, optionsFor } from './socket-options.ts';
import type { ResolvedHost } from './system-resolver.ts';
import { SystemResolver } from './system-resolver.ts';

/** 127.0.0.2 and up are loopback addresses that nothing listens on. */
const DEAD = '127.0.0.2';
const KEEP_ALIVE = { enabled: true, idleMs: 20_000, intervalMs: 7_000 };
const native = nativeSockets();

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
      keepAlive: () => KEEP_ALIVE,
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

  it('takes literals as they are, without asking anybody', async () => {
    const settings = {
      clock: systemClock,
      resolver: { resolve: () => Promise.reject(new Error('asked')) },
      concurrent: () => false,
      keepAlive: () => KEEP_ALIVE,
      convertIp4p: () => true,
    };
    const signal = AbortSignal.timeout(5_000);
    const socket = await connectTcp('::ffff:127.0.0.1', port, 'ipv4', settings, signal);
    opened.push(socket);
    assert.equal(socket.remoteAddress, '127.0.0.1');
    await assert.rejects(connectTcp('127.0.0.1', port, 'ipv6', settings, signal), {
      code: 'route.ip-version',
    });
    const ip4p = `2001::${port.toString(16)}:7f00:1`;
    const converted = await connectTcp(ip4p, 1, 'dual', settings, signal);
    opened.push(converted);
    assert.equal(converted.remotePort, port);
  });

  it('sets both keepalive times', { skip: native.available ? false : native.reason }, async () => {
    const socket = await connect({ ipv4: ['127.0.0.1'], ipv6: [] });
    const fd = descriptorOf(socket) ?? -1;
    if (!native.available) return;
    assert.equal(native.sockets.option(fd, LEVEL_TCP, TCP_KEEP_IDLE), 20);
    assert.equal(native.sockets.option(fd, LEVEL_TCP, TCP_KEEP_INTERVAL), 7);
  });

  it('connects through a socket of its own making', async () => {
    const settings = {
      clock: systemClock,
      resolver: { resolve: () => Promise.reject(new Error('asked')) },
      concurrent: () => false,
      keepAlive: () => KEEP_ALIVE,
    };
    const options = { tfo: true, mptcp: true, interfaceName: 'none', routingMark: 0 };
    const signal = AbortSignal.timeout(5_000);
    const socket = await connectTcp('127.0.0.1', port, 'dual', settings, signal, options);
    opened.push(socket);
    assert.equal(socket.isPaused(), true);
    const aborted = AbortSignal.abort();
    await assert.rejects(connectTcp('127.0.0.1', port, 'dual', settings, aborted, options), {
      kind: 'timeout',
    });
    await assert.rejects(connectTcp('127.0.0.9', port, 'dual', settings, signal, options), {
      code: 'ECONNREFUSED',
    });
    await assert.rejects(connectTcp('192.0.2.1', port, 'dual', settings, signal, options), /none/);
  });

  it('stops when aborted', async () => {
    const settings = {
      clock: systemClock,
      resolver: { resolve: () => new Promise<ResolvedHost>(() => undefined) },
      concurrent: () => false,
      keepAlive: () => KEEP_ALIVE,
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

describe('socket options', () => {
  it('are for far destinations only, and the outbound wins', () => {
    const global = { interfaceName: 'eth0', routingMark: 5 };
    assert.deepEqual(optionsFor('192.0.2.1', undefined, global), { ...global, tfo: false, mptcp: false });
    const own = { interfaceName: 'wg0', routingMark: 0 };
    assert.equal(optionsFor('192.0.2.1', own, global)?.interfaceName, 'wg0');
    assert.equal(optionsFor('192.0.2.1', own, global)?.routingMark, 5);
    assert.equal(optionsFor('127.0.0.1', own, global), undefined);
    assert.equal(optionsFor('192.0.2.1', undefined, undefined), undefined);
    const near = [
      '0.0.0.0',
      '127.9.9.9',
      '169.254.1.1',
      '224.0.0.1',
      '239.1.1.1',
      '::',
      '::1',
      'fe80::1',
      'ff02::1',
    ];
    for (const ip of near) assert.equal(isGlobalUnicast(ip), false, ip);
    for (const ip of ['10.0.0.1', '192.168.1.1', '223.1.1.1', '240.0.0.1', '2001:db8::1', 'fd00::1'])
      assert.equal(isGlobalUnicast(ip), true, ip);
  });

  it('read IP4P addresses', () => {
    assert.deepEqual(fromIp4p('2001::1f90:c000:201', 1), { host: '192.0.2.1', port: 8080 });
    assert.deepEqual(fromIp4p('2001:db8::1', 1), { host: '2001:db8::1', port: 1 });
    assert.deepEqual(fromIp4p('192.0.2.1', 1), { host: '192.0.2.1', port: 1 });
  });

  it('know the default times of probes', () => {
    const keys = { keepAliveIdleSeconds: 0, keepAliveIntervalSeconds: 5, disableKeepAlive: false };
    assert.deepEqual(keepAliveOf(keys), { enabled: true, idleMs: 15_000, intervalMs: 5_000 });
  });
});
