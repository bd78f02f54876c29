import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import type { RoutePlane } from '../plane.ts';
import { RouteRig, readAll, readExactly, until } from '../testing/route-rig.ts';

/** Opens a SOCKS5 tunnel through a plane's mixed port. */
async function tunnel(rig: RouteRig, plane: RoutePlane, host: string, port: number): Promise<Socket> {
  const socket = await rig.connect(plane.control.settings().mixedPort);
  const name = Buffer.from(host);
  socket.write(
    Buffer.concat([Buffer.of(5, 1, 0, 5, 1, 0, 3, name.length), name, Buffer.of(port >> 8, port & 255)]),
  );
  await readExactly(socket, 12);
  return socket;
}

/** One datagram there and back through a plane's mixed port. */
async function datagram(rig: RouteRig, plane: RoutePlane, port: number, text: string, host = '127.0.0.1') {
  const socket = dgram.createSocket('udp4');
  rig.onClose(() => socket.close());
  const packet = Buffer.concat([encodeSocksDatagramHeader({ host, port }), Buffer.from(text)]);
  socket.send(packet, plane.control.settings().mixedPort, '127.0.0.1');
  const [answer] = (await once(socket, 'message')) as [Buffer];
  const { remote, data } = parseSocksDatagram(answer);
  return { remote, text: Buffer.from(data).toString() };
}

