import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { cryptoFrame, plainHello, sealInitial } from '@sluice/codec/quic-initial/testing/seal-initial';
import { readExactly } from '@sluice/route/testing/route-rig';
import { TEST_CERTIFICATE, TEST_KEY } from '@sluice/route/testing/test-certificate';
import { KernelScene, type ScriptedWeb } from '../support/kernel-scene.ts';
import { until } from '../support/until.ts';

/** The connection id of RFC 9001 Appendix A. */
const CONNECTION_ID = Buffer.from('8394c8f03e515708', 'hex');

/** The CRYPTO frame of RFC 9001 Appendix A.2, for example.com. */
const RFC_FRAME = Buffer.from(
  '060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff',
  'hex',
);

describe('the sniffer', () => {
  const scene = new KernelScene();
  let web: ScriptedWeb;
  let other: ScriptedWeb;
  let secure: tls.Server;
  let securePort: number;
  let quicPort: number;
  let silentPort: number;

  before(async () => {
    web = await scene.web();
    other = await scene.web();
    for (const each of [web, other]) each.answers.set('/', 'hello');
    secure = tls.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(`secure ${String(socket.servername)}`);
    });
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    scene.rig.onClose(() => secure.close());
    securePort = (secure.address() as AddressInfo).port;
    quicPort = await scene.rig.udpEcho();
    silentPort = await scene.rig.serve((socket) => socket.write('220 ready'));
    await scene.start({
      hosts: { 'moved.test': '127.0.0.1', 'example.com': '127.0.0.9' },
      sniffer: {
        enable: true,
        sniff: {
          HTTP: { ports: [web.port, other.port, silentPort], 'override-destination': true },
          TLS: { ports: [securePort], 'override-destination': false },
          QUIC: { ports: [quicPort] },
        },
        'skip-domain': ['+.push.test'],
        'force-domain': ['+.forced.test'],
      },
      rules: [
        'DOMAIN,moved.test,DIRECT',
        'DOMAIN,seen.test,DIRECT',
        'DOMAIN,example.com,DIRECT',
        'DOMAIN,known.test,DIRECT',
        'MATCH,REJECT',
      ],
    });
  });
  after(() => scene.close());

  async function get(port: number, name: string, host = '127.0.0.1'): Promise<string> {
    const socket = await scene.socks(host, port);
    try {
      socket.write(`GET / HTTP/1.1\r\nHost: ${name}:80\r\nConnection: close\r\n\r\n`);
      return (await readExactly(socket, 15)).toString();
    } catch {
      return 'refused';
    } finally {
      socket.destroy();
    }
  }

  it('routes HTTP to an address by its host, and goes to that host', async () => {
    // Nothing answers at 127.0.0.9: only the name leads to the server.
    assert.equal(await get(web.port, 'moved.test', '127.0.0.9'), 'HTTP/1.1 200 OK');
    assert.equal(await get(web.port, 'other.test'), 'refused');
    assert.equal(web.requests.at(-1)?.headers.host, 'moved.test:80');
  });

  it('leaves names alone that it is told to skip, and destinations that have names', async () => {
    assert.equal(await get(web.port, 'x.push.test'), 'refused');
    assert.equal(await get(web.port, 'moved.test', 'unknown.test'), 'refused');
  });

  it('routes TLS to an address by the name asked for, and stays with the address', async () => {
    const socket = await scene.socks('127.0.0.1', securePort);
    const client = tls.connect({ socket, servername: 'seen.test', rejectUnauthorized: false });
    client.on('error', () => client.destroy());
    await once(client, 'secureConnect');
    const [line] = (await once(client, 'data')) as [Buffer];
    assert.equal(line.toString(), 'secure seen.test');
    client.destroy();
    const refused = await scene.socks('127.0.0.1', securePort);
    const other = tls.connect({ socket: refused, servername: 'else.test', rejectUnauthorized: false });
    await assert.rejects(once(other, 'secureConnect'));
  });

  it('shows what it found with the connection', async () => {
    const socket = await scene.socks('127.0.0.1', web.port);
    socket.write('GET /late HTTP/1.1\r\nHost: moved.test\r\n');
    const found = await until('the connection', () =>
      scene.connection(({ metadata }) => metadata['sourcePort'] === String(socket.localPort)),
    );
    assert.equal(found.metadata.host, 'moved.test');
    assert.equal(found.metadata.sniffHost, 'moved.test');
    assert.equal(found.rule, 'Domain');
    socket.destroy();
  });

  it('routes QUIC to an address by the name in its Initial packet', async () => {
    const initial = sealInitial({
      connectionId: CONNECTION_ID,
      packetNumber: 2,
      frames: RFC_FRAME,
      paddedBytes: 1_162,
    });
    const client = await scene.socksUdp();
    const answer = await client.ask({ host: '127.0.0.1', port: quicPort }, initial);
    assert.ok(answer.data.equals(initial), 'the packet passes unchanged');
    assert.equal(answer.from, `127.0.0.1:${quicPort}`);
    const found = await scene.connection(({ metadata }) => metadata['sourcePort'] === String(client.port));
    assert.equal(found.metadata.sniffHost, 'example.com');
    assert.equal(found.rulePayload, 'example.com');
    const stranger = await scene.socksUdp();
    const hello = plainHello('stranger.test');
    const packet = sealInitial({
      connectionId: CONNECTION_ID,
      packetNumber: 0,
      frames: cryptoFrame(0, hello),
      paddedBytes: 1_162,
    });
    stranger.send({ host: '127.0.0.1', port: quicPort }, packet);
    await assert.rejects(stranger.next(500), /no datagram/);
  });

  it('closes a client that says nothing on a sniffed port', async () => {
    const socket = await scene.socks('127.0.0.1', silentPort);
    await assert.rejects(readExactly(socket, 9), /ended after 0/);
    await scene.logged('may not have any sent data');
  });

  it('can be switched off', async () => {
    assert.equal((await scene.api('PATCH', '/configs', { sniffing: false })).status, 204);
    assert.equal(await get(web.port, 'moved.test'), 'refused');
    await scene.api('PATCH', '/configs', { sniffing: true });
    assert.equal(await get(other.port, 'moved.test'), 'HTTP/1.1 200 OK');
  });
});
