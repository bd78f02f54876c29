import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import { WebSocket } from 'ws';
import type { Logger } from '../log/logger.ts';
import type { HttpDialect } from './dialect.ts';
import { createHttpListener, type HttpListener, type HttpListenerOptions } from './http-listener.ts';
import { openSocketStream } from './json-stream.ts';
import type { ListenAddress } from './listen-address.ts';
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from './testing/localhost-certificate.ts';
import { type ClientAuthType, loadHttpTls } from './tls-material.ts';

const silent: Logger = {
  enabled: () => false,
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: () => {},
  child: () => silent,
};

const hello: HttpDialect = {
  name: 'hello',
  prefixes: [],
  caseSensitive: true,
  ignoreTrailingSlash: false,
  bodyLimitBytes: 64,
  bodies: 'raw',
  browserPolicy: 'same-site',
  rewriteUrl: (url) => url.replace('/old', '/hello'),
  register(app, listener) {
    app.get('/hello', async (request) => `hello ${listener.connectionOf(request.raw)?.peerIp}`);
    app.get('/live', (request, reply) => openSocketStream(request, reply, (stream) => stream.send('live')));
  },
  fail: ({ kind }) => ({ status: kind === 'cross-site' ? 403 : 404 }),
};

async function open(address: ListenAddress): Promise<HttpListener> {
  const options: HttpListenerOptions = { ...address, name: 'test', log: silent, dialects: [hello] };
  const listener = createHttpListener(options);
  await listener.start();
  return listener;
}

function get(
  request: typeof httpRequest,
  options: RequestOptions & { readonly ca?: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ path: '/hello', agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    })
      .on('error', reject)
      .end();
  });
}

const close = (listener: HttpListener) => listener.stop(AbortSignal.timeout(2_000));

describe('a listener on a Unix socket', { timeout: 30_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-unix-'));
  const socketPath = join(folder, 'deep', 'control.sock');
  after(() => rmSync(folder, { recursive: true }));

  it('makes folders, opens the socket to everybody and removes it at the end', async () => {
    const listener = await open({ socketPath });
    assert.deepEqual(listener.address, { host: socketPath, port: 0 });
    assert.equal(statSync(socketPath).mode & 0o777, 0o666);
    assert.equal(await get(httpRequest, { socketPath }), '200 hello ');
    assert.equal(
      await get(httpRequest, { socketPath, path: '/old', headers: { host: 'any.example' } }),
      '200 hello ',
    );
    await close(listener);
    assert.throws(() => statSync(socketPath), /ENOENT/);
  });

  it('replaces a socket that nobody removed', async () => {
    const stale = createServer();
    await new Promise<void>((resolve) => stale.listen(socketPath, resolve));
    const listener = await open({ socketPath });
    assert.equal(await get(httpRequest, { socketPath }), '200 hello ');
    await close(listener);
    stale.close();
  });

  it('leaves a file alone', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await assert.rejects(
      open({ socketPath: path }),
      (error) =>
        error instanceof GatewayError && error.code === 'http.listen' && error.message.includes(path),
    );
    assert.equal(statSync(path).size, 8);
  });
});

describe('a listener with TLS', { timeout: 30_000 }, () => {
  const material = { certificate: LOCALHOST_CERTIFICATE, privateKey: LOCALHOST_KEY };
  const identity = { cert: LOCALHOST_CERTIFICATE, key: LOCALHOST_KEY };
  const openTls = (clientAuthType: ClientAuthType, clientAuthCert = '') =>
    open({
      host: '127.0.0.1',
      port: 0,
      tls: loadHttpTls({ ...material, clientAuthType, clientAuthCert }, (path) => path),
    });
  const ask = (listener: HttpListener, options: object = {}) =>
    get(httpsRequest as typeof httpRequest, {
      host: 'localhost',
      family: 4,
      port: listener.address.port,
      ca: LOCALHOST_CERTIFICATE,
      ...options,
    });

  describe('without client certificates', () => {
    let listener: HttpListener;
    before(async () => {
      listener = await openTls('');
    });
    after(() => close(listener));

    it('answers requests and WebSockets', async () => {
      assert.equal(await ask(listener), '200 hello 127.0.0.1');
      const socket = new WebSocket(`wss://localhost:${listener.address.port}/live`, {
        ca: LOCALHOST_CERTIFICATE,
        family: 4,
      });
      assert.equal(
        await new Promise((resolve) => socket.once('message', (data) => resolve(String(data)))),
        'live',
      );
      socket.terminate();
    });

    it('drops what is no TLS', async () => {
      const socket: Socket = connect(listener.address.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\n\r\n');
      await new Promise((resolve) => socket.on('close', resolve).resume());
    });
  });

  it('stops while a handshake hangs', async () => {
    const listener = await openTls('');
    const socket = connect(listener.address.port, '127.0.0.1');
    await new Promise((resolve) => socket.on('connect', resolve));
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve).resume());
    await close(listener);
    await closed;
  });

  it('asks clients for certificates as configured', async () => {
    const cases: readonly (readonly [ClientAuthType, string, boolean, boolean])[] = [
      ['request', '', true, true],
      ['require-any', '', false, true],
      ['verify-if-given', LOCALHOST_CERTIFICATE, true, true],
      ['verify-if-given', '', true, false],
      ['require-and-verify', LOCALHOST_CERTIFICATE, false, true],
      ['require-and-verify', '', false, false],
      ['', LOCALHOST_CERTIFICATE, false, true],
    ];
    for (const [type, authority, bare, identified] of cases) {
      const listener = await openTls(type, authority);
      const works = (options: object) =>
        ask(listener, options).then(
          () => true,
          () => false,
        );
      const seen = [type, authority !== '', await works({}), await works(identity)];
      assert.deepEqual(seen, [type, authority !== '', bare, identified]);
      await close(listener);
    }
  });

  it('reads material from files and says what is wrong with it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
    writeFileSync(join(folder, 'c.pem'), LOCALHOST_CERTIFICATE);
    const settings = {
      certificate: 'c.pem',
      privateKey: LOCALHOST_KEY,
      clientAuthType: '',
      clientAuthCert: '',
    } as const;
    const resolve = (path: string) => join(folder, path);
    assert.equal(loadHttpTls(settings, resolve).certificate, LOCALHOST_CERTIFICATE);
    const refused = (changes: object) =>
      assert.throws(
        () => loadHttpTls({ ...settings, ...changes }, resolve),
        (error) =>
          error instanceof GatewayError && error.code === 'http.tls' && error.message.startsWith('tls: '),
      );
    refused({ certificate: 'none.pem' });
    refused({ certificate: '' });
    refused({ privateKey: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' });
    rmSync(folder, { recursive: true });
  });
});
