import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HttpListener } from '@sluice/core/http/http-listener';
import { call, listen, openFeed, stop } from '../test-support/http-client.ts';
import { createClashDialect } from './clash-dialect.ts';
import { clashFixture } from './test-support.ts';

const NOT_FOUND_PAGE = '404 page not found\n';
const UNAUTHORIZED = '{"message":"Unauthorized"}\n';

/** Sends bytes as they are and returns everything until the server closes. */
function exchange(listener: HttpListener, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(listener.address.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += String(chunk);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
    socket.write(text);
  });
}

describe('clash routing', { timeout: 60_000 }, () => {
  let listener: HttpListener;
  before(async () => {
    listener = await listen(createClashDialect(clashFixture()));
  });
  after(() => stop(listener));

  it('says hello and its version as exact JSON', async () => {
    const hello = await call(listener, 'GET', '/');
    assert.equal(hello.status, 200);
    assert.equal(hello.body, '{"hello":"mihomo"}\n');
    assert.equal(hello.headers['content-type'], 'application/json');
    assert.equal((await call(listener, 'GET', '/version')).body, '{"meta":true,"version":"v1.19.27"}\n');
  });

  it('answers unknown paths with plain text', async () => {
    for (const path of [
      '/nothing',
      '/version/',
      '/logs/',
      '/proxies/Japan/delay/',
      '/connections/x/',
      '/VERSION',
      '/proxies//delay',
      '/providers/proxies//x',
    ]) {
      const answer = await call(listener, 'GET', path);
      assert.deepEqual([path, answer.status, answer.body], [path, 404, NOT_FOUND_PAGE]);
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    }
  });

  it('answers roots with one trailing slash', async () => {
    const roots = [
      '/configs/',
      '/proxies/',
      '/group/',
      '/rules/',
      '/connections/',
      '/providers/proxies/',
      '/providers/rules/',
    ];
    for (const path of [
      ...roots,
      '/proxies/Japan/',
      '/group/Proxy/',
      '/providers/proxies/sub1/',
      '/providers/proxies/sub1/Japan/',
      '/providers/rules/ads/',
    ]) {
      assert.deepEqual([path, (await call(listener, 'GET', path)).status], [path, 200]);
    }
  });

  it('answers a wrong method with 405, no body and one Allow line per method', async () => {
    for (const [method, path, allowed] of [
      ['POST', '/version', ['GET']],
      ['HEAD', '/', ['GET']],
      ['HEAD', '/version', ['GET']],
      ['OPTIONS', '/logs', ['GET']],
      ['POST', '/configs', ['GET', 'PATCH', 'PUT']],
      ['POST', '/proxies/Japan', ['GET', 'PUT', 'DELETE']],
      ['POST', '/group/Proxy', ['GET', 'DELETE']],
      ['GET', '/restart', ['POST']],
      ['GET', '/upgrade/', ['POST']],
      ['POST', '/storage/key', ['GET', 'PUT', 'DELETE']],
      ['POST', '/providers/rules/ads', ['GET', 'PUT']],
      ['GET', '/cache/dns/flush', ['POST']],
      ['POST', '/dns/query', ['GET']],
      ['DELETE', '/rules/disable', ['PATCH']],
      ['POST', '/connections', ['GET', 'DELETE']],
      ['GET', '/connections/some-id', ['DELETE']],
    ] as const) {
      const answer = await call(listener, method, path);
      assert.deepEqual([path, answer.status, answer.body], [path, 405, '']);
      const lines = answer.rawHeaders.filter(
        (_, index) => answer.rawHeaders[index - 1]?.toLowerCase() === 'allow',
      );
      assert.deepEqual(lines.sort(), [...allowed].sort());
    }
    assert.equal((await call(listener, 'PROPFIND', '/nothing')).status, 405);
  });

  it('looks for the named item before the method', async () => {
    for (const path of [
      '/proxies/none',
      '/group/none',
      '/group/Japan',
      '/providers/proxies/none',
      '/providers/rules/none',
    ]) {
      const answer = await call(listener, 'POST', path);
      assert.deepEqual([path, answer.status, answer.body], [path, 404, '{"message":"Resource not found"}\n']);
    }
  });

  it('refuses a malformed escape', async () => {
    assert.equal((await call(listener, 'GET', '/proxies/%zz')).status, 400);
  });
});

