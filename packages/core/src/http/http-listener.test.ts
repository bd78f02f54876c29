import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import type { FastifyInstance } from 'fastify';
import { WebSocket } from 'ws';
import type { Logger } from '../log/logger.ts';
import type { HttpDialect, HttpFailure, HttpReply } from './dialect.ts';
import { createHttpListener, type HttpListener } from './http-listener.ts';
import { openLineStream, openSocketStream, type TextStream } from './json-stream.ts';
import { handshakeProblem } from './upgrade.ts';

const logged: string[] = [];
const recorder: Logger = {
  enabled: () => false,
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: (message) => logged.push(message),
  child: () => recorder,
};

function failText(failure: HttpFailure): string {
  if (failure.kind === 'thrown') return `thrown ${String(failure.error)}`;
  return failure.kind === 'bad-body' ? `bad-body ${failure.message}` : failure.kind;
}

function dialect(name: string, overrides: Partial<HttpDialect> = {}): HttpDialect {
  return {
    name,
    prefixes: [`/${name}`],
    caseSensitive: true,
    ignoreTrailingSlash: false,
    bodyLimitBytes: 64,
    bodies: 'raw',
    browserPolicy: 'same-site',
    register(app: FastifyInstance) {
      app.get(`/${name}/item/:id`, async (request) => `${name}:${(request.params as { id: string }).id}`);
      app.post(
        `/${name}/echo`,
        async (request) => `${(request.body as Buffer | undefined)?.length ?? 'none'}`,
      );
      app.get(`/${name}/throw`, async () => {
        throw new Error('boom');
      });
      app.get(`/${name}/refuse`, async () => {
        throw new GatewayError('invalid', 'test.refused', 'refused');
      });
      app.get(`/${name}/live`, (request, reply) => {
        const feed = (stream: TextStream) => {
          stream.send(`${name} one\n`);
          stream.send(`${name} two\n`);
        };
        if (request.headers.upgrade === undefined) feed(openLineStream(request, reply, 'text/x-lines'));
        else if (handshakeProblem(request.raw) === undefined) openSocketStream(request, reply, feed);
        else reply.code(400).send('no handshake');
      });
    },
    fail(failure): HttpReply {
      return {
        status: failure.kind === 'not-found' ? 404 : 499,
        contentType: 'text/x-fail',
        body: `${name} ${failText(failure)}`,
      };
    },
    ...overrides,
  };
}

type Answer = { status: number; body: string; headers: IncomingMessage['headers'] };

