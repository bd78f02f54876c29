import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { needs, runProgram } from '../support/programs.ts';
import { until } from '../support/until.ts';
import { launchBrowser, openPage } from './browser.ts';

const PICTURE = `(() => {
  const video = document.querySelector('video');
  return [video?.videoWidth, video?.videoHeight, video?.currentTime ?? 0];
})()`;

describe('dashboard of a real gateway in Chromium', needs('chromium', 'ffmpeg', 'curl'), () => {
  let browser: Browser;
  let gateway: TestGateway;
  let origin: Origin;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'));
    origin = await startOrigin(folder, 'localhost', (request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ path: request.url }));
    });
    [browser, gateway] = await Promise.all([
      launchBrowser(),
      startGateway({ inspect: `  upstream-ca: ${origin.caFile}\n` }),
    ]);
  });
  after(async () => {
    await browser?.close();
    await gateway?.stop();
    origin?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(path: string): Promise<Page> {
    const { page } = await openPage(browser);
    await page.goto(`${gateway.app.controlUrl()}/ui/${path}`);
    return page;
  }

  it('shows version, ports and the certificate authority', async () => {
    const page = await open('#/');
    await page.getByText(`http://127.0.0.1:${gateway.ports.mixed}`, { exact: true }).waitFor();
    await page.getByText(`http://127.0.0.1:${gateway.ports.capture}`, { exact: true }).waitFor();
    await page.getByText(`rtmp://127.0.0.1:${gateway.ports.rtmp}/live/test`, { exact: true }).waitFor();
    await page.getByText(gateway.app.inspect.control.ca().sha256).waitFor();
    await page.context().close();
  });

  it('shows a connection through the proxy with its chain, and closes it', async () => {
    const page = await open('#/connections');
    await page.getByText('No open connections').waitFor();
    const socket = connect(gateway.ports.mixed, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.write(
      `CONNECT 127.0.0.1:${origin.httpPort} HTTP/1.1\r\nHost: 127.0.0.1:${origin.httpPort}\r\n\r\n`,
    );
    const closed = once(socket, 'close');
    socket.resume();
    const row = page.getByRole('row', { name: new RegExp(`127\\.0\\.0\\.1:${origin.httpPort}`) });
    await row.getByText('DIRECT').waitFor();
    await row.getByRole('button').click();
    await closed;
    await row.waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('explains a connection by the real rules, and obeys a temporary one', async () => {
    const page = await open('#/proxies?tab=rules&explain=tracker.invalid:80');
    const pane = page.getByRole('complementary', { name: 'Explain' });
    await pane.getByRole('region', { name: 'Result' }).getByText('DIRECT', { exact: true }).waitFor();
    await pane.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Temporary rule' }).click();
    const editor = page.getByRole('dialog', { name: 'Temporary rule' });
    await editor.getByLabel('Rule').fill('DOMAIN,tracker.invalid,REJECT');
    await editor.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('region', { name: 'Temporary rules' }).getByText('tracker.invalid').waitFor();
    await page.getByRole('button', { name: 'Explain' }).click();
    await pane.getByLabel('URL or host:port').fill('http://tracker.invalid/');
    await pane.getByRole('button', { name: 'Explain' }).click();
    await pane.getByRole('region', { name: 'Result' }).getByText('REJECT', { exact: true }).waitFor();
    await page.context().close();
  });

  it('counts a closed connection in the statistics', async () => {
    const { code, stderr } = await runProgram('curl', [
      '-sS',
      ...['-x', `http://127.0.0.1:${gateway.ports.mixed}`],
      `http://127.0.0.1:${origin.httpPort}/counted`,
    ]);
    assert.equal(code, 0, stderr);
    const page = await open('#/statistics');
    await page.locator('.uplot canvas').waitFor();
    await page.getByRole('region', { name: 'Hosts' }).getByText('127.0.0.1').waitFor();
    await page.getByRole('region', { name: 'Outbounds' }).getByText('DIRECT').waitFor();
    await page.context().close();
  });

  it('shows a captured HTTPS exchange with its body as it happens', async () => {
    const page = await open('#/capture');
    await page.getByText('Nothing captured yet').waitFor();
    const { code, stderr } = await runProgram('curl', [
      '-sS',
      ...['--cacert', gateway.app.inspect.control.ca().path],
      ...['-x', `http://127.0.0.1:${gateway.ports.capture}`],
      `https://localhost:${origin.httpsPort}/seen?by=dashboard`,
    ]);
    assert.equal(code, 0, stderr);
    await page.getByRole('row', { name: /\/seen\?by=dashboard/ }).click();
    const details = page.getByRole('complementary', { name: 'Exchange details' });
    await details.getByText('"path": "/seen?by=dashboard"').waitFor();
    await page.context().close();
  });

  describe('with a live stream', () => {
    let publisher: ChildProcess;

    before(() => {
      publisher = spawn(
        'ffmpeg',
        [
          ...['-v', 'quiet', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
          ...['-f', 'lavfi', '-i', 'sine=frequency=440'],
          ...[
            '-c:v',
            'libx264',
            '-preset',
            'ultrafast',
            '-tune',
            'zerolatency',
            '-g',
            '25',
            '-pix_fmt',
            'yuv420p',
          ],
          ...['-c:a', 'aac', '-f', 'flv', `rtmp://127.0.0.1:${gateway.ports.rtmp}/live/test`],
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
    });
    after(() => void publisher.kill('SIGKILL'));

    it('plays it in the page, and ends it when it is closed there', async () => {
      const page = await open('#/streams');
      await page.getByRole('row', { name: /live\/test/ }).click();
      const picture = () => page.evaluate<[number, number, number]>(PICTURE);
      const [width, height] = await until('two seconds of picture', async () => {
        const now = await picture();
        return now[2] > 2 ? now : undefined;
      });
      assert.deepEqual([width, height], [640, 360]);
      const pane = page.getByRole('complementary');
      await pane.getByText(/H264 · 640×360 · 25 fps/).waitFor();
      const ended = once(publisher, 'exit');
      await pane.getByRole('button', { name: 'Close stream' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Close stream' }).click();
      await pane.getByText('This stream is not live any more').waitFor();
      await ended;
      await page.context().close();
    });
  });
});
