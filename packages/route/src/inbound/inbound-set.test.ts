import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import tls from 'node:tls';
import { FakeClock } from '@sluice/base/clock';
import { SOCKS5_VERSION } from '@sluice/codec/socks/socks5';
import { encodeSocksDatagramHeader } from '@sluice/codec/socks/udp-header';
import { nativeSockets } from '@sluice/core/native/native-sockets';
import fc from 'fast-check';
import { PrefixSet } from '../config/prefixes.ts';
import type { RouteSettings } from '../port.ts';
import { freePort, readAll, readExactly, until } from '../testing/route-rig.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../testing/test-certificate.ts';
import { describeInbounds, identityOf } from './description.ts';
import { accessOf, InboundRig, inbound } from './testing/inbound-rig.ts';

const clients: Socket[] = [];
const servers: net.Server[] = [];

async function connect(port: number): Promise<Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  clients.push(socket);
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function echo(): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    clients.push(socket);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const socksRequest = (port: number) => Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]);

async function throughSocks(socket: Socket, target: number): Promise<void> {
  socket.write(Buffer.from([5, 1, 0]));
  assert.equal((await readExactly(socket, 2)).toString('hex'), '0500');
  socket.write(socksRequest(target));
  await readExactly(socket, 10);
  socket.write('ping');
  assert.equal((await readExactly(socket, 4)).toString(), 'ping');
}

