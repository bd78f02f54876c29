import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { createLogHub } from '@sluice/core/log/log-hub';
import type { Ffi } from '@sluice/core/native/ffi';
import fc from 'fast-check';
import { type BatchSupport, batchSupport } from './batch-udp-listener.ts';
import { type DatagramListener, openUdpListener } from './open-udp-listener.ts';
import type { DnsResponder } from './responder.ts';

const log = createLogHub('silent', () => undefined).logger;
const support = batchSupport();
const engines: readonly (readonly [string, BatchSupport, string | false])[] = [
  ['dgram', { available: false, reason: 'not wanted' }, false],
  ['batches', support, support.available ? false : support.reason],
];

for (const [engine, wanted, skip] of engines) {
  describe(`dns over udp, ${engine}`, { skip }, () => {
    const opened: (DatagramListener | dgram.Socket)[] = [];
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    const listen = async (responder: DnsResponder, host = '127.0.0.1') => {
      const listener = await openUdpListener({ host, port: 0 }, responder, log, wanted);
      opened.push(listener);
      return listener;
    };

    const client = async (type: 'udp4' | 'udp6' = 'udp4') => {
      const socket = dgram.createSocket({ type, recvBufferSize: 4 * 1024 * 1024 });
      socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
      await once(socket, 'listening');
      opened.push(socket);
      const received: Buffer[] = [];
      socket.on('message', (message) => received.push(message));
      const count = async (wantedCount: number) => {
        while (received.length < wantedCount) await once(socket, 'message');
        return received;
      };
      return { socket, received, count };
    };

    it('answers at once, later or not at all, and tells who asked', async () => {
      const clients = new Set<string>();
      const { port } = await listen({
        respond(message, host, clientPort, limit) {
          clients.add(`${host}:${clientPort} ${limit}`);
          if (message[0] === 0x78) return undefined;
          if (message[0] !== 0x70) return Buffer.from(message);
          return new Promise((resolve) => setImmediate(resolve, message));
        },
      });
      const { socket, count } = await client();
      for (const text of ['x', 'later?', 'plater', 'x', 'now']) socket.send(text, port, '127.0.0.1');
      const answers = (await count(3)).map(String).sort();
      assert.deepEqual(answers, ['later?', 'now', 'plater']);
      assert.deepEqual([...clients], [`127.0.0.1:${socket.address().port} client`]);
    });

    it('takes many questions of several clients at once', async () => {
      const { port } = await listen({ respond: (message) => Buffer.from(message) });
      const clients = await Promise.all([client(), client(), client()]);
      for (let index = 0; index < 100; index++) {
        for (const [owner, { socket }] of clients.entries())
          socket.send(`${owner}/${index}`, port, '127.0.0.1');
      }
      for (const [owner, { count }] of clients.entries()) {
        const answers = new Set((await count(100)).map(String));
        assert.equal(answers.size, 100);
        for (let index = 0; index < 100; index++) assert.ok(answers.has(`${owner}/${index}`));
      }
    });

    it('sends long responses and passes over long questions', async () => {
      const { port } = await listen({
        respond: (message) => Buffer.alloc(Number(String(message).trim()), 7),
      });
      const { socket, count } = await client();
      socket.send('9'.padEnd(4_097), port, '127.0.0.1');
      for (const length of [1_472, 1_473, 20_000]) socket.send(String(length), port, '127.0.0.1');
      const lengths = (await count(3)).map((answer) => answer.length);
      assert.deepEqual(
        lengths.sort((a, b) => a - b),
        [1_472, 1_473, 20_000],
      );
    });

    it('works on so many questions at a time and no more', async () => {
      const waiting: ((answer: Uint8Array) => void)[] = [];
      const { port } = await listen({ respond: () => new Promise((resolve) => waiting.push(resolve)) });
      const { socket } = await client();
      for (let round = 0; round < 60; round++) {
        for (let index = 0; index < 100; index++) socket.send('q', port, '127.0.0.1');
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (let seen = -1; seen !== waiting.length; ) {
        seen = waiting.length;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(waiting.length <= 4_096, String(waiting.length));
      for (const resolve of waiting) resolve(Buffer.of(1));
    });

    it('closes while answers are under way', async () => {
      const answer = Promise.withResolvers<Uint8Array>();
      const asked = Promise.withResolvers<void>();
      const listener = await listen({
        respond() {
          asked.resolve();
          return answer.promise;
        },
      });
      const { socket, received } = await client();
      socket.send('q', listener.port, '127.0.0.1');
      await asked.promise;
      await listener.close();
      opened.splice(opened.indexOf(listener), 1);
      answer.resolve(Buffer.of(1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(received.length, 0);
    });

    it('serves both families at an empty host', async (context) => {
      const hosts: string[] = [];
      const { port } = await listen(
        {
          respond(message, host) {
            hosts.push(host);
            return Buffer.from(message);
          },
        },
        '',
      );
      const v4 = await client();
      v4.socket.send('4', port, '127.0.0.1');
      await v4.count(1);
      assert.deepEqual(hosts, ['127.0.0.1']);
      const v6 = await client('udp6').catch(() => undefined);
      if (v6 === undefined) return context.skip('no IPv6 here');
      v6.socket.send('6', port, '::1');
      await v6.count(1);
      assert.deepEqual(hosts, ['127.0.0.1', '::1']);
    });

    it('survives garbage', async () => {
      const { port } = await listen({ respond: (message) => Buffer.from(message) });
      const { socket, count, received } = await client();
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
          const before = received.length;
          socket.send(bytes, port, '127.0.0.1');
          assert.deepEqual(new Uint8Array((await count(before + 1))[before] ?? []), bytes);
        }),
        { numRuns: 50 },
      );
    });

    it('cannot take an address that is not there', async () => {
      const opening = openUdpListener(
        { host: '192.0.2.1', port: 53 },
        { respond: () => undefined },
        log,
        wanted,
      );
      await assert.rejects(opening, /EADDRNOTAVAIL/);
    });
  });
}

describe('dns over udp where batches are not allowed', {
  skip: support.available ? false : support.reason,
}, () => {
  it('goes on without them', async () => {
    if (!support.available) return;
    const { ffi } = support;
    const refusing = { ...ffi, libc: { ...ffi.libc, recvmmsg: () => -1 }, errno: () => 1 } as unknown as Ffi;
    const listener = await openUdpListener(
      { host: '127.0.0.1', port: 0 },
      { respond: (message) => Buffer.from(message) },
      log,
      { ...support, ffi: refusing },
    );
    const socket = dgram.createSocket('udp4');
    socket.send('still', listener.port, '127.0.0.1');
    const [answer] = await once(socket, 'message');
    assert.equal(String(answer), 'still');
    socket.close();
    await listener.close();
  });
});
