import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { spliceEngine } from '@sluice/core/native/splice-engine';
import { RouteRig, readAll, readExactly, until } from '../testing/route-rig.ts';
import { type Relay, startRelay } from './relay.ts';
import type { ByteMeter } from './tracker.ts';

/** The same scenarios on sockets, which the fast path takes, and on streams in memory. */
for (const kind of ['sockets', 'sockets without splice', 'streams'] as const) {
  describe(`relay between ${kind}`, () => {
    let rig: RouteRig;
    beforeEach(() => {
      rig = new RouteRig();
    });
    afterEach(() => rig.close());

    /** Two connected ends; the second one is paused, as the tunnel gets it. */
    async function pair(): Promise<[Duplex, Duplex]> {
      if (kind === 'streams') return duplexPair();
      const accepted = Promise.withResolvers<net.Socket>();
      const port = await rig.serve((socket) => {
        socket.pause();
        accepted.resolve(socket);
      });
      return [await rig.connect(port), await accepted.promise];
    }

    async function start() {
      const [client, clientEnd] = await pair();
      const [server, serverEnd] = await pair();
      const counted = { up: 0, down: 0 };
      const counter = {
        countUpload: (bytes: number) => {
          counted.up += bytes;
        },
        countDownload: (bytes: number) => {
          counted.down += bytes;
        },
        observe: (meter: ByteMeter) => () => {
          counted.up += meter.bytesWritten;
          counted.down += meter.bytesRead;
        },
      };
      const begin = (): Relay => {
        const findEngine = kind === 'sockets' ? spliceEngine : () => undefined;
        const relay = startRelay(clientEnd, serverEnd, counter, findEngine);
        rig.onClose(() => relay.close());
        return relay;
      };
      return {
        client: client as net.Socket,
        server: server as net.Socket,
        clientEnd,
        serverEnd,
        counted,
        begin,
      };
    }

    it('carries both ways and counts', async () => {
      const { client, server, counted, begin } = await start();
      begin();
      client.write('question');
      assert.equal((await readExactly(server, 8)).toString(), 'question');
      server.write('answer');
      assert.equal((await readExactly(client, 6)).toString(), 'answer');
      assert.deepEqual(counted, { up: 8, down: 6 });
    });

    it('keeps what came before it started, an end included', async () => {
      const { client, server, clientEnd, begin } = await start();
      client.end('early');
      clientEnd.unshift(Buffer.from('very '));
      if (kind !== 'streams') await once(clientEnd, 'readable');
      begin();
      assert.equal((await readAll(server)).toString(), 'very early');
    });

    it('half-closes: the other direction goes on until it ends too', async () => {
      const { client, server, begin } = await start();
      const relay = begin();
      client.end('all I have to say');
      assert.equal((await readAll(server)).toString(), 'all I have to say');
      server.write('and ');
      server.end('answer');
      assert.equal((await readAll(client)).toString(), 'and answer');
      await relay.finished;
    });

    it('carries megabytes both ways unchanged', async () => {
      const { client, server, counted, begin } = await start();
      const relay = begin();
      const send = async (from: net.Socket, to: net.Socket) => {
        const sent = createHash('sha256');
        const received = createHash('sha256');
        const reading = (async () => {
          for await (const chunk of to) received.update(chunk as Buffer);
        })();
        for (let count = 0; count < 40; count += 1) {
          const block = randomBytes(200_000 + count);
          sent.update(block);
          if (!from.write(block)) await once(from, 'drain');
        }
        from.end();
        await reading;
        assert.equal(received.digest('hex'), sent.digest('hex'));
      };
      await Promise.all([send(client, server), send(server, client)]);
      await relay.finished;
      assert.deepEqual(counted, { up: 8_000_780, down: 8_000_780 });
    });

    it('does not read ahead of a reader that stopped, and nothing is lost when it goes on', async () => {
      const { client, server, counted, begin } = await start();
      begin();
      const total = 32 << 20;
      const block = Buffer.alloc(1 << 20, 7);
      let written = 0;
      const writing = (async () => {
        for (; written < total; written += block.length) {
          if (!client.write(block)) await once(client, 'drain');
        }
        client.end();
      })();
      // Everything that fits in between fills up and then nothing moves.
      for (let before = -1; before !== counted.up; ) {
        before = counted.up;
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      assert.ok(counted.up < total / 2, `${counted.up} bytes were read with nobody reading them`);
      let received = 0;
      for await (const chunk of server) {
        const bytes = chunk as Buffer;
        received += bytes.length;
        if (bytes.some((byte) => byte !== 7)) assert.fail('a reused buffer was sent');
      }
      await writing;
      assert.equal(received, total);
    });

    it('a break of one side breaks the other', async () => {
      for (const breaksFirst of ['client', 'server'] as const) {
        const ends = await start();
        const relay = ends.begin();
        const [broken, other] =
          breaksFirst === 'client' ? [ends.client, ends.server] : [ends.server, ends.client];
        other.on('error', () => other.destroy());
        other.resume();
        // A stream in memory does not tell its far end, so there the near one breaks.
        if (kind !== 'streams') broken.resetAndDestroy();
        else (breaksFirst === 'client' ? ends.clientEnd : ends.serverEnd).destroy(new Error('broken'));
        await relay.finished;
        if (kind !== 'streams') await until(() => other.destroyed || other.readableEnded);
        else assert.ok(ends.clientEnd.destroyed && ends.serverEnd.destroyed);
      }
    });

    it('ends at once when a side was already gone', async () => {
      const { clientEnd, begin } = await start();
      clientEnd.destroy();
      await begin().finished;
    });

    it('the streams it was given close with it', async () => {
      const { client, server, clientEnd, serverEnd, begin } = await start();
      begin();
      client.end();
      server.end();
      await Promise.all([readAll(client), readAll(server)]);
      await until(() => clientEnd.closed && serverEnd.closed);
    });

    it('close ends both sides', async () => {
      const { client, server, begin } = await start();
      const relay = begin();
      relay.close();
      await relay.finished;
      if (kind !== 'streams') {
        assert.equal((await readAll(client)).length, 0);
        assert.equal((await readAll(server)).length, 0);
      }
    });
  });
}