describe('outbounds', () => {
  let rig: RouteRig;
  beforeEach(() => {
    rig = new RouteRig();
  });
  afterEach(() => rig.close());

  /** A second gateway that serves as the proxy server. */
  async function server(authentication: string[] = []) {
    const plane = await rig.start({
      authentication,
      hosts: { 'origin.test': '127.0.0.1' },
      profile: { 'store-selected': false, 'store-fake-ip': false },
    });
    return { plane, port: plane.control.settings().mixedPort };
  }
  const via = (name: string) => [`MATCH,${name}`];

  for (const type of ['http', 'socks5'] as const) {
    it(`${type}: tunnels by name with credentials, and shows the node`, async () => {
      const target = await rig.echo();
      const upstream = await server(['ann:secret']);
      const plane = await rig.start({
        proxies: [
          {
            name: 'node',
            type,
            server: 'localhost',
            port: upstream.port,
            username: 'ann',
            password: 'secret',
          },
        ],
        rules: via('node'),
      });
      const socket = await tunnel(rig, plane, 'origin.test', target);
      socket.write('through');
      assert.equal((await readExactly(socket, 7)).toString(), 'through');
      const [connection] = plane.control.connections();
      assert.deepEqual(connection?.chains, ['node']);
      assert.equal(connection?.rule, 'Match');
      assert.deepEqual([connection?.upload, connection?.download], [7, 7]);
      assert.equal(connection?.metadata.remoteDestination, '127.0.0.1');
      assert.equal(upstream.plane.control.connections()[0]?.metadata.host, 'origin.test');
      assert.ok(rig.lines.some((line) => line.endsWith(`--> origin.test:${target} match Match using node`)));
    });

    it(`${type}: wrong credentials end the client's connection with a log line`, async () => {
      const upstream = await server(['ann:secret']);
      const plane = await rig.start({
        proxies: [
          { name: 'node', type, server: '127.0.0.1', port: upstream.port, username: 'ann', password: 'no' },
        ],
        rules: via('node'),
      });
      const socket = await tunnel(rig, plane, 'x.test', 80);
      assert.equal((await readAll(socket)).length, 0);
      const text = type === 'http' ? 'can not connect remote err code: 403' : 'rejected username/password';
      const expected = `--> x.test:80 error: 127.0.0.1:${upstream.port} connect error: ${text}`;
      assert.ok(
        rig.lines.some(
          (line) => line.startsWith('warning [TCP] dial node (match Match/) ') && line.endsWith(expected),
        ),
        rig.lines.join('\n'),
      );
    });
  }

  it('http: sends configured headers and keeps bytes that follow the answer', async () => {
    let head = '';
    const proxy = await rig.serve((socket) => {
      socket.once('data', (data) => {
        head = data.toString();
        socket.write('HTTP/1.1 200 OK\r\nX: y\r\n\r\nfirst words');
      });
    });
    const plane = await rig.start({
      proxies: [
        {
          name: 'node',
          type: 'http',
          server: '127.0.0.1',
          port: proxy,
          headers: { 'User-Agent': 'me', 'X-A': 'b' },
        },
      ],
      rules: via('node'),
    });
    const socket = await tunnel(rig, plane, 'x.test', 443);
    assert.equal((await readExactly(socket, 11)).toString(), 'first words');
    assert.equal(
      head,
      'CONNECT x.test:443 HTTP/1.1\r\nHost: x.test:443\r\nProxy-Connection: Keep-Alive\r\nUser-Agent: me\r\nX-A: b\r\n\r\n',
    );
  });

  it('UDP goes direct and through socks5, with the real remote address in the answer', async () => {
    const target = await rig.udpEcho();
    const upstream = await server();
    const direct = await datagram(rig, upstream.plane, target, 'straight');
    assert.deepEqual(direct, { remote: { host: '127.0.0.1', port: target }, text: 'straight' });
    const plane = await rig.start({
      proxies: [{ name: 'node', type: 'socks5', server: '127.0.0.1', port: upstream.port, udp: true }],
      rules: via('node'),
    });
    assert.equal((await datagram(rig, plane, target, 'around', 'localhost')).text, 'around');
    const [session] = plane.control.connections();
    assert.equal(session?.metadata.network, 'udp');
    assert.equal(session?.metadata.host, 'localhost');
    assert.deepEqual([session?.upload, session?.download], [6, 6]);
    plane.control.closeAllConnections();
    assert.deepEqual(plane.control.connections(), []);
    await until(() => upstream.plane.control.connections().length <= 2);
  });

  it('UDP to port 0 is dropped, and a session outlives the listener it came through', async () => {
    const client = dgram.createSocket('udp4');
    rig.onClose(() => client.close());
    const held: dgram.RemoteInfo[] = [];
    const remote = dgram.createSocket('udp4');
    rig.onClose(() => remote.close());
    remote.on('message', (_data, from) => held.push(from));
    remote.bind(0, '127.0.0.1');
    await once(remote, 'listening');
    const plane = await rig.start({});
    for (const port of [0, remote.address().port]) {
      const packet = Buffer.concat([
        encodeSocksDatagramHeader({ host: '127.0.0.1', port }),
        Buffer.from('x'),
      ]);
      client.send(packet, plane.control.settings().mixedPort, '127.0.0.1');
    }
    await until(() => held.length === 1);
    await plane.control.patchSettings({ mixedPort: 0 });
    remote.send('late', held[0]?.port, '127.0.0.1');
    await until(() => plane.control.connections()[0]?.download === 4);
  });

  it('UDP passes over a rule whose outbound has none', async () => {
    const target = await rig.udpEcho();
    const plane = await rig.start({
      proxies: [{ name: 'node', type: 'http', server: '127.0.0.1', port: 1 }],
      rules: ['NETWORK,udp,node', 'MATCH,DIRECT'],
    });
    assert.equal((await datagram(rig, plane, target, 'x')).text, 'x');
    assert.deepEqual(plane.control.connections()[0]?.chains, ['DIRECT']);
  });

  it('REJECT ends at once; PASS is passed over; hosts are dialed by address', async () => {
    const target = await rig.echo();
    const plane = await rig.start({
      hosts: { 'mapped.test': '127.0.0.1', 'alias.test': 'mapped.test' },
      rules: [
        'DOMAIN,blocked.test,REJECT',
        'DOMAIN,mapped.test,PASS',
        'IP-CIDR,127.0.0.0/8,DIRECT',
        'MATCH,REJECT',
      ],
    });
    assert.equal((await readAll(await tunnel(rig, plane, 'blocked.test', 80))).length, 0);
    const socket = await tunnel(rig, plane, 'alias.test', target);
    socket.write('x');
    assert.equal((await readExactly(socket, 1)).toString(), 'x');
    const [connection] = plane.control.connections();
    assert.equal(connection?.metadata.host, 'mapped.test');
    assert.equal(connection?.rule, 'IPCIDR');
  });

  it('REJECT-DROP lets the client hang', async () => {
    const plane = await rig.start({ rules: ['MATCH,REJECT-DROP'] });
    const socket = await tunnel(rig, plane, 'x.test', 80);
    socket.write('anyone?');
    await until(() => plane.control.connections()[0]?.upload === 7);
    plane.control.closeAllConnections();
    assert.equal((await readAll(socket)).length, 0);
  });

  it('dialer-proxy carries the connection to the server; a loop fails instead of spinning', async () => {
    const target = await rig.echo();
    const [first, second] = [await server(), await server()];
    const plane = await rig.start({
      proxies: [
        { name: 'inner', type: 'socks5', server: '127.0.0.1', port: second.port, 'dialer-proxy': 'outer' },
        { name: 'outer', type: 'http', server: '127.0.0.1', port: first.port },
        { name: 'a', type: 'socks5', server: '127.0.0.1', port: 1, 'dialer-proxy': 'b' },
        { name: 'b', type: 'socks5', server: '127.0.0.1', port: 1, 'dialer-proxy': 'a' },
      ],
      rules: ['DOMAIN,loop.test,a', 'MATCH,inner'],
    });
    const socket = await tunnel(rig, plane, '127.0.0.1', target);
    socket.write('x');
    assert.equal((await readExactly(socket, 1)).toString(), 'x');
    assert.equal(first.plane.control.connections()[0]?.metadata.destinationPort, second.port);
    assert.deepEqual(plane.control.connections()[0]?.chains, ['inner']);
    assert.equal((await readAll(await tunnel(rig, plane, 'loop.test', 80))).length, 0);
    assert.ok(rig.lines.some((line) => line.includes('dialer-proxy')));
  });

  it('a direct connection that comes back to us is refused', async () => {
    const plane = await rig.start({});
    const { mixedPort } = plane.control.settings();
    const socket = await tunnel(rig, plane, '127.0.0.1', mixedPort);
    const looping = Buffer.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, mixedPort >> 8, mixedPort & 255);
    socket.write(looping);
    assert.equal((await readAll(socket)).length, 12);
    assert.ok(
      rig.lines.some((line) => line.endsWith(`reject loopback connection to: 127.0.0.1:${mixedPort}`)),
    );
  });
});
