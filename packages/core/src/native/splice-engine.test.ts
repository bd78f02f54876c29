import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type SplicedPair, type SpliceEngine, spliceEngine } from './splice-engine.ts';

/** The descriptor of a connected socket. */
function fdOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { readonly fd: number } };
  return handle.fd;
}

/** Lets go of a socket whose descriptor has been duplicated, without ending the connection. */
function letGo(socket: Socket): void {
  const holder = socket as unknown as { _handle: { close(): void } | null };
  holder._handle?.close();
  holder._handle = null;
}

const engine = spliceEngine();

describe('splice engine', { skip: engine === undefined ? 'needs the ffi module on Linux' : false }, () => {
  let server: Server;
  const open: Socket[] = [];
  const accepted = new Map<number, Socket>();

  before(() => assert.notEqual(engine, undefined));
  beforeEach(async () => {
    server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.setMaxListeners(0);
    server.on('connection', (socket: Socket) => accepted.set(socket.remotePort ?? 0, socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
    server.close();
    accepted.clear();
  });

  /** Both ends of one connection. */
  const connection = async (): Promise<{ readonly outer: Socket; readonly inner: Socket }> => {
    const outer = net.connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    outer.on('error', () => outer.destroy());
    await once(outer, 'connect');
    const port = outer.localPort ?? 0;
    while (!accepted.has(port)) await once(server, 'connection');
    const inner = accepted.get(port) as Socket;
    // A later connection may come from the same port.
    accepted.delete(port);
    open.push(outer, inner);
    return { outer, inner };
  };

  type Joined = {
    readonly left: Socket;
    readonly right: Socket;
    readonly pair: SplicedPair;
    readonly closed: Promise<void>;
  };

  const join = async (): Promise<Joined> => {
    const [a, b] = await Promise.all([connection(), connection()]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const pair = (engine as SpliceEngine).join(fdOf(a.inner), fdOf(b.inner), resolve);
    letGo(a.inner);
    letGo(b.inner);
    return { left: a.outer, right: b.outer, pair, closed: promise };
  };

  const collect = async (socket: Socket): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };

  it('moves megabytes both ways unchanged and counts them', async () => {
    const { left, right, pair, closed } = await join();
    const up = randomBytes(8 << 20);
    const down = randomBytes(5 << 20);
    const received = Promise.all([collect(left), collect(right)]);
    left.end(up);
    right.end(down);
    const [atLeft, atRight] = await received;
    assert.ok(atRight.equals(up));
    assert.ok(atLeft.equals(down));
    await closed;
    assert.deepEqual([pair.forward, pair.backward], [up.length, down.length]);
  });

  it('passes small messages on at once', async () => {
    const { left, right, pair } = await join();
    for (let round = 0; round < 50; round++) {
      left.write('ping');
      assert.equal(String((await once(right, 'data'))[0]), 'ping');
      right.write('pong');
      assert.equal(String((await once(left, 'data'))[0]), 'pong');
    }
    assert.equal(pair.forward, 200);
    pair.close();
  });

  it('takes what had arrived before it was joined', async () => {
    const [a, b] = await Promise.all([connection(), connection()]);
    a.outer.end('early');
    await delay(20);
    const pair = (engine as SpliceEngine).join(fdOf(a.inner), fdOf(b.inner), () => undefined);
    letGo(a.inner);
    letGo(b.inner);
    assert.equal(String(await collect(b.outer)), 'early');
    pair.close();
  });

  it('half-closes: the other direction goes on until it ends too', async () => {
    const { left, right, closed } = await join();
    left.end('question');
    assert.equal(String(await collect(right)), 'question');
    right.write('an');
    await once(left, 'data');
    const rest = collect(left);
    right.end('swer');
    assert.equal(String(await rest), 'swer');
    await closed;
  });

  it('waits for a slow reader, and others go on meanwhile', async () => {
    const slow = await join();
    const quick = await join();
    const size = 24 << 20;
    slow.right.pause();
    slow.left.end(Buffer.alloc(size, 1));
    quick.left.end('quick');
    assert.equal(String(await collect(quick.right)), 'quick');
    assert.ok(slow.pair.forward < size, 'the sender must be held back');
    assert.equal((await collect(slow.right)).length, size);
    quick.pair.close();
    slow.pair.close();
  });

  it('a reset of one side ends the other', async () => {
    const { left, right, closed } = await join();
    const ended = once(right, 'close');
    right.resume();
    left.resetAndDestroy();
    right.end();
    await Promise.all([closed, ended]);
  });

  it('close ends both sides, once', async () => {
    const { left, right, pair, closed } = await join();
    const before = (engine as SpliceEngine).size;
    const ends = [left, right].map((socket) => once(socket.resume(), 'end'));
    pair.close();
    pair.close();
    await Promise.all([closed, ...ends]);
    assert.equal((engine as SpliceEngine).size, before - 1);
  });

  it('keeps hundreds of pairs apart while they come and go', async () => {
    const rounds = Array.from({ length: 60 }, async (_, number) => {
      const { left, right, closed } = await join();
      const text = `message of pair ${number} `.repeat(1 + (number % 40));
      left.end(text);
      right.end();
      assert.equal(String(await collect(right)), text);
      await closed;
    });
    await Promise.all(rounds);
    assert.equal((engine as SpliceEngine).size, 0);
  });
});
