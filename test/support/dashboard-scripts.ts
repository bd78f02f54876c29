import assert from 'node:assert/strict';
import type { DashboardClient, Follower, Json } from './dashboard-client.ts';

/** What a dashboard needs around it. */
export type DashboardScene = {
  readonly page: DashboardClient;
  /** The same page with another secret. */
  readonly stranger: DashboardClient;
  /** Where delays are measured. */
  readonly testUrl: string;
  /** Opens a connection through the gateway that stays open; resolves once it is there. */
  openConnection(): Promise<void>;
  /** A name that the gateway can resolve, and its address. */
  readonly known: { readonly name: string; readonly address: string };
};

const segment = encodeURIComponent;
const PORTS = ['port', 'socks-port', 'redir-port', 'tproxy-port', 'mixed-port'];
const RELOAD = { path: '', payload: '' };

/** Every request of metacubexd, in the order in which a user who tries everything makes it. */
export async function driveMetacubexd(scene: DashboardScene): Promise<void> {
  const { page, stranger } = scene;
  const unwelcome = await stranger.send('GET', '/version');
  assert.equal(unwelcome.status, 401);
  const { version } = await page.get('/version');
  assert.ok(version !== '' && !/sing-box|-smart-/.test(version), version);
  await watchStreams(scene, false);

  const configs = await page.get('/configs');
  assertConfigs(configs);
  assert.equal(typeof configs['unified-delay'], 'boolean');
  assert.equal(typeof configs['interface-name'], 'string');
  assert.equal(typeof configs.tun.stack, 'string');
  assert.equal(typeof configs.tun.device, 'string');
  assert.ok(!('mode-list' in configs) && !('modes' in configs));
  for (const change of [
    { mode: 'global' },
    { mode: 'rule' },
    { 'allow-lan': configs['allow-lan'] },
    { 'unified-delay': true },
    { 'interface-name': '' },
    { dns: { enable: true } },
    { tun: { stack: 'Mixed' } },
    { tun: { device: 'tun7' } },
    { tun: { enable: false } },
    { 'socks-port': configs['socks-port'] },
  ])
    await page.act('PATCH', '/configs', change);
  assert.equal((await page.get('/configs')).mode, 'rule');

  const { proxies, providers } = await readProxies(page);
  const selector = groupOf(proxies, 'Selector');
  await page.act(
    'PUT',
    `/proxies/${segment(selector.name)}`,
    { name: selector.all[0] },
    'text/plain;charset=UTF-8',
  );
  assert.equal((await page.get(`/proxies/${segment(selector.name)}`)).now, selector.all[0]);
  await unpin(page, proxies);
  await measure(scene, proxies, providers);
  await useProviders(page, providers);
  await readRules(page);
  await closeConnections(scene, false);

  await page.act('PUT', '/configs?force=true', RELOAD);
  await act(page);
  await askDns(scene, ['A', 'AAAA', 'PTR']);
}

/** Every request of zashboard, likewise. */
export async function driveZashboard(scene: DashboardScene): Promise<void> {
  const { page, stranger } = scene;
  assert.equal((await stranger.send('GET', '/version')).status, 401);
  const { version } = await page.get('/version');
  assert.ok(version !== '' && !/sing-box|\bhonk\b/.test(version), version);
  const stored = await page.get('/storage/zashboard');
  assert.equal(stored, null);
  await page.act('PUT', '/storage/zashboard', { theme: 'dark', order: ['a', '<b>'] });
  assert.deepEqual(await page.get('/storage/zashboard'), { theme: 'dark', order: ['a', '<b>'] });
  await page.act('DELETE', '/storage/zashboard');
  assert.equal(await page.get('/storage/zashboard'), null);
  await watchStreams(scene, true);

  const configs = await page.get('/configs');
  assertConfigs(configs);
  assert.ok(['RULE', 'GLOBAL', 'DIRECT'].includes(configs.mode.toUpperCase()));
  for (const change of [
    { mode: 'direct' },
    { mode: 'rule' },
    { tun: { enable: false } },
    { 'allow-lan': configs['allow-lan'] },
    { 'mixed-port': configs['mixed-port'] },
  ])
    await page.act('PATCH', '/configs', change);

  const { proxies, providers } = await readProxies(page);
  const selector = groupOf(proxies, 'Selector');
  await page.act('PUT', `/proxies/${segment(selector.name)}`, { name: selector.all.at(-1) });
  assert.equal((await page.get('/proxies')).proxies[selector.name].now, selector.all.at(-1));
  await unpin(page, proxies);
  await measure(scene, proxies, providers);
  const again = (await page.get('/proxies')).proxies;
  assert.ok(
    Object.values<Json>(again).some(
      ({ history, extra }) => history.length > 0 && Object.keys(extra).length > 0,
    ),
    'delays can be read back',
  );
  await useProviders(page, providers);
  await readRules(page);
  await closeConnections(scene, true);

  await page.act('PUT', '/configs?reload=true', RELOAD);
  await page.act('PUT', '/configs?force=true', RELOAD);
  await act(page);
  await askDns(scene, ['A', 'AAAA', 'HTTPS', 'PTR']);
}