describe('a listener that carries several dialects', { timeout: 60_000 }, () => {
  let listener: HttpListener;
  const intercepted: string[] = [];

  before(async () => {
    listener = createHttpListener({
      name: 'test',
      host: '127.0.0.1',
      port: 0,
      log: recorder,
      trusted: { hosts: ['proxy.example'], origins: ['https://ui.example'] },
      dialects: [
        dialect('alpha', { caseSensitive: false }),
        dialect('open', { browserPolicy: 'open' }),
        dialect('rest'),
      ],
      intercept: {
        handleRequest(request, response) {
          if (request.url === '/bug') throw new Error('a bug');
          if (request.url !== '/live.flv') return false;
          intercepted.push('request');
          response.end('flv');
          return true;
        },
        handleUpgrade(request, socket) {
          if (request.url !== '/live.flv') return false;
          intercepted.push('upgrade');
          socket.destroy();
          return true;
        },
      },
    });
    await listener.start();
  });

  after(() => listener.stop(AbortSignal.timeout(2_000)));

  function call(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: '127.0.0.1',
          port: listener.address.port,
          path,
          method: options.method ?? 'GET',
          headers: options.headers ?? {},
          agent: false,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 0,
              body: Buffer.concat(chunks).toString(),
              headers: response.headers,
            });
          });
        },
      );
      request.on('error', reject);
      request.end(options.body);
    });
  }

  it('chooses the dialect by whole-segment prefix, the last one for the rest', async () => {
    assert.equal((await call('/alpha/item/1')).body, 'alpha:1');
    assert.equal((await call('/ALPHA/item/1')).body, 'alpha:1');
    assert.equal((await call('/%61lpha/item/1')).body, 'alpha:1');
    assert.equal((await call('/rest/item/1')).body, 'rest:1');
    assert.equal((await call('/alphabet')).body, 'rest not-found');
    assert.equal((await call('/alpha/none')).body, 'alpha not-found');
  });

  it('keeps an encoded slash inside its segment and decodes once', async () => {
    assert.equal((await call('/rest/item/a%2Fb%20c')).body, 'rest:a/b c');
    assert.equal((await call('/rest/item/a%252Fb')).body, 'rest:a%2Fb');
  });

  it('words every failure through the dialect', async () => {
    assert.deepEqual(
      [(await call('/rest/item/%zz')).body, (await call('/rest/throw')).body],
      ['rest bad-url', 'rest thrown Error: boom'],
    );
    const tooLarge = await call('/rest/echo', { method: 'POST', body: 'x'.repeat(65) });
    assert.equal(tooLarge.body, 'rest body-too-large');
    assert.equal(tooLarge.headers['content-type'], 'text/x-fail');
    assert.equal((await call('/rest/item/1', { method: 'PROPFIND' })).body, 'rest not-found');
  });

  it('reads raw bodies under any content type or none', async () => {
    for (const headers of [
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': '@@' },
      { 'content-type': '' },
    ]) {
      assert.equal(
        (
          await call('/rest/echo', {
            method: 'POST',
            body: 'hello',
            headers: headers as Record<string, string>,
          })
        ).body,
        '5',
      );
    }
    assert.equal((await call('/rest/echo', { method: 'POST' })).body, 'none');
  });

  it('refuses foreign hosts and cross-site changes, but leaves open dialects alone', async () => {
    const refused = 'rest cross-site';
    assert.equal((await call('/rest/item/1', { headers: { host: 'evil.example' } })).body, refused);
    assert.equal((await call('/rest/item/1', { headers: { host: 'proxy.example:80' } })).body, 'rest:1');
    assert.equal((await call('/rest/item/1', { headers: { host: 'localhost' } })).body, 'rest:1');
    assert.equal((await call('/rest/item/1', { headers: { host: '[::1]:80' } })).body, 'rest:1');
    assert.equal(
      (await call('/rest/item/1', { headers: { origin: 'https://evil.example' } })).body,
      'rest:1',
    );
    const post = (headers: Record<string, string>) => call('/rest/echo', { method: 'POST', headers });
    assert.equal((await post({ origin: 'https://evil.example' })).body, refused);
    assert.equal((await post({ origin: 'null' })).body, refused);
    assert.equal((await post({ 'sec-fetch-site': 'cross-site' })).body, refused);
    assert.equal((await post({ 'sec-fetch-site': 'same-origin' })).body, 'none');
    assert.equal((await post({ origin: 'https://ui.example' })).body, 'none');
    assert.equal((await post({ origin: `http://127.0.0.1:${listener.address.port}` })).body, 'none');
    assert.equal((await call('/open/item/1', { headers: { host: 'evil.example' } })).body, 'open:1');
  });

  it('lets the intercept answer first', async () => {
    assert.equal((await call('/live.flv')).body, 'flv');
    const socket = new WebSocket(`ws://127.0.0.1:${listener.address.port}/live.flv`);
    await new Promise((resolve) => socket.on('error', resolve));
    assert.deepEqual(intercepted, ['request', 'upgrade']);
  });

  it('streams over WebSocket through the same route, and answers an upgrade of a plain route over HTTP', async () => {
    const received: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${listener.address.port}/rest/live`);
    await new Promise<void>((resolve) => {
      socket.on('message', (message) => {
        received.push(String(message));
        if (received.length === 2) resolve();
      });
    });
    assert.deepEqual(received, ['rest one\n', 'rest two\n']);
    socket.terminate();
    const plain = new WebSocket(`ws://127.0.0.1:${listener.address.port}/rest/item/7`);
    const status = await new Promise((resolve) =>
      plain.on('unexpected-response', (_request, response) => resolve(response.statusCode)),
    );
    assert.equal(status, 200);
    plain.on('error', () => {});
    plain.terminate();
    const foreign = new WebSocket(`ws://127.0.0.1:${listener.address.port}/rest/live`, {
      origin: 'https://evil.example',
    });
    const refused = await new Promise((resolve) =>
      foreign.on('unexpected-response', (_request, response) => resolve(response.statusCode)),
    );
    assert.equal(refused, 499);
    foreign.on('error', () => {});
    foreign.terminate();
  });

  it('survives malformed requests and upgrades that are cut off', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET /rest/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ]) {
      const socket = connect(listener.address.port, '127.0.0.1');
      socket.end(bytes);
      const answer = await new Promise<string>((resolve, reject) => {
        let text = '';
        socket.on('data', (chunk) => {
          text += String(chunk);
        });
        socket.on('close', () => resolve(text));
        socket.on('error', reject);
      });
      assert.match(answer, /^HTTP\/1\.1 400 /);
    }
    assert.equal((await call('/rest/item/1')).body, 'rest:1');
  });

  it('logs bugs, not what clients did wrong', async () => {
    logged.length = 0;
    assert.equal((await call('/rest/refuse')).body, 'rest thrown GatewayError: refused');
    assert.deepEqual(logged, []);
    await call('/rest/throw');
    assert.deepEqual(logged, ['test: rest request failed: boom']);
  });

  it('loses only the connection when a request meets a bug', async () => {
    await assert.rejects(call('/bug'));
    assert.equal((await call('/rest/item/1')).body, 'rest:1');
  });

  it('lists its connections and closes one by id', async () => {
    const socket = connect(listener.address.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    while (!listener.connections().some((view) => view.peerPort === socket.localPort))
      await new Promise(setImmediate);
    const view = listener.connections().find((one) => one.peerPort === socket.localPort);
    assert.equal(view?.localPort, listener.address.port);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    assert.equal(listener.closeConnection(view?.id ?? ''), true);
    await closed;
    assert.equal(listener.closeConnection('nobody'), false);
  });

  it('ends endless streams when it stops', async () => {
    const own = createHttpListener({
      name: 'own',
      host: '127.0.0.1',
      port: 0,
      log: recorder,
      dialects: [dialect('rest')],
    });
    await own.start();
    const ended = new Promise<void>((resolve) => {
      const request = httpRequest(
        { host: '127.0.0.1', port: own.address.port, path: '/rest/live', agent: false },
        (response) => {
          response.on('error', () => {});
          response.once('data', () => void own.stop(AbortSignal.timeout(1_000)));
          response.on('close', resolve);
        },
      );
      request.end();
    });
    await ended;
  });

  it('reports a port it cannot have', async () => {
    const second = createHttpListener({
      name: 'second',
      host: '127.0.0.1',
      port: listener.address.port,
      log: recorder,
      dialects: [dialect('rest')],
    });
    await assert.rejects(second.start(), { code: 'http.listen' });
  });
});