describe('clash CORS', { timeout: 60_000 }, () => {
  let listener: HttpListener;
  let strict: HttpListener;
  before(async () => {
    listener = await listen(createClashDialect(clashFixture({ secret: 's' })));
    const cors = { allowOrigins: ['http://*.example.com', 'https://ui.example'], allowPrivateNetwork: false };
    strict = await listen(createClashDialect(clashFixture({ cors })));
  });
  after(() => Promise.all([stop(listener), stop(strict)]));

  it('marks every answer and allows any origin by default', async () => {
    const plain = await call(listener, 'GET', '/nothing');
    assert.equal(plain.headers.vary, 'Origin');
    assert.equal(plain.headers['access-control-allow-origin'], undefined);
    const withOrigin = await call(listener, 'GET', '/version', {
      headers: { origin: 'https://any.example' },
    });
    assert.equal(withOrigin.status, 401);
    assert.equal(withOrigin.headers['access-control-allow-origin'], '*');
    const foreignHost = await call(listener, 'GET', '/', {
      headers: { host: 'evil.example', authorization: 'Bearer s' },
    });
    assert.equal(foreignHost.status, 200);
  });

  it('answers a preflight on any path without the secret', async () => {
    const headers = {
      origin: 'https://any.example',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'content-type, AUTHORIZATION',
      'access-control-request-private-network': 'true',
    };
    for (const path of ['/configs', '/nothing', '/proxies/none']) {
      const answer = await call(listener, 'OPTIONS', path, { headers });
      assert.deepEqual([answer.status, answer.body], [200, '']);
      assert.equal(
        answer.headers.vary,
        'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
      );
      assert.equal(answer.headers['access-control-allow-origin'], '*');
      assert.equal(answer.headers['access-control-allow-methods'], 'PATCH');
      assert.equal(answer.headers['access-control-allow-headers'], 'Content-Type, Authorization');
      assert.equal(answer.headers['access-control-max-age'], '300');
      assert.equal(answer.headers['access-control-allow-private-network'], 'true');
      assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    }
    const unknown = await call(listener, 'OPTIONS', '/configs', {
      headers: { ...headers, 'access-control-request-headers': 'content-type, x-other' },
    });
    assert.equal(unknown.status, 200);
    assert.equal(unknown.headers['access-control-allow-origin'], undefined);
    assert.equal(unknown.headers['access-control-max-age'], undefined);
    assert.equal(
      (await call(listener, 'OPTIONS', '/version', { headers: { origin: 'https://a.example' } })).status,
      405,
    );
  });

  it('matches configured origins with one wildcard', async () => {
    const allowed = async (origin: string) =>
      (await call(strict, 'GET', '/version', { headers: { origin } })).headers['access-control-allow-origin'];
    assert.equal(await allowed('http://a.example.com'), 'http://a.example.com');
    assert.equal(await allowed('HTTPS://UI.example'), 'HTTPS://UI.example');
    assert.equal(await allowed('https://a.example.com'), undefined);
    assert.equal(await allowed('https://evil.example'), undefined);
  });
});

