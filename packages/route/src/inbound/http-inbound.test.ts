import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '@sluice/base/clock';
import { RouteRig, readAll, readExactly, until } from '../testing/route-rig.ts';

describe('HTTP inbound', () => {
  let rig: RouteRig;
  beforeEach(() => {
    rig = new RouteRig();
  });
  afterEach(() => rig.close());

  const start = async (partial: Parameters<RouteRig['start']>[0] = {}) => {
    const plane = await rig.start(partial);
    return { plane, socket: await rig.connect(plane.control.settings().mixedPort) };
  };

  /** An origin that tells what it was sent; the result is its port and the connections it has seen. */
  async function origin(listener: http.RequestListener) {
    const server = http.createServer(listener);
    const connections: Socket[] = [];
    server.on('connection', (socket) => connections.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.onClose(() => {
      server.closeAllConnections();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, connections };
  }

  const telling: http.RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const lines = request.rawHeaders
      .map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\n`))
      .join('');
    const body = `${request.method} ${request.url}\n${lines}${Buffer.concat(chunks)}`;
    response.end(request.method === 'HEAD' ? undefined : body);
  };

  /** Reads one response with a Content-Length. */
  async function response(socket: Socket, method = 'GET'): Promise<{ head: string; body: string }> {
    let head = '';
    while (!head.endsWith('\r\n\r\n')) head += (await readExactly(socket, 1)).toString('latin1');
    const length = method === 'HEAD' ? 0 : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    return { head, body: (await readExactly(socket, length)).toString() };
  }

  it('CONNECT answers at once and tunnels what follows', async () => {
    const target = await rig.echo();
    const { plane, socket } = await start();
    socket.write(`CONNECT localhost:${target} HTTP/1.1\r\nHost: localhost\r\n\r\nearly`);
    const answer = await readExactly(socket, 44);
    assert.equal(answer.toString(), 'HTTP/1.1 200 Connection established\r\n\r\nearly');
    const [connection] = plane.control.connections();
    assert.equal(connection?.metadata.type, 'HTTPS');
    assert.equal(connection?.metadata.host, 'localhost');
    assert.equal(connection?.metadata.remoteDestination, '127.0.0.1');
    socket.end();
    await readAll(socket);
  });

  it('a client that goes takes its silent origin connection along', async () => {
    const { port } = await origin(() => undefined);
    const clock = new FakeClock();
    const plane = await rig.start({}, rig.context(clock));
    const ask = async () => {
      const socket = await rig.connect(plane.control.settings().mixedPort);
      socket.write(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
      return socket;
    };
    (await ask()).end();
    const reset = await ask();
    await until(() => plane.control.connections().length === 2);
    reset.resetAndDestroy();
    await until(() => plane.control.connections().length === 1);
    // The other has only said that it sends no more; after a minute nobody is there.
    clock.advance(59_000);
    await setImmediate();
    assert.equal(plane.control.connections().length, 1);
    clock.advance(2_000);
    await until(() => plane.control.connections().length === 0);
  });

  it('drops whoever does not come to the point within thirty seconds', async () => {
    const clock = new FakeClock();
    const plane = await rig.start({}, rig.context(clock));
    const starts = [
      '',
      'GET http://x.test/ HTTP/1.1\r\nA',
      '\x04\x01',
      '\x05\x02\x00',
      '\x05\x01\x00\x05\x01',
    ];
    const sockets: Socket[] = [];
    for (const text of starts) {
      const socket = await rig.connect(plane.control.settings().mixedPort);
      socket.write(Buffer.from(text, 'latin1'));
      sockets.push(socket);
    }
    const asked = sockets[4] as Socket;
    assert.deepEqual([...(await readExactly(asked, 2))], [5, 0]);
    clock.advance(29_000);
    await setImmediate();
    assert.ok(sockets.every((socket) => !socket.readableEnded));
    clock.advance(2_000);
    for (const socket of sockets) assert.equal((await readAll(socket)).length, 0);
  });

  it('answers 400 to a request whose body has two lengths', async () => {
    const { socket } = await start();
    socket.write('POST http://x.test/ HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc');
    assert.match((await readAll(socket)).toString(), /^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('a reset by the destination ends the tunnel', async () => {
    const dead = await rig.serve((peer) => peer.resetAndDestroy());
    const { socket } = await start();
    socket.write(`CONNECT 127.0.0.1:${dead} HTTP/1.0\r\n\r\n`);
    assert.equal((await readAll(socket)).toString(), 'HTTP/1.0 200 Connection established\r\n\r\n');
  });

  it('forwards a plain request without the proxy headers and with one upstream for several requests', async () => {
    const { port, connections } = await origin(telling);
    const { plane, socket } = await start();
    const text = (path: string) =>
      `GET http://127.0.0.1:${port}${path} HTTP/1.1\r\nHost: other\r\nProxy-Connection: keep-alive\r\n` +
      'Connection: x-hop\r\nX-Hop: 1\r\nTE: trailers\r\nX-Kept: yes\r\n\r\n';
    socket.write(text('/one?a=1'));
    const first = await response(socket);
    assert.equal(first.body, `GET /one?a=1\nHost: 127.0.0.1:${port}\nX-Kept: yes\n`);
    assert.match(
      first.head,
      /\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\nKeep-Alive: timeout=4\r\n/,
    );
    assert.doesNotMatch(first.head, /\r\nKeep-Alive: timeout=5/);
    const [connection] = plane.control.connections();
    assert.equal(connection?.metadata.type, 'HTTP');
    assert.ok((connection?.upload ?? 0) > 0 && (connection?.download ?? 0) > 0);
    socket.write(text('/two') + text('/three'));
    assert.match((await response(socket)).body, /^GET \/two\n/);
    assert.match((await response(socket)).body, /^GET \/three\n/);
    assert.equal(connections.length, 1);
    socket.destroy();
    await until(() => plane.control.connections().length === 0);
  });

  it('closes after the response unless keep-alive was asked for', async () => {
    const { port } = await origin(telling);
    const { socket } = await start();
    socket.write(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.match((await readAll(socket)).toString(), /\r\nConnection: close\r\n/);
  });

  it('opens a new upstream when the idle one has ended', async () => {
    const { port, connections } = await origin(telling);
    const { socket } = await start();
    for (const count of [1, 2]) {
      socket.write(
        `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nProxy-Connection: keep-alive\r\n\r\n`,
      );
      assert.match((await response(socket)).head, /^HTTP\/1.1 200/);
      assert.equal(connections.length, count);
      connections[0]?.destroy();
    }
  });

  it('carries chunked bodies both ways, HEAD and 304', async () => {
    const { port } = await origin(async (request, answer) => {
      if (request.url === '/304') {
        answer.writeHead(304, { 'content-length': '10' }).end();
        return;
      }
      answer.flushHeaders();
      for await (const chunk of request) answer.write(`<${chunk}>`);
      answer.end('end');
    });
    const { socket } = await start();
    const head = (method: string, path: string) =>
      `${method} http://127.0.0.1:${port}${path} HTTP/1.1\r\nHost: x\r\nProxy-Connection: keep-alive\r\n`;
    socket.write(`${head('POST', '/')}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    let text = '';
    while (!text.includes('<abc>')) text += await readExactly(socket, 1);
    socket.write('2\r\nde\r\n0\r\n\r\n');
    while (!text.endsWith('\r\n0\r\n\r\n')) text += await readExactly(socket, 1);
    assert.match(text, /\r\nTransfer-Encoding: chunked\r\n/);
    assert.match(text, /\r\n5\r\n<abc>\r\n(7\r\n<de>end|4\r\n<de>\r\n3\r\nend)\r\n0\r\n\r\n$/);
    socket.write(`${head('HEAD', '/')}\r\n`);
    assert.match((await response(socket, 'HEAD')).head, /^HTTP\/1.1 200/);
    socket.write(`${head('GET', '/304')}\r\n`);
    assert.match((await response(socket, 'HEAD')).head, /^HTTP\/1.1 304/);
  });

  it('decodes chunks for an HTTP/1.0 client', async () => {
    const { port } = await origin((_request, answer) => {
      answer.write('a');
      answer.end('b');
    });
    const { socket } = await start();
    socket.write(`GET http://127.0.0.1:${port}/ HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n`);
    const text = (await readAll(socket)).toString();
    assert.match(text, /\r\nConnection: close\r\n\r\nab$/);
    assert.doesNotMatch(text, /transfer-encoding/i);
  });

  it('passes 100-continue on before the body', async () => {
    const { port } = await origin(telling);
    const { socket } = await start();
    socket.write(
      `PUT http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
    );
    assert.match((await response(socket, 'HEAD')).head, /^HTTP\/1.1 100 Continue/);
    socket.write('body');
    assert.match((await response(socket)).body, /body$/);
  });

  it('hands an upgrade over as a raw tunnel', async () => {
    let received = '';
    const target = await rig.serve((peer) => {
      peer.once('data', (data) => {
        received = data.toString();
        peer.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhi');
        peer.on('data', (more) => peer.write(`<${more}>`));
      });
    });
    const { socket } = await start();
    socket.write(
      `GET http://127.0.0.1:${target}/chat HTTP/1.1\r\nHost: y\r\nProxy-Connection: keep-alive\r\n` +
        'Connection: Upgrade\r\nUpgrade: x\r\n\r\n',
    );
    let text = '';
    while (!text.endsWith('\r\n\r\nhi')) text += await readExactly(socket, 1);
    assert.equal(
      received,
      `GET /chat HTTP/1.1\r\nHost: 127.0.0.1:${target}\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n`,
    );
    socket.write('more');
    assert.equal((await readExactly(socket, 6)).toString(), '<more>');
  });

  it('answers 502 when the origin cannot be reached, resets or is rejected, and goes on', async () => {
    const rude = await rig.serve((peer) => peer.resetAndDestroy());
    const { port } = await origin(telling);
    const { socket } = await start({ rules: ['DOMAIN,blocked.test,REJECT', 'MATCH,DIRECT'] });
    const text = (authority: string) =>
      `GET http://${authority}/ HTTP/1.1\r\nHost: x\r\nProxy-Connection: keep-alive\r\n\r\n`;
    for (const authority of [`127.0.0.1:${rude}`, 'blocked.test']) {
      socket.write(text(authority));
      assert.match((await response(socket)).head, /^HTTP\/1.1 502 Bad Gateway\r\n/);
    }
    socket.write(text(`127.0.0.1:${port}`));
    assert.match((await response(socket)).head, /^HTTP\/1.1 200/);
  });

  it('answers 400 to requests that are not for a proxy and to rubbish', async () => {
    const { plane } = await start();
    for (const text of [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n',
      'nonsense\r\n\r\n',
    ]) {
      const socket = await rig.connect(plane.control.settings().mixedPort);
      socket.write(text);
      assert.match((await readAll(socket)).toString(), /^HTTP\/1.1 400 Bad Request\r\n/);
    }
  });

  describe('authentication', () => {
    const basic = (text: string) => `Proxy-Authorization: Basic ${Buffer.from(text).toString('base64')}\r\n`;

    it('407 without, 403 with wrong credentials, and remembers good ones on the connection', async () => {
      const { port } = await origin(telling);
      const { plane, socket } = await start({ authentication: ['ann:a:b'] });
      const text = (extra: string) =>
        `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nProxy-Connection: keep-alive\r\n${extra}\r\n`;
      socket.write(text(''));
      assert.match(
        (await response(socket)).head,
        /^HTTP\/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n/,
      );
      socket.write(text(basic('ann:wrong')));
      assert.match((await response(socket)).head, /^HTTP\/1.1 403 Forbidden\r\n/);
      socket.write(text(basic('ann:a:b')));
      const good = await response(socket);
      assert.match(good.head, /^HTTP\/1.1 200/);
      assert.doesNotMatch(good.body, /Proxy-Authorization/);
      assert.equal(plane.control.connections()[0]?.metadata.inboundUser, 'ann');
      socket.write(text(''));
      assert.match((await response(socket)).head, /^HTTP\/1.1 200/);
    });

    it('refuses CONNECT and closes', async () => {
      const { socket } = await start({ authentication: ['ann:x'] });
      socket.write('CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n');
      assert.match((await readAll(socket)).toString(), /^HTTP\/1.1 407 /);
    });

    it('records the user even when none is required', async () => {
      const target = await rig.echo();
      const { plane, socket } = await start();
      socket.write(`CONNECT 127.0.0.1:${target} HTTP/1.1\r\n${basic('guest:')}\r\nx`);
      await readExactly(socket, 40);
      assert.equal(plane.control.connections()[0]?.metadata.inboundUser, 'guest');
    });
  });
});
