import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { type Clock, FakeClock } from '@sluice/base/clock';
import { createLogHub } from '@sluice/core/log/log-hub';
import fc from 'fast-check';
import { DnsListeners } from './dns-listeners.ts';
import type { DnsResponder } from './responder.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** Sends a message back; one that starts with `p` later, one that starts with `x` never. */
const echo: DnsResponder = {
  respond(message) {
    if (message[0] === 0x78) return undefined;
    return message[0] === 0x70
      ? new Promise((resolve) => setImmediate(resolve, message))
      : Buffer.from(message);
  },
};

const open = new Set<DnsListeners>();
afterEach(async () => {
  for (const listeners of open) await listeners.close();
  open.clear();
});

async function listen(responder: DnsResponder = echo, clock: Clock = new FakeClock()) {
  const hub = createLogHub('silent', () => undefined);
  const listeners = new DnsListeners(responder, clock, hub.logger);
  open.add(listeners);
  await listeners.apply(LOOPBACK);
  const port = listeners.bound?.port ?? 0;
  const log = () => hub.recent().map((entry) => `${entry.level}: ${entry.message}`);
  return { listeners, port, log };
}

async function connect(port: number) {
  const socket = net.connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'connect');
  return { socket, received: () => Buffer.concat(chunks).toString('latin1') };
}

const frame = (text: string) =>
  Buffer.concat([Buffer.of(text.length >> 8, text.length & 255), Buffer.from(text)]);

async function askUdp(port: number, ...messages: readonly string[]): Promise<string[]> {
  const socket = dgram.createSocket('udp4');
  const answers: string[] = [];
  const done = Promise.withResolvers<void>();
  socket.on('message', (message) => {
    if (answers.push(message.toString('latin1')) === messages.length) done.resolve();
  });
  for (const message of messages) socket.send(message, port, '127.0.0.1');
  await done.promise;
  socket.close();
  return answers.sort();
}

describe('dns listeners', () => {
  it('answer on UDP and TCP at one port', async () => {
    const { port, log } = await listen();
    assert.deepEqual(await askUdp(port, 'one', 'plater'), ['one', 'plater']);
    const { socket, received } = await connect(port);
    for (const byte of Buffer.concat([frame('one'), frame('plater'), frame('two')]))
      socket.write(Buffer.of(byte));
    socket.end();
    await once(socket, 'end');
    const texts = received().match(/one|plater|two/g);
    assert.deepEqual(texts?.sort(), ['one', 'plater', 'two']);
    socket.destroy();
    assert.deepEqual(log(), [`info: DNS server listening at: 127.0.0.1:${port}`]);
  });

  it('stay open when applied again, and close', async () => {
    const { listeners, port } = await listen();
    const { socket, received } = await connect(port);
    await listeners.apply(LOOPBACK);
    assert.equal(listeners.bound?.port, port);
    socket.write(frame('still'));
    await once(socket, 'data');
    assert.equal(received(), frame('still').toString('latin1'));
    await listeners.apply(undefined);
    assert.equal(listeners.bound, undefined);
    await once(socket, 'close');
  });

  it('log what cannot be opened and go on', async () => {
    const other = net.createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const hub = createLogHub('silent', () => undefined);
    const listeners = new DnsListeners(echo, new FakeClock(), hub.logger);
    open.add(listeners);
    await listeners.apply({ host: '127.0.0.1', port });
    assert.match(hub.recent()[0]?.message ?? '', /^Start DNS server error: .*EADDRINUSE/);
    assert.deepEqual(await askUdp(port, 'one'), ['one']);
    other.close();
    await listeners.apply({ host: '192.0.2.1', port: 53 });
    assert.match(hub.recent().at(-1)?.message ?? '', /^Start DNS server\(UDP\) error: .*EADDRNOTAVAIL/);
  });
});

describe('dns over tcp', () => {
  it('drops silent clients after ten seconds', async () => {
    const clock = new FakeClock();
    const { port } = await listen(echo, clock);
    const { socket } = await connect(port);
    clock.advance(9_000);
    socket.write(frame('one'));
    await once(socket, 'data');
    clock.advance(9_999);
    assert.equal(socket.destroyed, false);
    clock.advance(1);
    await once(socket, 'close');
  });

  it('drops clients that send what no query is', async () => {
    const { port } = await listen();
    const long = await connect(port);
    long.socket.write(Buffer.of(0xff, 0xff, 1));
    await once(long.socket, 'close');
    const response = await connect(port);
    response.socket.write(frame('x'));
    await once(response.socket, 'close');
  });

  it('works on so many questions of a client at a time and no more', async () => {
    let pending = 0;
    let most = 0;
    const slow: DnsResponder = {
      async respond(message) {
        most = Math.max(most, ++pending);
        await new Promise((resolve) => setImmediate(resolve));
        pending--;
        return Buffer.from(message);
      },
    } as DnsResponder;
    const { port } = await listen(slow);
    const { socket, received } = await connect(port);
    socket.write(Buffer.concat(Array.from({ length: 500 }, (_, index) => frame(`q${index}`))));
    socket.end();
    await once(socket, 'end');
    assert.equal(received().match(/q\d+/g)?.length, 500);
    assert.ok(most > 1 && most <= 64, String(most));
    socket.destroy();
  });

  it('reads no further from a client that does not read', async () => {
    let answered = 0;
    const large: DnsResponder = {
      respond() {
        answered++;
        return Buffer.alloc(60_000);
      },
    };
    const clock = new FakeClock();
    const { port } = await listen(large, clock);
    const { socket } = await connect(port);
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => frame('q'))));
    for (let seen = -1; seen !== answered; ) {
      seen = answered;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(answered < 1_000, String(answered));
    clock.advance(10_000);
    socket.resume();
    await once(socket, 'close');
  });

  it('survives garbage', async () => {
    const { port } = await listen();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
        async (chunks) => {
          const { socket } = await connect(port);
          for (const chunk of chunks) if (socket.writable) socket.write(chunk);
          socket.end();
          if (!socket.readableEnded && !socket.destroyed)
            await Promise.race([once(socket, 'end'), once(socket, 'close')]);
          socket.destroy();
        },
      ),
      { numRuns: 60 },
    );
    assert.deepEqual(await askUdp(port, 'one'), ['one']);
  });
});
