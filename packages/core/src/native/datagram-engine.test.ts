import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import type { Endpoint } from '@sluice/base/address';
import fc from 'fast-check';
import { BatchDatagrams } from './batch-datagrams.ts';
import type { DatagramEngine, DatagramHandlers, DatagramPeer, DatagramSocket } from './datagram-engine.ts';
import { type Ffi, loadFfi } from './ffi.ts';
import { nativeSockets } from './native-sockets.ts';
import { nodeDatagrams } from './node-datagrams.ts';

const foreign = loadFfi();
const native = nativeSockets();
const isFast = foreign.available && native.available;
const engines: readonly (readonly [string, DatagramEngine | undefined])[] = [
  ['dgram', nodeDatagrams],
  ['recvmmsg', isFast ? new BatchDatagrams(foreign.ffi, native.sockets) : undefined],
];
const NOTHING = new Uint8Array(0);
const ANY: Endpoint = { host: '127.0.0.1', port: 0 };

for (const [name, engine] of engines) {
  describe(`datagram engine, ${name}`, {
    skip: engine === undefined ? 'no foreign functions' : false,
  }, () => {
    if (engine === undefined) return;
    const opened: { close(): unknown }[] = [];
    afterEach(() => {
      for (const each of opened.splice(0)) each.close();
    });

    const handlersOf = (onDatagram: DatagramHandlers['onDatagram']): DatagramHandlers => ({
      onDatagram,
      onError: (error) => assert.fail(error),
    });

    const listen = async (
      onDatagram: (socket: DatagramSocket, data: Uint8Array, from: DatagramPeer) => void,
    ) => {
      const { socket, local } = await engine.listen(
        ANY,
        handlersOf((data, from) => onDatagram(socket, data, from)),
      );
      opened.push(socket);
      return { socket, port: local.port };
    };

    const client = async (type: 'udp4' | 'udp6' = 'udp4') => {
      const socket = dgram.createSocket({ type, recvBufferSize: 4 << 20 });
      opened.push(socket);
      const received: Buffer[] = [];
      socket.on('message', (data) => received.push(data));
      socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
      await once(socket, 'listening');
      const count = async (wanted: number) => {
        while (received.length < wanted) await once(socket, 'message');
        return received;
      };
      return { socket, received, count, port: socket.address().port };
    };

    it('sends back with a header, and tells who sent', async () => {
      const senders: string[] = [];
      const { port } = await listen((socket, data, from) => {
        senders.push(`${from.host}:${from.port}`);
        socket.send(data, from, Buffer.from('re:'));
      });
      const one = await client();
      for (const text of ['a', '', 'longer']) one.socket.send(text, port, '127.0.0.1');
      assert.deepEqual((await one.count(3)).map(String).sort(), ['re:', 're:a', 're:longer']);
      assert.deepEqual(new Set(senders), new Set([`127.0.0.1:${one.port}`]));
    });

    it('passes datagrams of any length on, also from memory of others', async () => {
      const { port } = await listen((socket, data, from) => {
        socket.send(data, from, NOTHING);
        socket.send(Buffer.alloc(data.length, 7), from, NOTHING);
      });
      const one = await client();
      const lengths = [0, 1, 1_472, 2_048, 2_049, 20_000, 65_507];
      for (const [index, length] of lengths.entries()) {
        one.socket.send(Buffer.alloc(length, index + 1), port, '127.0.0.1');
        const [same, filled] = (await one.count(2 * index + 2)).slice(-2);
        assert.deepEqual(same, Buffer.alloc(length, index + 1));
        assert.deepEqual(filled, Buffer.alloc(length, 7));
      }
    });

    it('keeps many clients and sockets apart', async () => {
      const ways = new Map<DatagramPeer, DatagramSocket>();
      const echo = await listen((socket, data, from) => socket.send(data, from, NOTHING));
      const relay = await listen((socket, data, from) => {
        let way = ways.get(from);
        if (way === undefined) {
          way = engine.open(
            4,
            '',
            handlersOf((answer) => socket.send(answer, from, NOTHING)),
          );
          opened.push(way);
          ways.set(from, way);
        }
        way.send(data, way.peer({ host: '127.0.0.1', port: echo.port }), NOTHING);
      });
      const clients = await Promise.all(Array.from({ length: 8 }, () => client()));
      for (let round = 0; round < 20; round++) {
        for (const [index, each] of clients.entries())
          each.socket.send(`${index}/${round}`, relay.port, '127.0.0.1');
      }
      for (const [index, each] of clients.entries()) {
        const texts = new Set((await each.count(20)).map(String));
        for (let round = 0; round < 20; round++) assert.ok(texts.has(`${index}/${round}`));
      }
    });

    it('tells its address, at once or with the first datagram', async () => {
      const target = await client();
      const bound = Promise.withResolvers<number>();
      const socket = engine.open(4, '', {
        onDatagram: () => undefined,
        onBound: ({ port }) => bound.resolve(port),
        onError: assert.fail,
      });
      opened.push(socket);
      socket.send(Buffer.from('x'), socket.peer({ host: '127.0.0.1', port: target.port }), NOTHING);
      const [, from] = (await once(target.socket, 'message')) as [Buffer, dgram.RemoteInfo];
      assert.equal(await bound.promise, from.port);
    });

    it('goes on when a destination refuses', async () => {
      const gone = await client();
      const { port: dead } = gone;
      opened.splice(opened.indexOf(gone.socket), 1);
      gone.socket.close();
      const { port } = await listen((socket, data, from) => {
        socket.send(data, socket.peer({ host: '127.0.0.1', port: dead }), NOTHING);
        socket.send(data, from, NOTHING);
      });
      const one = await client();
      for (let index = 1; index <= 5; index++) {
        one.socket.send('x', port, '127.0.0.1');
        await one.count(index);
      }
    });

    it('serves both families at an empty host', async (context) => {
      const hosts: string[] = [];
      const { socket, local } = await engine.listen(
        { host: '', port: 0 },
        handlersOf((data, from) => {
          hosts.push(from.host);
          socket.send(data, from, NOTHING);
        }),
      );
      opened.push(socket);
      const v4 = await client();
      v4.socket.send('4', local.port, '127.0.0.1');
      await v4.count(1);
      assert.deepEqual(hosts, ['127.0.0.1']);
      const v6 = await client('udp6').catch(() => undefined);
      if (v6 === undefined) return context.skip('no IPv6 here');
      v6.socket.send('6', local.port, '::1');
      await v6.count(1);
      assert.deepEqual(hosts, ['127.0.0.1', '::1']);
    });

    it('closing in the middle of a batch ends it, and what was sent before leaves', async () => {
      let seen = 0;
      const { port } = await listen((socket, data, from) => {
        seen += 1;
        socket.send(data, from, NOTHING);
        socket.close();
        socket.close();
        socket.send(data, from, NOTHING);
      });
      const one = await client();
      for (let index = 0; index < 20; index++) one.socket.send('x', port, '127.0.0.1');
      await one.count(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(seen, 1);
      assert.equal(one.received.length, 1);
    });

    it('refuses addresses that are not there', async () => {
      const handlers = handlersOf(() => undefined);
      await assert.rejects(engine.listen({ host: '192.0.2.1', port: 0 }, handlers), /EADDRNOTAVAIL/);
    });

    it('survives garbage', async () => {
      const { port } = await listen((socket, data, from) => socket.send(data, from, NOTHING));
      const one = await client();
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), async (bytes) => {
          const before = one.received.length;
          one.socket.send(bytes, port, '127.0.0.1');
          assert.deepEqual(new Uint8Array((await one.count(before + 1))[before] ?? []), bytes);
        }),
        { numRuns: 50 },
      );
    });

    it('leaves no descriptors behind', { skip: process.platform !== 'linux' }, async () => {
      const target = await client();
      const place = { host: '127.0.0.1', port: target.port };
      const descriptors = () => readdirSync('/proc/self/fd').length;
      const before = descriptors();
      for (let round = 0; round < 20; round++) {
        const sockets = Array.from({ length: 100 }, () =>
          engine.open(
            4,
            '',
            handlersOf(() => undefined),
          ),
        );
        for (const socket of sockets) socket.send(Buffer.from('x'), socket.peer(place), NOTHING);
        await target.count(1);
        for (const socket of sockets) socket.close();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(descriptors(), before);
    });
  });
}

describe('batches of datagrams where the calls are not allowed', {
  skip: isFast ? false : 'no foreign functions',
}, () => {
  it('are found out at the start', () => {
    if (!foreign.available || !native.available) return;
    const { ffi } = foreign;
    const refusing = { ...ffi, libc: { ...ffi.libc, sendmmsg: () => -1 }, errno: () => 1 } as unknown as Ffi;
    const engine = new BatchDatagrams(refusing, native.sockets);
    assert.throws(() => engine.test(), /itself|recvmmsg/);
  });
});