describe('clash authentication', { timeout: 60_000 }, () => {
  let listener: HttpListener;
  before(async () => {
    listener = await listen(createClashDialect(clashFixture({ secret: 'two words' })));
  });
  after(() => stop(listener));

  it('takes exactly the bearer header', async () => {
    for (const [authorization, status] of [
      ['Bearer two words', 200],
      ['Bearer  two words', 401],
      ['bearer two words', 401],
      ['Bearer two', 401],
      ['two words', 401],
      ['Bearer', 401],
    ] as const) {
      const answer = await call(listener, 'GET', '/version', { headers: { authorization } });
      assert.deepEqual([authorization, answer.status], [authorization, status]);
      if (status === 401) assert.equal(answer.body, UNAUTHORIZED);
      assert.equal(answer.headers['www-authenticate'], undefined);
    }
    assert.equal((await call(listener, 'GET', '/version?token=two%20words')).status, 401);
  });

  it('lets a token decide on handshakes, and only there', async () => {
    const authorization = 'Bearer two words';
    await assert.rejects(openFeed(listener, '/connections?token=wrong', { authorization }), /401/);
    await assert.rejects(openFeed(listener, '/connections'), /401/);
    for (const [path, headers] of [
      ['/connections?token=two+words', {}],
      ['/connections?token=', { authorization }],
    ] as const) {
      const feed = await openFeed(listener, path, headers);
      assert.match(await feed.next(), /^\{"downloadTotal"/);
      feed.socket.terminate();
    }
  });

  it('checks path and method first on leaves, the secret first in mounted trees', async () => {
    for (const [method, path, status] of [
      ['GET', '/nothing', 404],
      ['POST', '/version', 405],
      ['GET', '/version', 401],
      ['GET', '/', 401],
      ['GET', '/configs/zzz', 401],
      ['GET', '/proxies/none', 401],
      ['POST', '/proxies', 401],
      ['OPTIONS', '/proxies', 401],
      ['GET', '/providers/rules/x/y', 401],
      ['GET', '/storage', 401],
      ['GET', '/cache', 401],
      ['GET', '/dns/x', 401],
      ['GET', '/restart', 401],
      ['POST', '/upgrade/x', 401],
      ['GET', '/providers', 404],
      ['GET', '/proxiesx', 404],
    ] as const) {
      assert.deepEqual([method, path, (await call(listener, method, path)).status], [method, path, status]);
    }
  });
});

describe('clash WebSocket handshake', { timeout: 60_000 }, () => {
  let listener: HttpListener;
  before(async () => {
    listener = await listen(createClashDialect(clashFixture()));
  });
  after(() => stop(listener));

  const good = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'keep-alive, Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
  };
  const handshake = (changes: Readonly<Record<string, string | undefined>>, version = '1.1') => {
    const lines = Object.entries({ ...good, ...changes }).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}: ${value}`],
    );
    return exchange(listener, `GET /traffic HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n`);
  };

  it('words each failure as plain text', async () => {
    for (const [changes, status, phrase] of [
      [{ Host: undefined }, 400, 'bad Host header'],
      [{ 'Sec-WebSocket-Key': 'short' }, 400, 'bad Sec-WebSocket-Key header'],
      [{ 'Sec-WebSocket-Version': undefined }, 400, 'bad Sec-WebSocket-Version header'],
      [{ 'Sec-WebSocket-Version': '8' }, 426, 'bad Sec-WebSocket-Version header'],
      [{ Connection: 'close' }, 400, 'bad Connection header'],
    ] as const) {
      const answer = await handshake(changes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, /content-type: text\/plain; charset=utf-8\r\n/i);
      assert.match(answer, new RegExp(`content-length: ${`handshake error: ${phrase}`.length}\r\n`, 'i'));
      assert.ok(answer.endsWith(`\r\n\r\nhandshake error: ${phrase}`), answer);
      assert.equal(/sec-websocket-version: 13/i.test(answer), status === 426);
    }
    assert.match(
      await handshake({}, '1.0'),
      /^HTTP\/1\.1 505 .*handshake error: bad HTTP protocol version$/s,
    );
  });

  it('answers 101 with nothing but the three headers', async () => {
    const socket = connect(listener.address.port, '127.0.0.1');
    const received = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    const lines = Object.entries({
      ...good,
      'Sec-WebSocket-Protocol': 'chat',
      'Sec-WebSocket-Extensions': 'permessage-deflate',
      Origin: 'https://evil.example',
    });
    socket.write(
      `GET /traffic HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`,
    );
    assert.equal(
      await received,
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    socket.destroy();
  });

  it('gives any other Upgrade value the HTTP form', async () => {
    for (const upgrade of ['WebSocket', 'h2c']) {
      const answer = await exchange(
        listener,
        `GET /version HTTP/1.1\r\nHost: localhost\r\nUpgrade: ${upgrade}\r\nConnection: Upgrade, close\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1\.1 200 OK/);
    }
    const snapshot = await exchange(
      listener,
      'GET /connections HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n',
    );
    assert.match(snapshot, /^HTTP\/1\.1 200 OK.*"downloadTotal"/s);
  });
});

