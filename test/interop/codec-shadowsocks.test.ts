import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AEAD_ALGORITHMS, type AeadFactory } from '@sluice/base/aead';
import { deriveMasterKey, shadowsocksSaltBytes } from '@sluice/codec/shadowsocks/keys';
import { openShadowsocksPacket, sealShadowsocksPacket } from '@sluice/codec/shadowsocks/packet';
import {
  type ShadowsocksCipher,
  ShadowsocksDecoder,
  ShadowsocksEncoder,
} from '@sluice/codec/shadowsocks/stream';
import { encodeSocksAddress } from '@sluice/codec/socks/address';
import { aeadFactory } from '@sluice/core/native/aead';
import { nodeAead } from '@sluice/core/native/node-aead';

const PASSWORD = 'pass word';
const isMissing = spawnSync('ss-server', ['-h']).error !== undefined;
const engines = new Map<string, AeadFactory>(
  [nodeAead, aeadFactory()].map((factory) => [factory.engine, factory]),
);

/** Starts ss-server on a free port and waits until it accepts. */
async function startServer(
  algorithm: string,
): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  const options = ['-s', '127.0.0.1', '-p', String(port), '-k', PASSWORD, '-m', algorithm, '-u', '-t', '30'];
  const process = spawn('ss-server', options, { stdio: 'ignore' });
  for (let attempt = 0; attempt < 50; attempt++) {
    await sleep(50);
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return { port, process };
  }
  process.kill();
  throw new Error(`ss-server did not start for ${algorithm}`);
}

describe('Shadowsocks codec with ss-server', {
  skip: isMissing ? 'ss-server is not installed' : false,
}, () => {
  let tcpEcho: Server;
  let udpEcho: DatagramSocket;

  before(async () => {
    tcpEcho = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(
      0,
      '127.0.0.1',
    );
    udpEcho = createSocket('udp4', (message, { port, address }) => udpEcho.send(message, port, address));
    udpEcho.bind(0, '127.0.0.1');
    await Promise.all([once(tcpEcho, 'listening'), once(udpEcho, 'listening')]);
  });

  after(() => {
    tcpEcho.close();
    udpEcho.close();
  });

  for (const algorithm of AEAD_ALGORITHMS) {
    describe(algorithm, () => {
      let server: Awaited<ReturnType<typeof startServer>>;
      before(async () => {
        server = await startServer(algorithm);
      });
      after(() => server.process.kill());

      for (const [engine, aead] of engines) {
        const cipher: ShadowsocksCipher = {
          algorithm,
          masterKey: deriveMasterKey(algorithm, PASSWORD),
          aead,
        };

        it(`echoes 300 KB over TCP with ${engine}`, { timeout: 10_000 }, async () => {
          const sent = randomBytes(300_000);
          const encoder = new ShadowsocksEncoder(cipher, randomBytes(shadowsocksSaltBytes(algorithm)));
          const decoder = new ShadowsocksDecoder(cipher);
          const socket = connect(server.port, '127.0.0.1');
          const header = encodeSocksAddress({
            host: '127.0.0.1',
            port: (tcpEcho.address() as AddressInfo).port,
          });
          socket.write(encoder.encode(Buffer.concat([header, sent.subarray(0, 1000)])));
          socket.write(encoder.encode(sent.subarray(1000)));
          const received: Buffer[] = [];
          let length = 0;
          for await (const chunk of socket) {
            const plain = decoder.decode(chunk as Buffer);
            received.push(plain);
            length += plain.length;
            if (length >= sent.length) break;
          }
          socket.destroy();
          encoder.close();
          decoder.close();
          assert.ok(Buffer.concat(received).equals(sent));
        });

        it(`echoes a datagram over UDP with ${engine}`, { timeout: 10_000 }, async () => {
          const socket = createSocket('udp4');
          const remote = { host: '127.0.0.1', port: udpEcho.address().port };
          const salt = randomBytes(shadowsocksSaltBytes(algorithm));
          socket.send(
            sealShadowsocksPacket(cipher, salt, { remote, data: Buffer.from('ping') }),
            server.port,
            '127.0.0.1',
          );
          const [packet] = (await once(socket, 'message')) as [Buffer];
          socket.close();
          const answer = openShadowsocksPacket(cipher, packet);
          assert.deepEqual(answer.remote, remote);
          assert.equal(Buffer.from(answer.data).toString(), 'ping');
        });
      }
    });
  }
});
