import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from '@sluice/core/http/testing/localhost-certificate';
import { createLogHub } from '@sluice/core/log/log-hub';
import { type ClashListener, createClashListeners } from './clash-listeners.ts';
import { clashFixture } from './test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-controllers-'));
after(() => rmSync(folder, { recursive: true }));
const socketPath = join(folder, 'c.sock');

const settings = {
  certificate: LOCALHOST_CERTIFICATE,
  privateKey: LOCALHOST_KEY,
  clientAuthType: '',
  clientAuthCert: '',
} as const;

function hub() {
  const lines: string[] = [];
  return {
    lines,
    log: createLogHub('info', ({ level, message }) => lines.push(`${level} ${message}`)).logger,
  };
}

async function start(listeners: readonly ClashListener[]): Promise<void> {
  for (const listener of listeners) await listener.start();
}

async function stop(listeners: readonly ClashListener[]): Promise<void> {
  for (const listener of listeners) await listener.stop(AbortSignal.timeout(2_000));
}

function status(send: typeof request, options: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    send({ path: '/version', agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('the controllers of a kernel configuration', { timeout: 30_000 }, () => {
  it('ask for the secret over TCP and TLS, not on the Unix socket', async () => {
    const { lines, log } = hub();
    const listeners = createClashListeners({
      tcp: { host: '127.0.0.1', port: 0 },
      tls: { host: '127.0.0.1', port: 0, settings, resolvePath: (path) => path },
      unix: socketPath,
      clash: clashFixture({ secret: 's' }),
      log,
    });
    await start(listeners);
    const [tcp, tls] = listeners.map(({ address }) => address?.port ?? 0);
    assert.deepEqual(lines, [
      `info RESTful API listening at: 127.0.0.1:${tcp}`,
      `info RESTful API tls listening at: 127.0.0.1:${tls}`,
      `info RESTful API unix listening at: ${socketPath}`,
    ]);
    const secured = { host: '127.0.0.1', port: tls, rejectUnauthorized: false };
    assert.equal(await status(request, { host: '127.0.0.1', port: tcp }), 401);
    assert.equal(await status(requestTls as typeof request, secured), 401);
    const authorization = 'Bearer s';
    assert.equal(await status(requestTls as typeof request, { ...secured, headers: { authorization } }), 200);
    assert.equal(await status(request, { socketPath }), 200);
    await stop(listeners);
  });

  it('that cannot listen only say so', async () => {
    const { lines, log } = hub();
    const clash = clashFixture();
    const [taken] = createClashListeners({ tcp: { host: '127.0.0.1', port: 0 }, clash, log });
    await taken?.start();
    lines.length = 0;
    const listeners = createClashListeners({
      tcp: { host: '127.0.0.1', port: taken?.address?.port ?? 0 },
      tls: {
        host: '127.0.0.1',
        port: 0,
        settings: { ...settings, privateKey: 'missing.pem' },
        resolvePath: (path) => join(folder, path),
      },
      unix: join(process.execPath, 'c.sock'),
      clash,
      log,
    });
    await start(listeners);
    assert.match(lines[0] ?? '', /^error External controller listen error: .*EADDRINUSE/);
    assert.match(lines[1] ?? '', /^error External controller tls listen error: tls: ENOENT/);
    assert.match(lines[2] ?? '', /^error External controller unix listen error: /);
    assert.deepEqual(
      listeners.map(({ address }) => address),
      [undefined, undefined, undefined],
    );
    await stop(listeners);
    await taken?.stop(AbortSignal.timeout(2_000));
  });
});
