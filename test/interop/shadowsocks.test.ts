import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import type { RoutePlane } from '@sluice/route/plane';
import { freePort, RouteRig, readAll, readExactly } from '@sluice/route/testing/route-rig';

const PASSWORD = 'barfoo!';
const isMissing = spawnSync('ss-server', ['-h']).error !== undefined;

/** Starts ss-server on a port and waits until it accepts. */
async function startServer(cipher: string, port: number): Promise<ChildProcess> {
  const options = ['-s', '127.0.0.1', '-p', String(port), '-k', PASSWORD, '-m', cipher, '-u', '-t', '60'];
  const child = spawn('ss-server', options, { stdio: 'ignore' });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    await sleep(30);
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return child;
  }
  child.kill();
  throw new Error(`ss-server did not start with ${cipher}`);
}

for (const cipher of ['aes-256-gcm', 'chacha20-ietf-poly1305']) {
  describe(`shadowsocks-libev with ${cipher}`, {
    skip: isMissing ? 'ss-server is not installed' : false,
  }, () => {
    const rig = new RouteRig();
    let child: ChildProcess;
    let plane: RoutePlane;

    before(async () => {
      const port = await freePort();
      child = await startServer(cipher, port);
      const node = {
        name: 'node',
        type: 'ss',
        server: '127.0.0.1',
        port,
        cipher,
        password: PASSWORD,
        udp: true,
      };
      const wrong = { ...node, name: 'wrong', password: 'not it' };
      plane = await rig.start({
        proxies: [node, wrong],
        'proxy-groups': [{ name: 'pick', type: 'select', proxies: ['node', 'wrong'] }],
        rules: ['MATCH,pick'],
      });
    });

    after(async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      await rig.close();
    });

    const tunnel = async (port: number) => {
      const socket = await rig.connect(plane.control.settings().mixedPort);
      socket.write(Buffer.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255));
      await readExactly(socket, 12);
      return socket;
    };

    it('carries a large upload unchanged', async () => {
      const sent = randomBytes(1_500_000);
      const target = await rig.serve(async (socket) => {
        const received = await readExactly(socket, sent.length);
        socket.write(createHash('sha256').update(received).digest());
      });
      const socket = await tunnel(target);
      // Not ended: this server ends both directions when one ends.
      socket.write(sent);
      assert.deepEqual(await readExactly(socket, 32), createHash('sha256').update(sent).digest());
      socket.destroy();
    });

    it('carries a large answer unchanged and shows the chain', async () => {
      const answer = randomBytes(1_500_000);
      const target = await rig.serve((socket) => socket.once('data', () => socket.end(answer)));
      const socket = await tunnel(target);
      socket.write('go');
      const received = readAll(socket);
      assert.ok((await received).equals(answer));
      socket.destroy();
    });

    it('lets a destination speak first', async () => {
      const target = await rig.serve((socket) => socket.write('220 ready'));
      const socket = await tunnel(target);
      assert.equal((await readExactly(socket, 9)).toString(), '220 ready');
      const [connection] = plane.control.connections().filter(({ download }) => download === 9);
      assert.deepEqual(connection?.chains, ['node', 'pick']);
      socket.destroy();
    });

    it('carries UDP both ways', async () => {
      const target = await rig.udpEcho();
      const socket = dgram.createSocket('udp4');
      rig.onClose(() => socket.close());
      for (const size of [1, 1_200]) {
        const data = randomBytes(size);
        const header = encodeSocksDatagramHeader({ host: '127.0.0.1', port: target });
        socket.send(Buffer.concat([header, data]), plane.control.settings().mixedPort, '127.0.0.1');
        const [answer] = (await once(socket, 'message')) as [Buffer];
        const datagram = parseSocksDatagram(answer);
        assert.deepEqual(datagram.remote, { host: '127.0.0.1', port: target });
        assert.ok(data.equals(datagram.data));
      }
    });

    it('answers a delay test through the node', async () => {
      const target = await rig.serve((socket) => {
        socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
      });
      assert.ok((await plane.control.testDelay('node', `http://127.0.0.1:${target}/`, 5_000, '204')) >= 1);
    });

    it('reaches nothing with the wrong password', async () => {
      const target = await rig.echo();
      await plane.control.select('pick', 'wrong');
      const socket = await tunnel(target);
      socket.end('hello');
      // The server keeps quiet or hangs up; either way nothing comes back.
      const answer = await Promise.race([readAll(socket), sleep(300, Buffer.alloc(0))]);
      assert.equal(answer.length, 0);
      await plane.control.select('pick', 'node');
    });
  });
}
