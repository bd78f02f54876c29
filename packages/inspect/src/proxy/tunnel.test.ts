import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { after, before, beforeEach, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { newFlow } from '@sluice/core/ports/flow';
import {
  createCaCertificate,
  createLeafCertificate,
  publicKeyDer,
  readIssuerNames,
} from '../tls/certificate.ts';
import { toPem } from '../tls/der.ts';
import { InspectTap } from './flow-tap.ts';
import { bodyText, type Fixture, type Origin, openFixture, openOrigin, Peer } from './testing/fixture.ts';

const caKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const caDer = createCaCertificate(caKey, Date.now());
const leafKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const leafDer = createLeafCertificate(
  { ...readIssuerNames(caDer), key: caKey },
  publicKeyDer(leafKey),
  ['a.test', '127.0.0.1'],
  Date.now(),
);
const serverTls = { key: leafKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: toPem(leafDer) };

let fixture: Fixture;
before(async () => {
  fixture = await openFixture({ upstreamCaPem: toPem(caDer), passthrough: ['pass.test'] });
});
after(() => fixture.close());
beforeEach(() => fixture.sink.exchanges.splice(0));

/** A server that answers every request with its own text. */
function answering(socket: Duplex): void {
  const peer = new Peer(socket);
  void (async () => {
    for (;;) {
      const head = await peer.expect('\r\n\r\n');
      const path = head.split(' ')[1] ?? '';
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    }
  })().catch(() => socket.destroy());
}

async function openTunnel(target: string): Promise<Socket> {
  const socket = connect(fixture.port, '127.0.0.1');
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  const answer = await new Promise<Buffer>((resolve, reject) =>
    socket.once('data', resolve).once('error', reject),
  );
  assert.equal(answer.toString(), 'HTTP/1.1 200 Connection established\r\n\r\n');
  return socket;
}

async function secure(
  socket: Duplex,
  options: { host?: string; servername?: string; ca?: string; ALPNProtocols?: string[] },
): Promise<TLSSocket> {
  const client = connectTls({
    socket,
    ca: readFileSync(fixture.caPath, 'utf8'),
    ALPNProtocols: ['h2', 'http/1.1'],
    ...options,
  });
  await new Promise<void>((resolve, reject) => client.once('secureConnect', resolve).once('error', reject));
  return client;
}

async function withOrigin(
  run: (origin: Origin) => Promise<void>,
  onConnection: (socket: Duplex) => void = answering,
  tls: typeof serverTls | 'plain' = serverTls,
): Promise<void> {
  const origin = await openOrigin(onConnection, tls === 'plain' ? undefined : tls);
  try {
    await run(origin);
  } finally {
    origin.close();
  }
}

test('TLS in a tunnel is opened, and every request in it captured', async () => {
  await withOrigin(async ({ port, sockets }) => {
    const client = await secure(await openTunnel(`a.test:${port}`), { servername: 'a.test' });
    assert.equal(client.alpnProtocol, 'http/1.1');
    const peer = new Peer(client);
    for (const path of ['/one', '/two']) {
      peer.send(`GET ${path} HTTP/1.1\r\nHost: a.test:${port}\r\n\r\n`);
      assert.match(await peer.expect(`\r\n\r\n${path}`), /^HTTP\/1.1 200 OK/);
    }
    client.destroy();
    const exchange = await fixture.sink.at(1);
    assert.equal(exchange.request.url, `https://a.test:${port}/two`);
    assert.equal(exchange.request.scheme, 'https');
    assert.equal(bodyText(exchange.response!.body), '/two');
    assert.equal(sockets.length, 1);
  });
});

test('another connection to the same server resumes its TLS session', async () => {
  await withOrigin(async ({ port, sockets }) => {
    const clients: TLSSocket[] = [];
    for (const path of ['/full', '/resumed']) {
      const client = await secure(await openTunnel(`a.test:${port}`), { servername: 'a.test' });
      await new Peer(client).send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`).expect(`\r\n\r\n${path}`);
      clients.push(client);
    }
    for (const client of clients) client.destroy();
    assert.deepEqual(
      sockets.map((socket) => (socket as TLSSocket).isSessionReused() === true),
      [false, true],
    );
  });
});

test('a name in the hello that differs from the tunnel gets its own certificate and goes upstream', async () => {
  await withOrigin(async ({ port }) => {
    const client = await secure(await openTunnel(`127.0.0.1:${port}`), { servername: 'a.test' });
    const names = client.getPeerCertificate().subjectaltname ?? '';
    assert.match(names, /DNS:a\.test/);
    assert.match(names, /IP Address:127\.0\.0\.1/);
    const peer = new Peer(client).send(`GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    await peer.expect('\r\n\r\n/x');
    client.destroy();
    assert.equal((await fixture.sink.at(0)).request.url, 'https://a.test/x');
    assert.equal(fixture.dialer.requests.at(-1)?.host, '127.0.0.1');
  });
});

test('a tunnel to a literal address without server name', async () => {
  await withOrigin(async ({ port }) => {
    const client = await secure(await openTunnel(`127.0.0.1:${port}`), { host: '127.0.0.1' });
    const peer = new Peer(client).send(`GET /ip HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    await peer.expect('\r\n\r\n/ip');
    client.destroy();
    assert.equal((await fixture.sink.at(0)).request.url, `https://127.0.0.1:${port}/ip`);
  });
});

test('the server is checked: a name its certificate does not carry gives 502', async () => {
  await withOrigin(async ({ port }) => {
    const client = await secure(await openTunnel(`b.test:${port}`), { servername: 'b.test' });
    const peer = new Peer(client).send(`GET / HTTP/1.1\r\nHost: b.test\r\n\r\n`);
    assert.match(await peer.expect(/altnames.*\n$/), /^HTTP\/1.1 502 /);
    client.destroy();
    assert.match((await fixture.sink.at(0)).error, /TLS to b\.test:\d+ failed/);
  });
});

test('hosts in the pass-through list, unknown protocols and h2-only clients are not opened', async () => {
  await withOrigin(async ({ port }) => {
    const ca = toPem(caDer);
    for (const [target, options] of [
      [`pass.test:${port}`, { host: '127.0.0.1' }],
      [`a.test:${port}`, { servername: 'a.test', ALPNProtocols: ['acme-tls/1', 'h2'] }],
    ] as const) {
      const socket = await openTunnel(target);
      const client = connectTls({ socket, ca, ...options });
      client.on('error', () => undefined);
      await new Promise<void>((resolve) => client.once('secureConnect', resolve).once('close', resolve));
      if (client.authorized) assert.equal(client.getPeerX509Certificate()?.raw.equals(leafDer), true);
      client.destroy();
    }
    assert.equal(fixture.sink.exchanges.length, 0);
  });
});

test('plain HTTP in a tunnel is captured', async () => {
  await withOrigin(
    async ({ port }) => {
      const peer = new Peer(await openTunnel(`a.test:${port}`));
      peer.send(`GET /plain HTTP/1.1\r\nHost: a.test:${port}\r\n\r\n`);
      await peer.expect('\r\n\r\n/plain');
      peer.stream.destroy();
      assert.equal((await fixture.sink.at(0)).request.url, `http://a.test:${port}/plain`);
    },
    answering,
    'plain',
  );
});

test('a server that speaks first is heard although the client is silent', async () => {
  await withOrigin(
    async ({ port }) => {
      const peer = new Peer(await openTunnel(`ssh.test:${port}`));
      await peer.expect('SSH-2.0-test\r\n');
      peer.send('SSH-2.0-client\r\n');
      await peer.expect('echo SSH-2.0-client');
      peer.stream.destroy();
    },
    (socket) => {
      socket.write('SSH-2.0-test\r\n');
      socket.on('data', (bytes) => void socket.write(`echo ${bytes}`));
      socket.on('end', () => socket.end());
    },
    'plain',
  );
});

test('a client that takes its time is intercepted all the same', async () => {
  await withOrigin(async ({ port, sockets }) => {
    const socket = await openTunnel(`a.test:${port}`);
    // Longer than a server that speaks first is waited for.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const client = await secure(socket, { servername: 'a.test' });
    const peer = new Peer(client).send(`GET /late HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    await peer.expect('\r\n\r\n/late');
    client.destroy();
    assert.equal((await fixture.sink.at(0)).request.url, 'https://a.test/late');
    assert.equal(sockets.length, 1);
  });
});

test('garbage that begins like TLS is relayed, not choked on', async () => {
  await withOrigin(
    async ({ port }) => {
      for (const garbage of [
        '\x16\x03\x01\x00\x05\x02\x00\x00\x00\x00',
        '\x16\x03\x01\x00\x00',
        '\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03',
      ]) {
        const peer = new Peer(await openTunnel(`a.test:${port}`));
        peer.send(garbage);
        await peer.expect(garbage);
        peer.stream.destroy();
      }
    },
    (socket) => {
      socket.on('data', (bytes) => void socket.write(bytes));
      socket.on('end', () => socket.end());
    },
    'plain',
  );
});

test('a client that refuses the certificate, or leaves inside the handshake, disturbs nobody', async () => {
  await withOrigin(async ({ port }) => {
    await assert.rejects(
      secure(await openTunnel(`a.test:${port}`), { servername: 'a.test', ca: toPem(caDer) }),
    );
    const half = await openTunnel(`a.test:${port}`);
    half.write(Buffer.from('1603010200010001fc0303', 'hex'));
    half.destroy();
    const client = await secure(await openTunnel(`a.test:${port}`), { servername: 'a.test' });
    const peer = new Peer(client).send(`GET /still HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    await peer.expect('\r\n\r\n/still');
    client.destroy();
  });
});

/** Two ends of a connection that is no socket. */
function streamPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (side) =>
      new Duplex({
        allowHalfOpen: true,
        read() {},
        write(chunk, _encoding, done) {
          ends[1 - side]?.push(chunk);
          done();
        },
        final(done) {
          ends[1 - side]?.push(null);
          done();
        },
        destroy(error, done) {
          setImmediate(() => ends[1 - side]?.destroy());
          done(error);
        },
      }),
  );
  return [ends[0] as Duplex, ends[1] as Duplex];
}

test('a tapped flow takes the same path, also over streams that are no sockets', async () => {
  await withOrigin(async ({ port }) => {
    const tap = new InspectTap(() => fixture.services);
    assert.equal(tap.active, true);
    const [near, far] = streamPair();
    const accepted = tap.accept({
      id: 'tapped-1',
      rule: 'DOMAIN,a.test',
      client: far,
      metadata: newFlow({
        network: 'tcp',
        type: 'Socks5',
        sourceIp: '10.0.0.9',
        sourcePort: 4711,
        host: 'a.test',
        destinationPort: port,
        inboundIp: '',
        inboundPort: 0,
        inboundName: '',
      }),
      dial: () => fixture.dialer.dial({ host: 'a.test', port, purpose: 'test' }),
    });
    assert.equal(tap.flows, 1);
    const client = await secure(near, { servername: 'a.test' });
    const peer = new Peer(client).send(`GET /tap HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    await peer.expect('\r\n\r\n/tap');
    client.destroy();
    await accepted;
    const exchange = await fixture.sink.at(0);
    assert.equal(exchange.flowId, 'tapped-1');
    assert.equal(exchange.clientIp, '10.0.0.9');
    assert.equal(exchange.request.url, 'https://a.test/tap');
    assert.equal(tap.flows, 0);
  });
});

test('an inactive tap closes what it is handed', async () => {
  const tap = new InspectTap(() => undefined);
  assert.equal(tap.active, false);
});
