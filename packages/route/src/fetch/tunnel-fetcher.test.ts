import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { TEST_CERTIFICATE, TEST_KEY } from '../testing/test-certificate.ts';
import { TunnelFetcher } from './tunnel-fetcher.ts';

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

describe('downloads', () => {
  let closers: (() => void)[];
  let clock: FakeClock;
  let dialed: string[];
  let port: number;
  let answer: Answer;

  async function listen(server: net.Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }
  /** Every host is this machine. */
  const fetcher = () =>
    new TunnelFetcher({
      clock,
      userAgent: () => 'sluice-test',
      open: async (host, toPort, outbound) => {
        dialed.push(`${host}:${toPort} ${outbound}`.trim());
        const socket = net.connect(toPort === 80 ? port : toPort, '127.0.0.1');
        closers.push(() => socket.destroy());
        await once(socket, 'connect');
        return socket.pause();
      },
    });
  const get = (url: string, more = {}) =>
    fetcher().fetch({ url, outbound: '', timeoutMs: 20_000, limitBytes: 1000, ...more });
  const rejects = (code: string, message?: RegExp) => (error: unknown) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, code);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };

  beforeEach(async () => {
    closers = [];
    clock = new FakeClock();
    dialed = [];
    answer = (_request, response) => response.end('hello');
    const server = http.createServer((request, response) => answer(request, response));
    port = await listen(server);
  });
  afterEach(() => {
    for (const close of closers) close();
  });

  it('sends the agent, credentials of the URL and own headers', async () => {
    let seen: http.IncomingHttpHeaders = {};
    answer = ({ headers, url }, response) => {
      seen = { ...headers, url };
      response.setHeader('X-Two', ['a', 'b']).end('hello');
    };
    const response = await get('http://us%40er:p%3Aw@origin.test/path?q=1#part', {
      outbound: 'node',
      headers: { 'x-own': ['1', '2'] },
    });
    assert.deepEqual(dialed, ['origin.test:80 node']);
    assert.equal(seen['url'], '/path?q=1');
    assert.equal(seen.host, 'origin.test');
    assert.equal(seen['user-agent'], 'sluice-test');
    assert.equal(seen['x-own'], '1, 2');
    assert.equal(seen.authorization, `Basic ${Buffer.from('us@er:p:w').toString('base64')}`);
    assert.equal(response.statusLine, '200 OK');
    assert.equal(Buffer.from(response.body).toString(), 'hello');
    assert.equal(response.headers.get('x-two'), 'a, b');
    await get('http://origin.test/', { headers: { 'user-agent': 'own' } });
    assert.equal(seen['user-agent'], 'own');
  });

  it('follows redirects and gives credentials to nobody else', async () => {
    const seen: string[] = [];
    answer = ({ url, headers }, response) => {
      seen.push(`${headers.host}${url} ${headers.authorization ?? '-'}`);
      const next = { '/a': '/b', '/b': 'http://other.test/c' }[url ?? ''];
      if (next === undefined) response.end('end');
      else response.writeHead(302, { location: next }).end();
    };
    await get('http://one.test/a', { headers: { authorization: 'token' } });
    assert.deepEqual(seen, ['one.test/a token', 'one.test/b token', 'other.test/c -']);
    answer = (_request, response) => response.writeHead(301, { location: '/again' }).end();
    await assert.rejects(get('http://one.test/'), rejects('fetch.failed', /10 redirects/));
    answer = (_request, response) => response.writeHead(301, { location: 'file:///etc/passwd' }).end();
    await assert.rejects(get('http://one.test/'), rejects('fetch.failed', /unsupported protocol/));
  });

  it('refuses or cuts what is too long, before and after decompression', async () => {
    answer = (_request, response) => response.end(Buffer.alloc(5000, 'x'));
    await assert.rejects(get('http://one.test/'), rejects('fetch.too-large'));
    assert.equal((await get('http://one.test/', { truncate: true })).body.length, 1000);
    answer = (_request, response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(1 << 20)));
    await assert.rejects(get('http://one.test/'), rejects('fetch.too-large'));
    assert.equal((await get('http://one.test/', { truncate: true })).body.length, 1000);
    answer = (_request, response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync('small').subarray(0, 12));
    await assert.rejects(get('http://one.test/'), rejects('fetch.failed'));
    answer = (_request, response) => response.writeHead(304, { 'content-encoding': 'gzip' }).end();
    assert.equal((await get('http://one.test/')).status, 304);
  });

  it('gives up in time, when told to, and when the server does', async () => {
    answer = (_request, response) => response.write('begin');
    const late = get('http://one.test/');
    await until(() => dialed.length === 1);
    clock.advance(20_000);
    await assert.rejects(late, rejects('fetch.timeout'));
    const cancel = new AbortController();
    const cancelled = get('http://one.test/', { signal: cancel.signal });
    await until(() => dialed.length === 2);
    cancel.abort();
    await assert.rejects(cancelled, rejects('fetch.failed'));
    answer = (request) => request.socket.destroy();
    await assert.rejects(get('http://one.test/'), rejects('fetch.failed'));
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('begin', () => request.socket.destroy());
    };
    await assert.rejects(get('http://one.test/'), rejects('fetch.failed'));
    await assert.rejects(
      get('ftp://one.test/'),
      rejects('fetch.failed', /unsupported protocol scheme "ftp"/),
    );
    await assert.rejects(get('http://'), rejects('fetch.failed'));
  });

  it('verifies the certificate of https', async () => {
    const secure = https.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (_request, response) =>
      response.end('secret'),
    );
    const securePort = await listen(secure);
    await assert.rejects(get(`https://proxy.test:${securePort}/`), rejects('fetch.failed', /self-signed/));
    const trusted = tls.getCACertificates();
    tls.setDefaultCACertificates([...trusted, TEST_CERTIFICATE]);
    closers.push(() => tls.setDefaultCACertificates(trusted));
    assert.equal(Buffer.from((await get(`https://proxy.test:${securePort}/`)).body).toString(), 'secret');
    await assert.rejects(get(`https://other.test:${securePort}/`), rejects('fetch.failed', /altnames/));
    let hellos = 0;
    const mute = net.createServer((socket) => {
      closers.push(() => socket.destroy());
      socket.once('data', () => {
        hellos += 1;
      });
    });
    const pending = get(`https://proxy.test:${await listen(mute)}/`, { timeoutMs: 60_000 });
    await until(() => hellos === 1);
    clock.advance(10_000);
    await assert.rejects(pending, rejects('fetch.failed', /TLS handshake timed out/));
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