function assertConfigs(configs: Json): void {
  for (const port of PORTS) assert.equal(typeof configs[port], 'number', port);
  assert.equal(typeof configs['allow-lan'], 'boolean');
  assert.equal(typeof configs.tun.enable, 'boolean');
  assert.ok(['rule', 'global', 'direct'].includes(configs.mode));
}

/** The four streams that are open all the time. */
async function watchStreams(scene: DashboardScene, alwaysToken: boolean): Promise<void> {
  const open = (path: string): Promise<Follower> => scene.page.follow(path, alwaysToken);
  const connections = await open('/connections');
  const first = await connections.next();
  assert.ok(first.connections === null || Array.isArray(first.connections));
  assert.equal(typeof first.uploadTotal, 'number');
  assert.equal(typeof first.downloadTotal, 'number');
  const traffic = await open('/traffic');
  const { up, down, upTotal, downTotal } = await traffic.next();
  for (const value of [up, down, upTotal, downTotal]) assert.equal(typeof value, 'number');
  const memory = await open('/memory');
  assert.equal((await memory.next()).inuse, 0);
  assert.ok((await memory.next()).inuse > 0);
  const logs = await open('/logs?level=info');
  await scene.openConnection();
  const line = await logs.next();
  assert.equal(typeof line.payload, 'string');
  assert.ok(['info', 'warning', 'error', 'debug'].includes(line.type), line.type);
  for (const follower of [connections, traffic, memory, logs]) follower.close();
  await assert.rejects(scene.stranger.follow('/traffic', alwaysToken), /no WebSocket/);
}

async function readProxies(page: DashboardClient): Promise<{ proxies: Json; providers: Json }> {
  const { proxies } = await page.get('/proxies');
  const { providers } = await page.get('/providers/proxies');
  assert.ok(proxies !== null && providers !== null);
  for (const [name, proxy] of Object.entries<Json>(proxies)) {
    assert.equal(proxy.name, name);
    for (const member of ['type', 'dialer-proxy', 'provider-name'])
      assert.equal(typeof proxy[member], 'string', member);
    for (const member of ['udp', 'xudp', 'tfo', 'alive'])
      assert.equal(typeof proxy[member], 'boolean', member);
    assert.ok(Array.isArray(proxy.history));
    assert.equal(typeof proxy.extra, 'object');
    if (proxy.all === undefined) continue;
    assert.ok(proxy.all.length > 0);
    assert.equal(typeof proxy.hidden, 'boolean');
    assert.equal(typeof proxy.icon, 'string');
    if (name !== 'GLOBAL') assert.ok(proxies.GLOBAL.all.includes(name), `GLOBAL lacks ${name}`);
  }
  for (const provider of Object.values<Json>(providers)) {
    assert.ok(Array.isArray(provider.proxies));
    assert.ok(Number.isFinite(Date.parse(provider.updatedAt)), provider.updatedAt);
    assert.equal(typeof provider.testUrl, 'string');
  }
  return { proxies, providers };
}

function groupOf(proxies: Json, type: string): Json {
  const found = Object.values<Json>(proxies).find((proxy) => proxy.type === type && proxy.name !== 'GLOBAL');
  assert.ok(found, `there is no ${type}`);
  return found;
}

async function unpin(page: DashboardClient, proxies: Json): Promise<void> {
  const automatic = groupOf(proxies, 'URLTest');
  const path = `/proxies/${segment(automatic.name)}`;
  await page.act('PUT', path, { name: automatic.all[0] });
  assert.equal((await page.get(path)).fixed, automatic.all[0]);
  await page.act('DELETE', path);
  assert.equal((await page.get(path)).fixed, '');
}