let rig: InboundRig;
beforeEach(() => {
  rig = new InboundRig();
});
afterEach(async () => {
  await rig.close();
  for (const socket of clients.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

describe('the set of inbounds', () => {
  it('touches only what has changed, and keeps connections of what is closed', async () => {
    const target = await echo();
    const a = inbound({ name: 'a', port: await freePort() });
    const b = inbound({ name: 'b', port: await freePort() });
    await rig.set.apply([a, b]);
    const client = await connect(rig.port('b'));
    await throughSocks(client, target);
    const before = rig.lines.length;
    await rig.set.apply([{ ...b, specialProxy: 'NODE' }, { ...a }]);
    assert.deepEqual(
      rig.lines.slice(before).filter((line) => line.includes('listening')),
      [`info Mixed(http+socks) [b] proxy listening at: 127.0.0.1:${b.port}`],
    );
    client.write('more');
    assert.equal((await readExactly(client, 4)).toString(), 'more');
    await throughSocks(await connect(b.port), target);
    assert.deepEqual(
      rig.flows.map(({ specialProxy }) => specialProxy),
      ['', 'NODE'],
    );
    await rig.set.apply([]);
    assert.deepEqual(rig.set.listeners(), []);
    client.write('last');
    assert.equal((await readExactly(client, 4)).toString(), 'last');
  });

  it('says what cannot start and goes on', async () => {
    const taken = await echo();
    const other = { kind: 'socks', name: 'DEFAULT-SOCKS', origin: 'socksPort' } as const;
    await rig.set.apply([
      inbound({ name: 'l', port: taken }),
      inbound({ ...other, port: taken, users: undefined }),
      inbound({ origin: 'tunnel', kind: 'tunnel', port: taken, target: { host: 'a', port: 1 } }),
      inbound({ name: 'good' }),
    ]);
    const errors = rig.lines.filter((line) => line.startsWith('error '));
    assert.match(errors[0] ?? '', /^error Listener l listen err: .*EADDRINUSE/);
    assert.match(errors[1] ?? '', /^error Start SOCKS server error: .*EADDRINUSE/);
    assert.match(errors[2] ?? '', /^error Start tunnel 127\.0\.0\.1:\d+ error: .*EADDRINUSE/);
    assert.ok(rig.port('good') > 0);
  });

  it('marks flows with the name, proxy and rules of their listener', async () => {
    const target = await echo();
    await rig.set.apply([inbound({ name: 'in-7', specialProxy: 'P', specialRules: 'R' })]);
    await throughSocks(await connect(rig.port()), target);
    const [flow] = rig.flows;
    assert.equal(flow?.inboundName, 'in-7');
    assert.equal(flow?.specialProxy, 'P');
    assert.equal(flow?.specialRules, 'R');
    assert.equal(flow?.inboundPort, rig.port());
  });

  it('refuses connections beyond the limit, saying so once', async () => {
    await rig.close();
    rig = new InboundRig({ connectionLimit: 2 });
    await rig.set.apply([inbound()]);
    const first = await connect(rig.port());
    await connect(rig.port());
    await until(() => rig.set.connections().open === 2);
    assert.equal((await readAll(await connect(rig.port()))).length, 0);
    assert.equal((await readAll(await connect(rig.port()))).length, 0);
    assert.deepEqual(rig.set.connections(), { open: 2, limit: 2, refused: 2 });
    assert.equal(rig.lines.filter((line) => line.includes('limit of 2 inbound')).length, 1);
    first.destroy();
    await until(() => rig.set.connections().open === 1);
  });

  it('ends handshakes that take too long', async () => {
    await rig.close();
    const clock = new FakeClock();
    rig = new InboundRig({ clock });
    await rig.set.apply([inbound(), inbound({ name: 'http', kind: 'http' })]);
    const silent = await connect(rig.port('in'));
    const http = await connect(rig.port('http'));
    http.write('GET http://a/ HTTP/1.1\r\n');
    await until(() => rig.set.connections().open === 2);
    clock.advance(29_000);
    assert.equal(rig.set.connections().open, 2);
    clock.advance(6_000);
    for (const socket of [silent, http]) if (!socket.resume().end().closed) await once(socket, 'close');
    await until(() => rig.set.connections().open === 0);
  });
});

describe('who may use an inbound', () => {
  async function greet(port: number, password?: string): Promise<string> {
    const socket = await connect(port);
    socket.write(Buffer.from([SOCKS5_VERSION, 2, 0, 2]));
    const choice = (await readExactly(socket, 2)).toString('hex');
    if (choice !== '0502' || password === undefined) return choice;
    socket.write(Buffer.concat([Buffer.from([1, 1, 0x75, password.length]), Buffer.from(password)]));
    return (await readExactly(socket, 2)).toString('hex');
  }

  it('is global without users, nobody is asked with none, and exactly those with some', async () => {
    rig.access = { ...accessOf({ u: 'global' }), skipAuth: new PrefixSet([]) };
    await rig.set.apply([
      inbound({ name: 'global' }),
      inbound({ name: 'open', users: [] }),
      inbound({ name: 'own', users: [{ username: 'u', password: 'own' }] }),
    ]);
    assert.equal(await greet(rig.port('global'), 'global'), '0100');
    assert.equal(await greet(rig.port('global'), 'own'), '0101');
    assert.equal(await greet(rig.port('open')), '0500');
    assert.equal(await greet(rig.port('own'), 'own'), '0100');
    assert.equal(await greet(rig.port('own'), 'global'), '0101');
  });

  it('filters and spares sources only with the global users', async () => {
    const loopback = new PrefixSet(['127.0.0.0/8']);
    rig.access = { ...accessOf({ u: 'p' }), skipAuth: loopback };
    const own = [{ username: 'u', password: 'p' }];
    await rig.set.apply([inbound({ name: 'global' }), inbound({ name: 'own', users: own })]);
    assert.equal(await greet(rig.port('global')), '0500');
    assert.equal(await greet(rig.port('own')), '0502');
    rig.access = { ...rig.access, lanDisallowed: loopback };
    assert.equal((await readAll(await connect(rig.port('global')))).length, 0);
    assert.equal(await greet(rig.port('own')), '0502');
  });
});

describe('TLS on an inbound', () => {
  const config = { certificate: TEST_CERTIFICATE, privateKey: TEST_KEY } as const;

  it('carries SOCKS', async () => {
    const target = await echo();
    await rig.set.apply([inbound({ tls: { ...config, clientAuth: '', clientCertificates: '' } })]);
    const secure = tls.connect({ port: rig.port(), host: '127.0.0.1', rejectUnauthorized: false });
    clients.push(secure);
    await once(secure, 'secureConnect');
    await throughSocks(secure, target);
    assert.equal(rig.flows[0]?.sourcePort, secure.localPort);
    const plain = await connect(rig.port());
    plain.write('GET http://a/ HTTP/1.1\r\n\r\n');
    await readAll(plain);
    await until(() => rig.set.connections().open === 1);
    secure.destroy();
    await until(() => rig.set.connections().open === 0);
  });

  it('asks for certificates of clients', async () => {
    const clientCertificates = TEST_CERTIFICATE;
    await rig.set.apply([
      inbound({ tls: { ...config, clientAuth: 'require-and-verify', clientCertificates } }),
    ]);
    const options = { port: rig.port(), host: '127.0.0.1', rejectUnauthorized: false };
    const without = tls.connect(options);
    clients.push(without);
    without.on('error', () => without.destroy());
    await once(without.resume(), 'close');
    const withOne = tls.connect({ ...options, cert: TEST_CERTIFICATE, key: TEST_KEY });
    clients.push(withOne);
    await once(withOne, 'secureConnect');
    await throughSocks(withOne, await echo());
  });

  it('says which file is missing', async () => {
    const files = {
      certificate: 'no.pem',
      privateKey: 'no.key',
      clientAuth: '',
      clientCertificates: '',
    } as const;
    await rig.set.apply([inbound({ name: 't', tls: files })]);
    assert.match(rig.lines.at(-1) ?? '', /^error Listener t listen err: ENOENT.*nonexistent\/no\.pem/);
  });
});

describe('UDP of an inbound', () => {
  it('takes SOCKS datagrams and bare ones of tunnels, on the port of TCP', async () => {
    const target = { host: 'dns.test', port: 53 };
    await rig.set.apply([
      inbound({ name: 's', kind: 'socks', udp: true }),
      inbound({ name: 't', kind: 'tunnel', tcp: false, udp: true, target, users: [] }),
    ]);
    const client = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(client, 'listening');
    const received: string[] = [];
    client.on('message', (data) => received.push(data.toString('hex')));
    const header = encodeSocksDatagramHeader({ host: '192.0.2.1', port: 9 });
    client.send(Buffer.concat([header, Buffer.from('x')]), rig.port('s'), '127.0.0.1');
    await until(() => rig.packets.length === 1);
    client.send('query', rig.port('t'), '127.0.0.1');
    client.send(Buffer.from([0, 0, 1]), rig.port('s'), '127.0.0.1');
    await until(() => rig.packets.length === 2);
    const [socks, tunnel] = rig.packets;
    assert.equal(socks?.metadata.type, 'Socks5');
    assert.equal(tunnel?.metadata.type, 'Tunnel');
    assert.equal(tunnel?.metadata.host, 'dns.test');
    assert.equal(tunnel?.metadata.inboundName, 't');
    assert.equal(Buffer.from(tunnel?.data ?? []).toString(), 'query');
    socks?.reply(Buffer.from('y'), { host: '192.0.2.1', port: 9 });
    tunnel?.reply(Buffer.from('z'), target);
    await until(() => received.length === 2);
    assert.deepEqual(received.sort(), [`${Buffer.from(header).toString('hex')}79`, '7a'].sort());
    client.close();
  });
});

describe('a tunnel', () => {
  it('sends everything to its target', async () => {
    const port = await echo();
    const target = { host: '127.0.0.1', port };
    await rig.set.apply([inbound({ kind: 'tunnel', target, users: [], specialProxy: 'P' })]);
    const client = await connect(rig.port());
    client.write('hello');
    assert.equal((await readExactly(client, 5)).toString(), 'hello');
    assert.equal(rig.flows[0]?.type, 'Tunnel');
    assert.equal(rig.flows[0]?.specialProxy, 'P');
  });
});

describe('redirected connections', () => {
  it('are closed when they were not redirected', async () => {
    await rig.set.apply([
      inbound({ kind: 'redir', users: [] }),
      inbound({ name: 'transparent', kind: 'tproxy', users: [] }),
    ]);
    if (!nativeSockets().available) {
      assert.equal(rig.lines.filter((line) => /^error Listener \w+ listen err: ./.test(line)).length, 2);
      return;
    }
    assert.equal((await readAll(await connect(rig.port('in')))).length, 0);
    // Without the capability there is a line that says so instead.
    const refused = rig.lines.some((line) => line.includes('setsockopt IP_TRANSPARENT'));
    if (!refused) assert.equal((await readAll(await connect(rig.port('transparent')))).length, 0);
    assert.deepEqual(rig.flows, []);
  });
});

describe('descriptions', () => {
  const settings = {
    port: 0,
    socksPort: 1080,
    mixedPort: 0,
    redirPort: 7892,
    tproxyPort: 0,
    allowLan: false,
    bindAddress: '*',
    inboundTfo: true,
    inboundMptcp: false,
  } as RouteSettings;

  it('cover fixed ports, every port of a listener, and tunnels', () => {
    const listener = {
      name: 'l',
      kind: 'http',
      host: '',
      ports: [1, 2],
      tcp: true,
      udp: false,
      rule: 'r',
      proxy: 'p',
      routingMark: 3,
      users: [],
      tls: undefined,
      target: undefined,
    } as const;
    const address = { host: '127.0.0.1', port: 53 };
    const tunnel = { tcp: false, udp: true, address, target: { host: 'x', port: 53 }, proxy: 'q' };
    const all = describeInbounds(settings, [listener], [tunnel]);
    assert.deepEqual(
      all.map(({ name, port, host, origin, specialProxy }) => [name, port, host, origin, specialProxy]),
      [
        ['DEFAULT-SOCKS', 1080, '127.0.0.1', 'socksPort', ''],
        ['DEFAULT-REDIR', 7892, '127.0.0.1', 'redirPort', ''],
        ['l', 1, '', 'listener', 'p'],
        ['l', 2, '', 'listener', 'p'],
        ['DEFAULT-TUNNEL', 53, '127.0.0.1', 'tunnel', 'q'],
      ],
    );
    assert.ok(all.every(({ fastOpen }) => fastOpen));
    const again = describeInbounds({ ...settings }, [{ ...listener }], [tunnel]);
    assert.deepEqual(all.map(identityOf), again.map(identityOf));
    assert.equal(new Set(all.map(identityOf)).size, all.length);
  });
});

describe('any bytes at all', () => {
  it('leave a mixed inbound serving', async () => {
    await rig.set.apply([inbound()]);
    const target = await echo();
    const greeting = fc.constantFrom(
      Buffer.from([5, 1, 0]),
      Buffer.from([4, 1]),
      Buffer.from('CONNECT '),
      Buffer.from('GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\n'),
      Buffer.from('POST http://127.0.0.1:1/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'),
      Buffer.from('CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n'),
      Buffer.alloc(0),
    );
    const anything = fc.tuple(greeting, fc.uint8Array({ maxLength: 600 }));
    await fc.assert(
      fc.asyncProperty(anything, async ([first, rest]) => {
        const socket = await connect(rig.port());
        socket.write(first);
        socket.end(rest);
        socket.resume();
        if (!socket.closed) await once(socket, 'close');
      }),
      { numRuns: 60 },
    );
    await until(() => rig.set.connections().open === 0);
    await throughSocks(await connect(rig.port()), target);
  });
});
