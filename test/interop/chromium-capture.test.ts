import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../e2e/browser.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { needs } from '../support/programs.ts';
import { until } from '../support/until.ts';

const HOST = 'site.test';
const RESOURCES = 100;
const EVENTS = 3;
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 §1.3

// The page counts its images and asks for each event only after it has seen the one before.
const PAGE = `<!doctype html><title>start</title><body><script>
  const done = { images: 0, events: [], echo: '' };
  for (let index = 0; index < ${RESOURCES}; index++) {
    const image = new Image();
    image.onload = () => done.images++;
    image.src = '/image/' + index + '.svg';
    document.body.append(image);
  }
  const events = new EventSource('/events');
  events.onmessage = (event) => {
    done.events.push(event.data);
    if (done.events.length === ${EVENTS}) events.close();
    fetch('/seen/' + event.data, { method: 'POST' });
  };
  const socket = new WebSocket('wss://' + location.host + '/socket');
  socket.onopen = () => socket.send('hello through the gateway');
  socket.onmessage = (event) => { done.echo = event.data; socket.close(); };
</script>`;

let seen: (event: number) => void;

/** Sends each event only once the browser has told that it saw the one before, so that none may be held back. */
async function sendEvents(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let event = 0; event < EVENTS; event++) {
    const acknowledged = new Promise<void>((resolve) => {
      seen = (number) => {
        if (number === event) resolve();
      };
    });
    response.write(`data: ${event}\n\n`);
    await acknowledged;
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url = '/' } = request;
  if (url === '/events') void sendEvents(response);
  else if (url.startsWith('/seen/')) {
    seen(Number(url.slice('/seen/'.length)));
    response.writeHead(204).end();
  } else if (url.startsWith('/image/')) {
    response.setHeader('content-type', 'image/svg+xml');
    response.end(`<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><title>${url}</title></svg>`);
  } else response.setHeader('content-type', 'text/html').end(url === '/' ? PAGE : '');
}

/** Greets as a WebSocket and sends the first, short, message back unmasked (RFC 6455 §5.2). */
function echoOnce(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers['sec-websocket-key']}${WEBSOCKET_GUID}`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => socket.destroy());
  socket.once('data', (frame: Buffer) => {
    const length = (frame[1] ?? 0) & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    socket.write(Buffer.concat([Buffer.of(0x81, length), text]));
    socket.once('data', () => socket.end(Buffer.of(0x88, 0)));
  });
}

/** SHA-256 of the key of the certificate that the gateway shows for `host`, as Chromium pins it. */
function shownKey(port: number, host: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(port, '127.0.0.1').on('error', reject);
  socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  socket.once('data', () => {
    const secure = connectTls({ socket, servername: HOST, rejectUnauthorized: false }, () => {
      const key = secure.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
      resolve(
        createHash('sha256')
          .update(key ?? '')
          .digest('base64'),
      );
      secure.destroy();
    });
    secure.on('error', reject);
  });
  return promise;
}

describe('Chromium through the capture port', needs('chromium'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chromium-'));
  let origin: Origin;
  let gateway: TestGateway;
  let browser: Browser;
  let page: Page;

  before(async () => {
    origin = await startOrigin(folder, HOST, answer, echoOnce);
    gateway = await startGateway({
      route: `  hosts: { ${HOST}: 127.0.0.1 }\n  rules: ["MATCH,DIRECT"]\n`,
      inspect: `  upstream-ca: ${JSON.stringify(origin.caFile)}\n`,
    });
    const pin = await shownKey(gateway.ports.capture, `${HOST}:${origin.httpsPort}`);
    browser = await launchBrowser(
      `--proxy-server=http://127.0.0.1:${gateway.ports.capture}`,
      `--ignore-certificate-errors-spki-list=${pin}`,
    );
    page = await (await browser.newContext()).newPage();
  });

  after(async () => {
    await browser?.close();
    await gateway?.stop();
    origin?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loads a page with everything in it, events as they are sent and a WebSocket', {
    timeout: 20_000,
  }, async () => {
    await page.goto(`https://${HOST}:${origin.httpsPort}/`, { waitUntil: 'commit' });
    await page.waitForFunction(
      `done.images === ${RESOURCES} && done.events.length === ${EVENTS} && done.echo !== ''`,
      undefined,
      { timeout: 15_000 },
    );
    assert.deepEqual(await page.evaluate('done'), {
      images: RESOURCES,
      events: ['0', '1', '2'],
      echo: 'hello through the gateway',
    });
  });

  it('has all of it on record', async () => {
    const images = await until('the images', async () => {
      const found = await gateway.app.inspect.control.responses({
        page: 1,
        limit: 1,
        keyword: '/image/\\d+\\.svg$',
        isRegex: true,
      });
      return found.total === RESOURCES ? found.rows : undefined;
    });
    assert.match(images[0]?.bodyText ?? '', /^<svg .*<title>\/image\/\d+\.svg<\/title>/);
    const switched = await gateway.app.inspect.control.responses({
      page: 1,
      limit: 9,
      keyword: '/socket$',
      isRegex: true,
    });
    assert.deepEqual(
      switched.rows.map(({ status }) => status),
      [101],
    );
  });
});
