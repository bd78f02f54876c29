import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { needs } from '../support/programs.ts';
import { until } from '../support/until.ts';
import { launchBrowser, openPage } from './browser.ts';
import { type DashboardFixture, openDashboardFixture } from './dashboard-fixture.ts';

const PAGES = [
  '#/',
  '#/connections',
  '#/capture',
  '#/capture?tab=rules',
  '#/capture?exchange=exchange-6',
  '#/streams',
  '#/proxies',
  '#/proxies?tab=providers',
  '#/proxies?tab=rules',
  '#/proxies?tab=rules&explain=https://video.example.com/watch',
  '#/connections?connection=flow-4',
  '#/dns',
  '#/statistics',
  '#/logs',
  '#/settings',
];

describe('dashboard in Chromium', needs('chromium'), () => {
  let browser: Browser;
  let fixture: DashboardFixture;

  before(async () => {
    [browser, fixture] = await Promise.all([launchBrowser(), openDashboardFixture()]);
  });
  after(async () => {
    await browser?.close();
    await fixture?.close();
  });

  async function open(path: string, options: Parameters<typeof openPage>[1] = {}): Promise<Page> {
    const { page } = await openPage(browser, options);
    await page.goto(fixture.url + path);
    return page;
  }

  for (const [locale, width, heading] of [
    ['en-US', 1280, 'Overview'],
    ['zh-CN', 1280, '概览'],
    ['ru-RU', 390, 'Обзор'],
  ] as const) {
    it(`opens every page in ${locale} at ${width} pixels without an error or a sideways scroll`, async () => {
      const { page, problems } = await openPage(browser, { locale, viewport: { width, height: 800 } });
      await page.goto(fixture.url);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      for (const path of PAGES) {
        await page.goto(fixture.url + path);
        await page.locator('main :is(button, label, input)').first().waitFor();
        const sideways = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.equal(sideways, 0, path);
      }
      assert.deepEqual(problems, []);
      await page.context().close();
    });
  }

  it('shows the figures and the addresses to copy', async () => {
    const page = await open('#/');
    await page.getByText('socks5://127.0.0.1:7890').waitFor();
    await page.getByText('rtmp://127.0.0.1:1935/live/test', { exact: true }).waitFor();
    await page.getByText('1.64 Mbit/s').waitFor({ state: 'detached' });
    const tile = page.locator('dl > div', { hasText: 'Connections' });
    await tile.getByText('24', { exact: true }).waitFor();
    await page.locator('.uplot canvas').waitFor();
    await page.context().close();
  });

  it('downloads the certificate', async () => {
    const page = await open('#/');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'P12' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'sluice-ca.p12');
    await page.context().close();
  });

  it('filters connections, and closes one at once but all only after asking', async () => {
    const page = await open('#/connections');
    const rows = page.getByRole('table', { name: 'Connections' }).getByRole('rowgroup').getByRole('row');
    await rows.first().waitFor();
    await page.getByLabel('Filter by host').fill('registry');
    await page.getByText('4 of 24').waitFor();
    await page.getByRole('button', { name: 'Close registry.example.io:443' }).first().click();
    await page.getByText('3 of 23').waitFor();
    await page.getByRole('button', { name: 'Close all' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.equal(fixture.gateway.route.connections().length, 23);
    await page.getByRole('button', { name: 'Close all' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close all' }).click();
    await page.getByText('0 of 0').waitFor();
    assert.equal(fixture.gateway.route.connections().length, 0);
    await page.context().close();
  });

  it('shows exchanges as they are stored and opens them by keyboard', async () => {
    const page = await open('#/capture');
    const rows = page.getByRole('table', { name: 'Exchanges' }).getByRole('rowgroup').getByRole('row');
    await rows.first().waitFor();
    fixture.gateway.inspect.add({
      method: 'PATCH',
      url: 'https://api.example.org/just-now',
      status: 201,
      ruleId: '',
    });
    await rows.first().getByText('/just-now').waitFor();
    await rows.nth(1).focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    const details = page.getByRole('complementary', { name: 'Exchange details' });
    await details.getByText('https://api.example.org/just-now').waitFor();
    await details.getByText('"name": "alpha"').waitFor();
    await details.getByText('Request', { exact: true }).click();
    await details.getByText('curl/8.14.1').waitFor();
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('makes a response rule from an exchange and switches it off', async () => {
    const page = await open('#/capture?exchange=exchange-2');
    await page.getByRole('button', { name: 'Make a rule' }).click();
    const editor = page.getByRole('dialog', { name: 'New rule' });
    assert.equal(await editor.getByLabel('Host').inputValue(), 'api.example.org');
    await editor.getByLabel('Name', { exact: true }).fill('Teapot');
    await editor.getByLabel('Response status').fill('418');
    await editor.getByLabel('Response headers').fill('x-one: 1\nx-two: a:b');
    await editor.getByRole('button', { name: 'Save' }).click();
    await editor.waitFor({ state: 'detached' });
    const created = fixture.gateway.inspect.responseRules().at(-1);
    assert.deepEqual(
      [created?.name, created?.responseStatus, created?.responseHeaders],
      ['Teapot', 418, { 'x-one': '1', 'x-two': 'a:b' }],
    );
    await page.getByRole('switch', { name: 'Rule Teapot enabled' }).click();
    await until('the rule to be off', () =>
      fixture.gateway.inspect.responseRule(created?.id ?? '')?.enabled === false ? true : undefined,
    );
    await page.context().close();
  });

  it('shows a stream with its viewers and closes it after asking', async () => {
    const page = await open('#/streams');
    await page.getByRole('row', { name: /live\/studio/ }).click();
    const pane = page.getByRole('complementary');
    await pane.getByText('H264 · 1280×720 · 25 fps · GOP 2.0 s').waitFor();
    await pane.getByText('Rtmp · publishing').waitFor();
    await pane.getByRole('button', { name: 'Close stream' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close stream' }).click();
    await pane.getByText('This stream is not live any more').waitFor();
    await page.context().close();
  });

  it('says how to publish when nothing is live, ready to copy on a narrow screen', async () => {
    const { media } = fixture.gateway;
    media.closeStreams({}, true);
    const page = await open('#/streams', {
      viewport: { width: 390, height: 800 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByText('Nothing is live').waitFor();
    await page.getByRole('button', { name: 'Copy' }).first().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.match(
      await page.evaluate<string>('navigator.clipboard.readText()'),
      /^ffmpeg .* rtmp:\/\/127\.0\.0\.1:1935\/live\/test$/,
    );
    await page.context().close();
  });

  it('selects a proxy, tests delays and switches a rule off', async () => {
    const { route } = fixture.gateway;
    const page = await open('#/proxies');
    await page.getByRole('group', { name: 'Proxy' }).getByText('edge-2').click();
    await until('the selection', () => (route.outbound('Proxy')?.group?.now === 'edge-2' ? true : undefined));
    await page.getByRole('button', { name: 'Test the delay of edge-3' }).click();
    await page.getByText('no answer in 5000 ms').waitFor();
    await page.getByText('Rules', { exact: true }).click();
    await page.getByRole('switch', { name: 'Rule 0 on' }).click();
    await until('the rule to be off', () => (route.rules()[0]?.disabled === true ? true : undefined));
    await page.context().close();
  });

  it('shows log lines at the chosen level and searches them', async () => {
    const { logs } = fixture.gateway;
    const page = await open('#/logs');
    await page.getByRole('log').waitFor();
    await page.getByText('Warning', { exact: true }).click();
    await page.waitForTimeout(300);
    logs.write('info', 'route', 'an ordinary line');
    logs.write('error', 'media.rtmp', 'a peer misbehaved', { peer: '10.0.0.9' });
    await page.getByText('a peer misbehaved').waitFor();
    assert.equal(await page.getByText('an ordinary line').count(), 0);
    await page.getByLabel('Search').fill('10.0.0.9');
    await page.getByText('1 of 1').waitFor();
    await page.context().close();
  });

  it('changes mode, language and theme, and remembers the last two', async () => {
    const page = await open('#/settings', { colorScheme: 'light' });
    await page.getByText('Global', { exact: true }).click();
    await until('the mode', () => (fixture.gateway.route.settings().mode === 'global' ? true : undefined));
    await page.getByText('Dark', { exact: true }).click();
    await page.locator('main').getByText('Русский').click();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Настройки' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    assert.equal(await page.locator('html').getAttribute('lang'), 'ru');
    await page.context().close();
  });
});

describe('dashboard of a protected gateway', needs('chromium'), () => {
  let browser: Browser;
  let fixture: DashboardFixture;

  before(async () => {
    [browser, fixture] = await Promise.all([
      launchBrowser(),
      openDashboardFixture({ secret: 'open sesame' }),
    ]);
  });
  after(async () => {
    await browser?.close();
    await fixture?.close();
  });

  it('asks for the secret until it is right, then shows live figures', async () => {
    const { page } = await openPage(browser);
    await page.goto(fixture.url);
    const prompt = page.getByRole('dialog', { name: 'Secret required' });
    await prompt.getByLabel('Secret').press('Escape');
    await page.keyboard.press('Escape');
    await prompt.getByLabel('Secret').fill('wrong');
    await prompt.getByRole('button', { name: 'Unlock' }).click();
    await prompt.getByText('This secret is wrong').waitFor();
    await prompt.getByLabel('Secret').fill('open sesame');
    await prompt.getByRole('button', { name: 'Unlock' }).click();
    await page.getByText('Connected').waitFor();
    await prompt.waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('says when the gateway is gone and goes on when it is back', async () => {
    const { page } = await openPage(browser);
    let own = await openDashboardFixture();
    const { port, url } = own;
    await page.goto(`${url}#/connections`);
    await page.getByText('24 of 24').waitFor();
    await own.close();
    await page.getByRole('alert').waitFor();
    own = await openDashboardFixture({ port });
    await page.getByRole('alert').waitFor({ state: 'detached' });
    own.gateway.route.closeConnection('flow-1');
    await page.getByText('23 of 23').waitFor();
    await page.context().close();
    await own.close();
  });
});
