import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { needs } from '../support/programs.ts';
import { until } from '../support/until.ts';
import { launchBrowser, openPage } from './browser.ts';
import { type DashboardFixture, openDashboardFixture } from './dashboard-fixture.ts';

describe('dashboard of the route plane in Chromium', needs('chromium'), () => {
  let browser: Browser;
  let fixture: DashboardFixture;
  let problems: readonly string[];

  before(async () => {
    [browser, fixture] = await Promise.all([launchBrowser(), openDashboardFixture()]);
  });
  after(async () => {
    await browser?.close();
    await fixture?.close();
  });
  beforeEach(() => {
    problems = [];
  });

  async function open(path: string, options: Parameters<typeof openPage>[1] = {}): Promise<Page> {
    const watched = await openPage(browser, options);
    problems = watched.problems;
    await watched.page.goto(fixture.url + path);
    return watched.page;
  }

  async function close(page: Page): Promise<void> {
    assert.deepEqual(problems, []);
    await page.context().close();
  }

  it('tells the story of a URL, and of another one by UDP that would fail', async () => {
    const page = await open('#/proxies?tab=rules');
    await page.getByRole('button', { name: 'Explain' }).click();
    const pane = page.getByRole('complementary', { name: 'Explain' });
    await pane.getByLabel('URL or host:port').fill('https://video.example.com/watch');
    await pane.getByRole('button', { name: 'Explain' }).click();
    await pane.getByText('TCP to video.example.com:443').waitFor();
    await pane.getByRole('region', { name: 'Result' }).getByText('Proxy › edge-1').waitFor();
    assert.match(page.url(), /explain=https/);
    await pane.getByText('UDP', { exact: true }).click();
    await pane.getByRole('button', { name: 'Explain' }).click();
    await pane.getByText('The connection would fail').waitFor();
    await pane.getByLabel('URL or host:port').fill('a b');
    await pane.getByRole('button', { name: 'Explain' }).click();
    await pane.getByRole('alert').getByText('expected a URL, host:port or a host, found "a b"').waitFor();
    await page.keyboard.press('Escape');
    await pane.waitFor({ state: 'detached' });
    await close(page);
  });

  it('finds rules by type, value or target', async () => {
    const page = await open('#/proxies?tab=rules');
    const rows = page.getByRole('table', { name: 'Rules' }).getByRole('rowgroup').getByRole('row');
    await page.getByText('6 of 6').waitFor();
    await page.getByLabel('Filter by type, value, target').fill('reject');
    await page.getByText('2 of 6').waitFor();
    await rows.first().getByText('tracker').waitFor();
    await page.getByLabel('Filter by type, value, target').fill('nothing like this');
    await page.getByText('Nothing matches the filter').waitFor();
    await close(page);
  });

  it('adds a temporary rule, says what is wrong with one, and removes it', async () => {
    const page = await open('#/proxies?tab=rules');
    await page.getByRole('button', { name: 'Temporary rule' }).click();
    const editor = page.getByRole('dialog', { name: 'Temporary rule' });
    await editor.getByLabel('Rule').fill('DOMAIN,a.example,Nowhere');
    await editor.getByRole('button', { name: 'Add' }).click();
    await editor.getByRole('alert').getByText('proxy [Nowhere] not found').waitFor();
    await editor.getByLabel('Rule').fill('DOMAIN,a.example,DIRECT');
    await editor.getByLabel('Lasts').selectOption({ label: '5m 0s' });
    await editor.getByRole('button', { name: 'Add' }).click();
    await editor.waitFor({ state: 'detached' });
    const list = page.getByRole('region', { name: 'Temporary rules' });
    await list.getByText('DOMAIN,a.example,DIRECT').waitFor();
    await list.getByText(/^4m 5\ds left$/).waitFor();
    await list.getByRole('button', { name: 'Remove DOMAIN,a.example,DIRECT' }).click();
    await list.waitFor({ state: 'detached' });
    assert.deepEqual(fixture.gateway.route.temporaryRules(), []);
    await close(page);
  });

  it('shows providers with their use and errors, updates them and tells why one fails', async () => {
    const { route } = fixture.gateway;
    const page = await open('#/proxies?tab=providers');
    await page.getByText('164 GB of 215 GB used').waitFor();
    await page.getByText('no such file or directory').waitFor();
    await page.getByText('rules: 104,233').waitFor();
    await page.getByRole('button', { name: 'Update northern-cloud' }).click();
    await page.getByText('northern-cloud is up to date').waitFor();
    await page.getByRole('button', { name: 'Check northern-cloud' }).click();
    await page.getByText('northern-cloud is checked').waitFor();
    route.providers.failure = 'https://lists.example/trackers.yaml: status 503 again';
    await page.getByRole('button', { name: 'Update trackers' }).click();
    await page.getByText('status 503 again').waitFor();
    route.providers.failure = '';
    assert.deepEqual(route.asked, [
      'refresh proxy provider northern-cloud',
      'check northern-cloud',
      'refresh rule provider trackers',
    ]);
    await page.getByRole('button', { name: 'Expand northern-cloud' }).click();
    const nodes = page.getByRole('table', { name: 'Nodes of northern-cloud' });
    await nodes
      .getByRole('row', { name: /Frankfurt 01/ })
      .getByText('no answer')
      .waitFor();
    await nodes
      .getByRole('row', { name: /Seoul 01/ })
      .getByTitle('type tuic is not served by this version')
      .waitFor();
    await nodes.getByRole('button', { name: /Tokyo 01/ }).click();
    await until('the test', () => route.asked.at(-1)?.startsWith('node-delay northern-cloud') || undefined);
    await close(page);
  });

  it('shows what is fixed, lets the group choose again, and fixes another member', async () => {
    const { route } = fixture.gateway;
    const fixed = () => route.outbound('Auto')?.group?.fixed;
    const page = await open('#/proxies');
    const group = page.getByRole('group', { name: 'Auto' });
    await group.getByText('fixed').waitFor();
    await page.getByRole('button', { name: 'Choose automatically' }).click();
    await until('nothing fixed', () => (fixed() === '' ? true : undefined));
    await group.getByText('fixed').waitFor({ state: 'detached' });
    await group.getByText(/Singapore 01/).click();
    await until('another fixed', () => (fixed() === '🇸🇬 Singapore 01' ? true : undefined));
    await page.getByRole('button', { name: 'Collapse Auto' }).click();
    await group.waitFor({ state: 'detached' });
    await close(page);
  });

  it('asks the resolver, shows each question with its path, and flushes after asking', async () => {
    const { dns } = fixture.gateway.route;
    const page = await open('#/dns');
    const log = page.getByRole('table', { name: 'Questions and answers' });
    await log
      .getByRole('row', { name: /intranet\.corp\.example/ })
      .getByText('policy +.corp.example')
      .waitFor();
    await page.getByLabel('Name', { exact: true }).fill('nothing.example');
    await page.getByRole('button', { name: 'Ask' }).click();
    const answer = page.getByRole('region', { name: 'Answer', exact: true });
    await answer.getByText('NXDOMAIN').waitFor();
    await log.getByRole('row', { name: /nothing\.example/ }).waitFor();
    await page.getByLabel('Filter by name, client, path').fill('corp');
    await page.getByText('1 of 7').waitFor();
    await page.getByRole('button', { name: 'Empty the cache' }).click();
    await page.getByText('Cache emptied').waitFor();
    const forget = page.getByRole('button', { name: 'Forget fake addresses' });
    await forget.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.equal(dns.stats().fakeIps, 187);
    await forget.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Forget fake addresses' }).click();
    await until('no fake addresses', () => (dns.stats().fakeIps === 0 ? true : undefined));
    dns.enabled = false;
    await page.getByText('names are resolved by the system').waitFor();
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.getByRole('alert').getByText('DNS section is disabled').waitFor();
    dns.enabled = true;
    await close(page);
  });

  it('shows every detail of a connection and explains it', async () => {
    const page = await open('#/connections');
    await page
      .getByRole('row', { name: /registry\.example\.io:443/ })
      .first()
      .click();
    const pane = page.getByRole('complementary', { name: 'Connection details' });
    for (const detail of ['northern-cloud', '/usr/bin/browser · uid 1000', 'ZZ · AS64500 Example Networks'])
      await pane.getByText(detail).waitFor();
    await page.getByRole('button', { name: 'Close registry.example.io:443' }).first().click();
    await pane.getByText('This connection is closed').waitFor();
    await page
      .getByRole('row', { name: /mail\.example\.com:443/ })
      .first()
      .click();
    await pane.getByRole('link', { name: 'Explain' }).click();
    await page.getByText('TCP to mail.example.com:443').waitFor();
    await close(page);
  });

  it('shows what moved most over a period, and deletes the history after asking', async () => {
    const page = await open('#/statistics', { viewport: { width: 390, height: 800 } });
    await page.locator('.uplot canvas').waitFor();
    const hosts = page.getByRole('region', { name: 'Hosts' });
    await hosts.getByText('video.example.com').waitFor();
    await hosts.getByText('↓ 2.40 GB').waitFor();
    await page.getByText('7 d', { exact: true }).click();
    await hosts.getByText('↓ 16.8 GB').waitFor();
    await page.getByText('90 d', { exact: true }).click();
    await page.getByText(/by day/).waitFor();
    await page.getByRole('button', { name: 'Delete history' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete history' }).click();
    await page.getByText('Nothing in this period').waitFor();
    await close(page);
  });

  it('says what is wrong when a page cannot be filled, and tries again', async () => {
    const page = await open('#/');
    const address = '**/api/v1/dns';
    await page.route(address, (route) =>
      route.fulfill({ status: 503, json: { code: 'dns.broken', message: 'the resolver is being replaced' } }),
    );
    await page.getByRole('link', { name: 'DNS' }).first().click();
    await page.getByText('the resolver is being replaced').waitFor();
    await page.unroute(address);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Cached answers').waitFor();
    await close(page);
  });
});