describe('clash external UI', { timeout: 60_000 }, () => {
  let listener: HttpListener;
  let root: string;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'sluice-ui-'));
    mkdirSync(join(root, 'xd'));
    mkdirSync(join(root, 'empty'));
    writeFileSync(join(root, 'app.js'), 'console.log(1)');
    writeFileSync(join(root, 'xd', 'index.html'), '<p>dashboard</p>');
    writeFileSync(join(root, 'empty', 'a&b.txt'), 'x');
    symlinkSync('/etc', join(root, 'escape'));
    listener = await listen(createClashDialect(clashFixture({ secret: 's', uiDir: root })));
  });
  after(async () => {
    await stop(listener);
    rmSync(root, { recursive: true });
  });

  it('redirects to canonical addresses', async () => {
    const bare = await call(listener, 'GET', '/ui');
    assert.deepEqual([bare.status, bare.headers.location], [307, '/ui/']);
    assert.match(bare.body, /<a href="\/ui\/">Temporary Redirect<\/a>\./);
    const directory = await call(listener, 'GET', '/ui/xd');
    assert.deepEqual([directory.status, directory.headers.location], [301, 'xd/']);
    const index = await call(listener, 'GET', '/ui/xd/index.html');
    assert.deepEqual([index.status, index.headers.location], [301, './']);
  });

  it('serves files with types, ranges and conditions, without the secret', async () => {
    const script = await call(listener, 'GET', '/ui/app.js');
    assert.deepEqual([script.status, script.body], [200, 'console.log(1)']);
    assert.match(script.headers['content-type'] ?? '', /javascript/);
    const since = script.headers['last-modified'] ?? '';
    assert.equal(
      (await call(listener, 'GET', '/ui/app.js', { headers: { 'if-modified-since': since } })).status,
      304,
    );
    const part = await call(listener, 'GET', '/ui/app.js', { headers: { range: 'bytes=0-6' } });
    assert.deepEqual([part.status, part.body], [206, 'console']);
    assert.equal((await call(listener, 'GET', '/ui/xd/')).body, '<p>dashboard</p>');
  });

  it('lists a directory without index and escapes names', async () => {
    const answer = await call(listener, 'GET', '/ui/empty/');
    assert.equal(answer.status, 200);
    assert.match(answer.body, /<a href="\.\/a&b\.txt">a&#38;b\.txt<\/a>/);
  });

  it('stays inside its directory', async () => {
    for (const path of [
      '/ui/none',
      '/ui/none/',
      '/ui/app.js/',
      '/ui/..%2f..%2fetc%2fpasswd',
      '/ui/%2e%2e/%2e%2e/etc/passwd',
      '/ui/escape/passwd',
      '/ui/a%00b',
    ]) {
      const answer = await call(listener, 'GET', path);
      assert.deepEqual([path, answer.status, answer.body], [path, 404, NOT_FOUND_PAGE]);
    }
    assert.equal((await call(listener, 'HEAD', '/ui/app.js')).status, 405);
    assert.equal((await call(listener, 'POST', '/ui')).status, 405);
  });
});
