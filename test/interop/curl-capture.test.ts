import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '@sluice/base/clock';
import { defaultOf } from '@sluice/core/config/decode';
import { Events } from '@sluice/core/events';
import type { Logger } from '@sluice/core/log/logger';
import { Metrics } from '@sluice/core/metrics';
import type { Dialer } from '@sluice/core/ports/dialer';
import { type InspectConfig, inspectConfigSchema } from '@sluice/inspect/config';
import { createInspectPlane, type InspectPlane } from '@sluice/inspect/plane';
import { openCa } from '@sluice/inspect/tls/authority';
import { createLeafCertificate, publicKeyDer } from '@sluice/inspect/tls/certificate';
import { toPem } from '@sluice/inspect/tls/der';

const run = promisify(execFile);
const MEBIBYTE = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'sluice-curl-'));
const silent: Logger = {
  enabled: () => false,
  debug: () => undefined,
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** Connects to loopback, whatever the host. */
const dialer: Dialer = {
  dial: ({ port }) =>
    new Promise((resolve, reject) => {
      const stream = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      stream.once('error', reject);
      stream.once('connect', () =>
        resolve({ stream: stream.off('error', reject), flowId: 'f', chain: ['DIRECT'] }),
      );
    }),
};

let plane: InspectPlane;
let proxyUrl: string;
const servers: ReturnType<typeof createHttpServer>[] = [];
let httpPort: number;
let httpsPort: number;

const answer: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
  const url = new URL(request.url ?? '/', 'http://x');
  if (url.pathname === '/big') {
    let left = Number(url.searchParams.get('mib'));
    const block = Buffer.alloc(MEBIBYTE, 'x');
    const more = (): void => {
      while (left-- > 0) if (!response.write(block)) return void response.once('drain', more);
      response.end();
    };
    if (url.searchParams.has('length')) response.setHeader('Content-Length', left * MEBIBYTE);
    more();
    return;
  }
  if (url.pathname === '/trailers') {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('part one, ');
    response.addTrailers({ 'X-Sum': 'abc' });
    response.end('part two');
    return;
  }
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => hash.update(chunk));
  request.on('end', () => response.end(`${request.method} ${request.url} ${hash.digest('hex')}`));
};

before(async () => {
  const upstreamCa = await openCa(join(directory, 'upstream'), { keyType: 'ec' });
  const server = await openCa(join(directory, 'server-key'), { keyType: 'ec' });
  const certificate = createLeafCertificate(
    upstreamCa.issuer,
    publicKeyDer(server.issuer.key),
    ['site.test'],
    Date.now(),
  );
  const key = readFileSync(join(directory, 'server-key', 'ca.key'));
  servers.push(createHttpServer(answer), createHttpsServer({ key, cert: toPem(certificate) }, answer));
  for (const each of servers) await new Promise<void>((resolve) => void each.listen(0, '127.0.0.1', resolve));
  [httpPort, httpsPort] = servers.map((each) => (each.address() as AddressInfo).port) as [number, number];
  const config: InspectConfig = {
    ...defaultOf<InspectConfig>(inspectConfigSchema),
    listen: '127.0.0.1:0',
    'upstream-ca': join(directory, 'upstream', 'ca.pem'),
    'ca-key': 'ec',
  };
  const context = {
    clock: systemClock,
    log: silent,
    metrics: new Metrics(),
    events: new Events((error) => assert.fail(String(error))),
    dataDir: join(directory, 'data'),
  };
  plane = await createInspectPlane(context, config, { dialer });
  await plane.start();
  proxyUrl = `http://127.0.0.1:${plane.control.listeners()[0]?.port}`;
});

after(async () => {
  await plane?.stop(AbortSignal.timeout(5000));
  for (const server of servers) server.close().closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
});

async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(
    'curl',
    ['-sS', '--max-time', '60', '--proxy', proxyUrl, '--cacert', plane.control.ca().path, ...args],
    {
      maxBuffer: 8 * MEBIBYTE,
    },
  );
  return stdout;
}

/** The stored exchange whose URL ends so, newest first. */
async function captured(ending: string) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const summary = (await plane.control.exchanges({ limit: 50 })).find(({ url }) => url.endsWith(ending));
    const exchange = summary === undefined ? undefined : await plane.control.exchange(summary.id);
    if (exchange !== undefined) return exchange;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return assert.fail(`no exchange for ${ending}`);
}