async function measure({ page, testUrl }: DashboardScene, proxies: Json, providers: Json): Promise<void> {
  const query = `url=${segment(testUrl)}&timeout=5000`;
  assert.ok((await page.get(`/proxies/DIRECT/delay?${query}`)).delay > 0);
  const [provider, node] = listedNode(providers);
  const path = `/providers/proxies/${segment(provider.name)}/${segment(node.name)}/healthcheck`;
  assert.ok((await page.get(`${path}?${query}`)).delay > 0);
  const delays = await page.get(`/group/${segment(groupOf(proxies, 'Selector').name)}/delay?${query}`);
  for (const delay of Object.values<Json>(delays)) assert.equal(typeof delay, 'number');
}

/** The providers a dashboard shows, and a node of one. */
function listedNode(providers: Json): readonly [Json, Json] {
  const provider = Object.values<Json>(providers).find(
    ({ name, vehicleType, proxies }) =>
      name !== 'default' && vehicleType !== 'Compatible' && proxies.length > 0,
  );
  assert.ok(provider, 'there is no provider to show');
  return [provider, provider.proxies[0]];
}

async function useProviders(page: DashboardClient, providers: Json): Promise<void> {
  const [provider] = listedNode(providers);
  const path = `/providers/proxies/${segment(provider.name)}`;
  await page.act('PUT', path);
  await page.act('GET', `${path}/healthcheck`);
}

async function readRules(page: DashboardClient): Promise<void> {
  const { rules } = await page.get('/rules');
  assert.ok(Array.isArray(rules) && rules.length > 0);
  const { providers } = await page.get('/providers/rules');
  assert.ok(providers !== null);
  for (const [place, rule] of rules.entries()) {
    assert.equal(rule.index, place);
    for (const member of ['type', 'payload', 'proxy']) assert.equal(typeof rule[member], 'string');
    assert.equal(typeof rule.extra.disabled, 'boolean');
    if (rule.type === 'RuleSet') assert.equal(typeof providers[rule.payload].ruleCount, 'number');
  }
  await page.act('PATCH', '/rules/disable', { 0: true });
  assert.equal((await page.get('/rules')).rules[0].extra.disabled, true);
  await page.act('PATCH', '/rules/disable', { 0: false });
  assert.equal((await page.get('/rules')).rules[0].extra.disabled, false);
  for (const name of Object.keys(providers)) await page.act('PUT', `/providers/rules/${segment(name)}`);
}

async function closeConnections(scene: DashboardScene, alwaysToken: boolean): Promise<void> {
  await scene.openConnection();
  const follower = await scene.page.follow('/connections', alwaysToken);
  const { connections } = await follower.next();
  follower.close();
  assert.ok(connections.length > 0);
  for (const { metadata, chains, rule, rulePayload, start } of connections) {
    for (const member of [
      'host',
      'sniffHost',
      'destinationIP',
      'destinationPort',
      'sourceIP',
      'sourcePort',
      'network',
      'type',
    ])
      assert.equal(typeof metadata[member], 'string', member);
    assert.ok(Array.isArray(chains));
    assert.equal(typeof rule, 'string');
    assert.equal(typeof rulePayload, 'string');
    assert.ok(Number.isFinite(Date.parse(start)));
  }
  await scene.page.act('DELETE', `/connections/${connections[0].id}`);
  await scene.page.act('DELETE', '/connections');
}

/** The buttons that stay inside the gateway; of those that restart it or fetch from the internet, only whether they may be pressed. */
async function act(page: DashboardClient): Promise<void> {
  for (const path of ['/restart', '/upgrade?channel=release', '/upgrade?channel=alpha', '/upgrade/ui'])
    await page.askFirst('POST', path);
  await page.act('POST', '/cache/fakeip/flush');
  await page.act('POST', '/cache/dns/flush');
  await page.act('POST', '/configs/geo');
}

async function askDns({ page, known }: DashboardScene, types: readonly string[]): Promise<void> {
  for (const type of types) {
    const name = type === 'PTR' ? `${known.address.split('.').reverse().join('.')}.in-addr.arpa` : known.name;
    const answer = await page.get(`/dns/query?name=${segment(name)}&type=${type}`);
    assert.equal(answer.Status, 0);
    if (type === 'A') assert.equal(answer.Answer[0].data, known.address);
  }
}
