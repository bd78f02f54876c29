import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { DNS_TYPE } from '@sluice/codec/dns/types';
import { address } from '@sluice/route/dns/testing/fake-exchanger';
import { LoopbackDns } from '@sluice/route/dns/testing/loopback-dns';
import { freePort, readExactly } from '@sluice/route/testing/route-rig';
import { KernelScene } from '../support/kernel-scene.ts';
import { needs } from '../support/programs.ts';

describe('the DNS server under odd clients', needs('dig'), () => {
  const scene = new KernelScene();
  const many = Array.from({ length: 100 }, (_, index) => address('many.test', `192.0.2.${index}`));
  const upstream = new LoopbackDns({
    'many.test A': many,
    'a.test A': [address('a.test', '192.0.2.1')],
    'a.test AAAA': [],
  });
  let port: number;

  before(async () => {
    port = await freePort();
    const server = await upstream.listen();
    scene.rig.onClose(() => upstream.close());
    await scene.start({
      dns: {
        enable: true,
        listen: `127.0.0.1:${port}`,
        'use-system-hosts': false,
        nameserver: [server],
        'default-nameserver': [server],
      },
    });
  });
  after(() => scene.close());

  const query = (name: string, id: number) => encodeQuery(name, DNS_TYPE.A, { id, recursionDesired: true });

  it('cuts what is too long for a datagram, and dig asks again over TCP', async () => {
    assert.equal((await scene.dig(port, '+noedns', '+ignore', 'many.test')).length < 100, true);
    assert.equal((await scene.dig(port, '+noedns', 'many.test')).length, 100);
    assert.equal((await scene.dig(port, '+bufsize=4096', '+ignore', 'many.test')).length, 100);
  });

  it('answers questions in one TCP connection, whole and in pieces', async () => {
    const socket = await scene.rig.connect(port);
    const framed = (id: number) => {
      const message = query('a.test', id);
      return Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]);
    };
    const bytes = Buffer.concat([framed(1), framed(2), framed(3)]);
    for (const byte of bytes.subarray(0, 40)) socket.write(Buffer.of(byte));
    socket.write(bytes.subarray(40));
    const ids = [];
    for (let count = 0; count < 3; count += 1) {
      const length = (await readExactly(socket, 2)).readUInt16BE(0);
      ids.push((await readExactly(socket, length)).readUInt16BE(0));
    }
    assert.deepEqual(ids.sort(), [1, 2, 3]);
    socket.destroy();
  });

  it('survives messages that are none, and answers the next', async () => {
    const socket = dgram.createSocket('udp4');
    const bad = [Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(12), Buffer.alloc(600, 0xff)];
    const pointer = Buffer.from(query('a.test', 7));
    pointer.writeUInt16BE(0xc00c, 12);
    const answer = Buffer.from(query('a.test', 8));
    answer[2] = 0x80;
    for (const message of [...bad, pointer, answer]) socket.send(message, port, '127.0.0.1');
    socket.send(query('a.test', 99), port, '127.0.0.1');
    for (;;) {
      const [message] = (await once(socket, 'message')) as [Buffer];
      assert.notEqual(message.readUInt16BE(0), 8, 'an answer is not answered');
      if (message.readUInt16BE(0) === 99) break;
    }
    socket.close();
    const garbage = await scene.rig.connect(port);
    garbage.end(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await Promise.race([once(garbage.resume(), 'close'), once(garbage, 'end')]);
    assert.deepEqual(await scene.dig(port, 'a.test'), ['a.test. 300 IN A 192.0.2.1']);
  });

  it('answers a burst, asking its servers once for each name', async () => {
    scene.gateway.app.route.control.dns.flushCache();
    upstream.asked.length = 0;
    const socket = dgram.createSocket('udp4');
    const received = new Set<number>();
    const all = Promise.withResolvers<void>();
    socket.on('message', (message) => {
      received.add(message.readUInt16BE(0));
      if (received.size === 200) all.resolve();
    });
    for (let id = 1; id <= 200; id += 1) socket.send(query('a.test', id), port, '127.0.0.1');
    await all.promise;
    socket.close();
    assert.deepEqual(upstream.asked, ['a.test A']);
  });

  it('answers every kind of question in some way', async () => {
    for (const type of ['ANY', 'PTR', 'TXT', 'SOA', 'TYPE65535', 'AAAA'])
      await scene.dig(port, 'a.test', type);
    await scene.dig(port, '-x', '192.0.2.1');
    await scene.dig(port, '.', 'NS');
    await scene.dig(port, `${'a'.repeat(63)}.${'b'.repeat(63)}.test`);
    await scene.dig(port, '+subnet=192.0.2.0/24', '+cookie', '+dnssec', 'a.test');
    await scene.dig(port, '+opcode=NOTIFY', 'a.test');
    await scene.dig(port, '-c', 'CH', 'version.bind', 'TXT');
  });
});
