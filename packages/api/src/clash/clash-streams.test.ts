import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { HttpListener } from '@sluice/core/http/http-listener';
import { listen, openFeed, stop } from '../test-support/http-client.ts';
import { connection, NOW_MS } from '../test-support/route-views.ts';
import { createClashDialect } from './clash-dialect.ts';
import { type ClashFixture, clashFixture } from './test-support.ts';

describe('clash streams', { timeout: 60_000 }, () => {
  let fixture: ClashFixture;
  let listener: HttpListener;

  before(async () => {
    fixture = clashFixture();
    listener = await listen(createClashDialect(fixture));
  });
  after(() => stop(listener));

  /** The first lines of an endless chunked answer. */
  async function openLines(path: string): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: listener.address.port, path, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    response.on('error', () => {});
    return response;
  }

  describe('/connections', () => {
    it('follows over WebSocket at the interval', async () => {
      const feed = await openFeed(listener, '/connections?interval=200');
      assert.ok((await feed.next()).endsWith('}\n'));
      fixture.clock.advance(199);
      fixture.route.open = [];
      fixture.clock.advance(1);
      assert.equal(JSON.parse(await feed.next()).connections, null);
      fixture.route.open = [connection];
      feed.socket.terminate();
    });

    it('closes the socket after an interval it cannot use', async () => {
      const negative = await openFeed(listener, '/connections?interval=-5');
      assert.match(await negative.next(), /^\{"downloadTotal"/);
      await negative.closed;
      await (await openFeed(listener, '/connections?interval=soon')).closed;
    });
  });

  describe('/group/{name}/delay', () => {
    it('ends its tests when the client leaves', async () => {
      const tested = Promise.withResolvers<AbortSignal | undefined>();
      fixture.route.groupDelays = (signal) => {
        tested.resolve(signal);
        return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(new Map())));
      };
      const socket = connect(listener.address.port, '127.0.0.1');
      socket.write('GET /group/Proxy/delay?timeout=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const signal = await tested.promise;
      assert.ok(signal);
      const aborted = () => signal.aborted;
      assert.equal(aborted(), false);
      socket.destroy();
      while (!aborted()) await new Promise(setImmediate);
    });
  });

  describe('/restart', () => {
    it('restarts even when the client does not wait for the answer', async () => {
      const restarted = Promise.withResolvers<void>();
      fixture.lifecycle.onRestart = restarted.resolve;
      const socket = connect(listener.address.port, '127.0.0.1');
      socket.end('POST /restart HTTP/1.1\r\nHost: localhost\r\n\r\n', () => socket.destroy());
      await restarted.promise;
    });
  });

  describe('streams', () => {
    it('follows the log from the asked level on, without history', async () => {
      const { logger } = fixture.logs;
      logger.child('route').info('before anybody listened');
      const feed = await openFeed(listener, '/logs?level=warning');
      logger.child('route').info('too low');
      logger.child('route').warning('[TCP] dial <x>', { flow: 'f1' });
      logger.warning('unscoped');
      logger.child('media').error('lost', { app: 'live', n: 1 });
      assert.equal(await feed.next(), '{"type":"warning","payload":"[TCP] dial \\u003cx\\u003e"}\n');
      assert.equal(await feed.next(), '{"type":"warning","payload":"unscoped"}\n');
      assert.equal(await feed.next(), '{"type":"error","payload":"[media] lost app=live n=1"}\n');
      feed.socket.terminate();
      const debug = await openFeed(listener, '/logs?level=debug&format=structured');
      logger.child('route').warning('slow');
      const time = new Date(NOW_MS).toTimeString().slice(0, 8);
      assert.equal(await debug.next(), `{"time":"${time}","level":"warn","message":"slow","fields":[]}\n`);
      logger.child('route').debug('detail');
      assert.match(await debug.next(), /"level":"debug"/);
      debug.socket.terminate();
    });

    it('forgets a listener that has left', async () => {
      const { logger } = fixture.logs;
      // Headers leave with the first line, so lines are written until they have arrived.
      const writing = setInterval(() => logger.child('route').debug('a line'), 2);
      const lines = await openLines('/logs?level=debug');
      clearInterval(writing);
      assert.equal(logger.enabled('debug'), true);
      lines.destroy();
      while (logger.enabled('debug')) await new Promise(setImmediate);
    });

    it('refuses an unknown log level before any upgrade', async () => {
      await assert.rejects(openFeed(listener, '/logs?level=loud'), /400/);
    });

    it('drops log lines of a client that does not read, and only of that one', async () => {
      const slow = await openFeed(listener, '/logs');
      slow.socket.pause();
      const quick = await openFeed(listener, '/logs');
      const line = 'x'.repeat(100_000);
      for (let index = 0; index < 300; index++) {
        fixture.logs.logger.child('route').info(line);
        await quick.next();
      }
      const seen: string[] = [];
      slow.socket.on('message', (message) => seen.push(String(message)));
      fixture.logs.logger.child('route').info('last');
      while (!(await quick.next()).includes('last'));
      slow.socket.resume();
      const drained = new Promise<void>((resolve) => slow.socket.on('pong', () => resolve()));
      slow.socket.ping();
      await drained;
      assert.ok(seen.length < 300, `${seen.length} lines reached a client that was not reading`);
      slow.socket.terminate();
      quick.socket.terminate();
    });
  });
});