const sites = (): readonly (readonly [scheme: string, base: string])[] => [
  ['http', `http://site.test:${httpPort}`],
  ['https', `https://site.test:${httpsPort}`],
];

test('curl reads through the proxy, over plain HTTP and over TLS', async () => {
  for (const [scheme, base] of sites()) {
    const text = await curl(`${base}/${scheme}-one`, `${base}/${scheme}-two`);
    assert.match(text, new RegExp(`GET /${scheme}-one [0-9a-f]{64}GET /${scheme}-two [0-9a-f]{64}`));
    const { summary, response } = await captured(`/${scheme}-two`);
    assert.equal(summary.scheme, scheme);
    assert.equal(summary.status, 200);
    assert.match(response?.bodyText ?? '', new RegExp(`^GET /${scheme}-two `));
  }
});

test('uploads arrive whole, of known length and chunked', async () => {
  const file = join(directory, 'upload');
  const content = randomBytes(3 * MEBIBYTE + 17);
  writeFileSync(file, content);
  const hash = createHash('sha256').update(content).digest('hex');
  for (const [scheme, base] of sites()) {
    assert.equal(await curl('-T', file, `${base}/${scheme}-put`), `PUT /${scheme}-put ${hash}`);
    const chunked = await curl(
      '-H',
      'Transfer-Encoding: chunked',
      '--data-binary',
      `@${file}`,
      `${base}/${scheme}-chunked`,
    );
    assert.equal(chunked, `POST /${scheme}-chunked ${hash}`);
    const { request } = await captured(`/${scheme}-chunked`);
    assert.equal(request.body.sizeBytes, content.length);
    assert.equal(request.body.storedBytes, MEBIBYTE);
    assert.equal(request.body.truncated, true);
  }
});

test('trailers pass and are recorded', async () => {
  for (const [scheme, base] of sites()) {
    const text = await curl('-i', '--raw', `${base}/trailers?${scheme}`);
    assert.match(text, /0\r\nX-Sum: abc\r\n\r\n$/);
    const { response } = await captured(`/trailers?${scheme}`);
    assert.deepEqual(response?.trailers, [['X-Sum', 'abc']]);
    assert.equal(response?.bodyText, 'part one, part two');
  }
});

test('a large download streams in little memory', async () => {
  for (const [scheme, base] of sites()) {
    for (const framing of ['chunked', 'length']) {
      const path = `/big?mib=50&${framing}&${scheme}`;
      const beforeBytes = process.memoryUsage().rss;
      let peakBytes = beforeBytes;
      const sampling = setInterval(() => {
        peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
      }, 20);
      const size = await curl(
        '-o',
        '/dev/null',
        '--limit-rate',
        '200M',
        '-w',
        '%{size_download}',
        `${base}${path}`,
      );
      clearInterval(sampling);
      assert.equal(Number(size), 50 * MEBIBYTE);
      assert.ok(
        peakBytes - beforeBytes < 120 * MEBIBYTE,
        `${path}: ${(peakBytes - beforeBytes) / MEBIBYTE} MiB more`,
      );
      const { response } = await captured(path);
      assert.equal(response?.body.sizeBytes, 50 * MEBIBYTE);
      assert.equal(response?.body.truncated, true);
    }
  }
});

test('a response rule changes what curl receives, and both are kept', async () => {
  const rule = plane.control.createResponseRule({
    name: 'replace',
    host: 'site.test',
    pathRegex: '^/ruled',
    method: 'GET',
    responseBody: '{"changed":true}',
    responseStatus: 418,
    responseHeaders: { 'content-type': 'application/json' },
  });
  try {
    for (const [scheme, base] of sites()) {
      const text = await curl('-i', `${base}/ruled-${scheme}`);
      assert.match(
        text,
        /HTTP\/1.1 418 I'm a Teapot\r\n[\s\S]*Content-Length: 16\r\n\r\n\{"changed":true\}$/i,
      );
      const exchange = await captured(`/ruled-${scheme}`);
      assert.equal(exchange.response?.status, 200);
      assert.equal(exchange.modified?.status, 418);
      assert.equal(exchange.modified?.bodyText, '{"changed":true}');
      assert.equal(exchange.summary.ruleId, rule.id);
    }
  } finally {
    plane.control.deleteResponseRule(rule.id);
  }
});

test('an unreachable server gives curl a readable 502', async () => {
  const text = await curl('-i', 'http://site.test:1/gone');
  assert.match(text, /^HTTP\/1.1 502 Bad Gateway[\s\S]*connecting to site\.test:1 failed/);
});
