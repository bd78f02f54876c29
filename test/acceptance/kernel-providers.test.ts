import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import type { Ipv6Words } from '@sluice/base/ip';
import { encodeMrsDomains } from '@sluice/codec/mrs/encode-domains';
import { encodeMrsRanges } from '@sluice/codec/mrs/ranges';
import { KernelScene, type RouteKeys, type ScriptedWeb } from '../support/kernel-scene.ts';
import { ScriptedProxy } from '../support/scripted-proxy.ts';
import { until } from '../support/until.ts';

const NODES = 'proxies:\n  - { name: one, type: direct }\n  - { name: two, type: reject }\n';
const DOMAINS = ['+.sub.test', 'exact.test', '*.star.test', '.below.test', '+.jp', 'a.*.mid.test'];
const DOMAIN_HOSTS = [
  'sub.test',
  'a.sub.test',
  'exact.test',
  'a.exact.test',
  'star.test',
  'x.star.test',
  'y.x.star.test',
  'below.test',
  'x.below.test',
  'y.x.below.test',
  'x.jp',
  'jp',
  'a.b.mid.test',
  'a.mid.test',
  'other.test',
];
const NETWORKS = ['192.0.2.0/24', '198.51.100.7/32', '2001:db8::/32'];
const NETWORK_HOSTS = [
  '192.0.2.0',
  '192.0.2.255',
  '192.0.3.0',
  '198.51.100.7',
  '198.51.100.8',
  '2001:db8::1',
  '2001:db9::1',
];

describe('providers from a web server', () => {
  let scene: KernelScene;
  let web: ScriptedWeb;
  let keys: RouteKeys;

  beforeEach(async () => {
    scene = new KernelScene();
    web = await scene.web();
    web.answers.set('/nodes', {
      body: NODES,
      headers: { etag: '"v1"', 'Subscription-Userinfo': 'upload=1; download=2; total=10; expire=1893456000' },
    });
    keys = {
      'proxy-providers': { sub: { type: 'http', url: `${web.base}/nodes`, path: './sub.yaml', interval: 0 } },
      'proxy-groups': [{ name: 'G', type: 'select', use: ['sub'] }],
      rules: ['MATCH,G'],
    };
  });
  afterEach(() => scene.close());

  const members = async (): Promise<string[]> => (await scene.get('/proxies/G')).all;
  const provider = () => scene.get('/providers/proxies/sub');
  const update = (name = 'sub') => scene.api('PUT', `/providers/proxies/${name}`);

  it('loads, keeps a copy, asks with the tag it was given, and keeps what it has on 304', async () => {
    await scene.start(keys);
    assert.deepEqual(await members(), ['one', 'two']);
    assert.equal(readFileSync(join(scene.folder, 'sub.yaml'), 'utf8'), NODES);
    const shown = await provider();
    assert.deepEqual(
      [shown.type, shown.vehicleType, shown.subscriptionInfo],
      ['Proxy', 'HTTP', { Upload: 1, Download: 2, Total: 10, Expire: 1_893_456_000 }],
    );
    assert.match(String(web.requests[0]?.headers['user-agent']), /^clash\.meta\//);
    web.answers.set('/nodes', { status: 304, headers: { etag: '"v1"' } });
    assert.equal((await update()).status, 204);
    assert.equal(web.requests.at(-1)?.headers['if-none-match'], '"v1"');
    assert.deepEqual(await members(), ['one', 'two']);
    web.answers.set('/nodes', { body: 'proxies: [{name: three, type: direct}]', headers: { etag: '"v2"' } });
    assert.equal((await update()).status, 204);
    assert.deepEqual(await members(), ['three']);
  });

  it('keeps nodes and copy whatever a broken server says', async () => {
    await scene.start(keys);
    for (const answer of [
      { status: 500, body: 'proxies: [{name: evil, type: direct}]' },
      { status: 404, body: 'not here' },
      { body: '<html><body>502 Bad Gateway</body></html>' },
      { body: '' },
      { body: 'proxies: []' },
      { body: 'rules: [a]' },
      { body: '{"error":"limit"}' },
      { body: 'proxies: [{name: x}]' },
      { body: Buffer.from([0xff, 0xfe, 0, 1, 2]) },
    ]) {
      web.answers.set('/nodes', answer);
      const { status } = await update();
      assert.equal(status, 503, String(answer.body));
      assert.deepEqual(await members(), ['one', 'two'], String(answer.body));
      assert.equal(readFileSync(join(scene.folder, 'sub.yaml'), 'utf8'), NODES);
    }
    web.close();
    assert.equal((await update()).status, 503);
    assert.deepEqual(await members(), ['one', 'two']);
  });

  it('starts from the copy while the server is away, and knows the subscription still', async () => {
    await scene.start(keys);
    await scene.stop();
    web.close();
    await scene.start(keys);
    assert.deepEqual(await members(), ['one', 'two']);
    assert.equal((await provider()).subscriptionInfo.Total, 10);
  });

  it('starts without copy and server, and loads when asked', async () => {
    web.answers.delete('/nodes');
    await scene.start(keys);
    assert.deepEqual(await members(), ['COMPATIBLE']);
    await scene.logged('initial proxy provider sub error: 404 Not Found');
    assert.ok(!existsSync(join(scene.folder, 'sub.yaml')));
    web.answers.set('/nodes', NODES);
    assert.equal((await update()).status, 204);
    assert.deepEqual(await members(), ['one', 'two']);
  });

  it('reads links in base64, filters and renames nodes, and sends its own headers', async () => {
    const userinfo = Buffer.from('aes-256-gcm:pw').toString('base64url');
    const links = [
      `ss://${userinfo}@127.0.0.1:8388#HK%201`,
      `ss://${userinfo}@127.0.0.1:8388#HK%201`,
      'trojan://pw@example.test:443?sni=x.test#SG 1',
      'socks://127.0.0.1:1080#HK 2',
      'nonsense://x',
      'broken',
    ].join('\n');
    web.answers.set('/nodes', Buffer.from(links).toString('base64'));
    const sub = {
      type: 'http',
      url: `${web.base}/nodes`,
      header: { 'User-Agent': ['me/1'], 'X-Token': ['t'] },
      filter: 'HK`SG',
      'exclude-type': 'trojan',
      override: {
        'additional-prefix': '[p] ',
        'additional-suffix': ' !',
        'proxy-name': [{ pattern: 'HK (\\d)', target: 'Hong Kong $1' }],
        'dialer-proxy': 'DIRECT',
        udp: false,
      },
    };
    await scene.start({ ...keys, 'proxy-providers': { sub } });
    assert.deepEqual(await members(), ['[p] Hong Kong 1 !', '[p] Hong Kong 1-01 !', '[p] Hong Kong 2 !']);
    const { proxies } = await provider();
    assert.deepEqual(
      proxies.map((node: Record<string, unknown>) => [node['type'], node['udp'], node['dialer-proxy']]),
      [
        ['Shadowsocks', false, 'DIRECT'],
        ['Shadowsocks', false, 'DIRECT'],
        ['Socks5', false, 'DIRECT'],
      ],
    );
    assert.deepEqual(
      [web.requests[0]?.headers['user-agent'], web.requests[0]?.headers['x-token']],
      ['me/1', 't'],
    );
  });

  it('checks the health of nodes with the status it expects', async () => {
    web.answers.set('/health', { status: 403 });
    const node = new ScriptedProxy();
    const dead = new ScriptedProxy();
    dead.isDown = true;
    scene.rig.onClose(() => {
      node.close();
      dead.close();
    });
    const listed = [
      { name: 'up', type: 'http', server: '127.0.0.1', port: await node.listen() },
      { name: 'down', type: 'http', server: '127.0.0.1', port: await dead.listen() },
    ];
    web.answers.set('/nodes', JSON.stringify({ proxies: listed }));
    const check = { enable: true, url: `${web.base}/health`, interval: 3_600, lazy: false };
    const sub = { type: 'http', url: `${web.base}/nodes`, path: './s.yaml' };
    await scene.start({
      ...keys,
      'proxy-providers': {
        sub: { ...sub, 'health-check': { ...check, 'expected-status': '200-299/403' } },
      },
    });
    const health = async () => {
      const { proxies } = await provider();
      return proxies.map(
        (each: { name: string; alive: boolean; extra: Record<string, { alive: boolean }> }) => [
          each.name,
          each.extra[check.url]?.alive,
        ],
      );
    };
    await until('the first check', async () => ((await health())[1][1] === false ? true : undefined));
    assert.deepEqual(await health(), [
      ['up', true],
      ['down', false],
    ]);
    web.answers.set('/health', { status: 500 });
    dead.isDown = false;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.equal((await scene.api('GET', '/providers/proxies/sub/healthcheck')).status, 204);
    assert.deepEqual(await health(), [
      ['up', false],
      ['down', false],
    ]);
    const path = `/providers/proxies/sub/down/healthcheck?url=${encodeURIComponent(check.url)}&timeout=5000&expected=500`;
    assert.ok((await scene.get(path)).delay > 0);
  });

  it('follows a file', async () => {
    const file = join(scene.folder, 'list.yaml');
    writeFileSync(file, NODES);
    await scene.start({ ...keys, 'proxy-providers': { sub: { type: 'file', path: './list.yaml' } } });
    assert.deepEqual(await members(), ['one', 'two']);
    writeFileSync(file, 'proxies: [{name: new, type: direct}]');
    await until('the new nodes', async () => ((await members())[0] === 'new' ? true : undefined));
    writeFileSync(file, 'proxies: [');
    writeFileSync(file, 'proxies: [{name: newer, type: direct}]');
    await until('the newer nodes', async () => ((await members())[0] === 'newer' ? true : undefined));
    assert.deepEqual((await provider()).vehicleType, 'File');
  });

  it('downloads through the outbound it names, and fails through one that is not there', async () => {
    const sub = { type: 'http', url: `${web.base}/nodes`, proxy: 'nobody' };
    await scene.start({ ...keys, 'proxy-providers': { sub } });
    assert.equal(web.requests.length, 0);
    await scene.logged('initial proxy provider sub error:');
  });

  it('matches the same by every format of a rule set', async () => {
    const ranges: { from: Ipv6Words; to: Ipv6Words }[] = [
      { from: [0, 0, 0xffff, 0xc0000200], to: [0, 0, 0xffff, 0xc00002ff] },
      { from: [0, 0, 0xffff, 0xc6336407], to: [0, 0, 0xffff, 0xc6336407] },
      { from: [0x20010db8, 0, 0, 0], to: [0x20010db8, 0xffffffff, 0xffffffff, 0xffffffff] },
    ];
    const classical = ['DOMAIN-SUFFIX,sub.test', 'DOMAIN,exact.test', 'IP-CIDR,192.0.2.0/24,no-resolve'];
    const yaml = (entries: readonly string[]) =>
      `# list\npayload:\n${entries.map((entry) => `  - '${entry}'\n`).join('')}`;
    const text = (entries: readonly string[]) => `# list\n\n// more\n${entries.join('\n')}\n`;
    const sets: readonly [string, string, string, string | Buffer][] = [
      ['d-yaml', 'domain', 'yaml', yaml(DOMAINS)],
      ['d-text', 'domain', 'text', text(DOMAINS)],
      ['d-mrs', 'domain', 'mrs', zstdCompressSync(encodeMrsDomains(DOMAINS))],
      ['i-yaml', 'ipcidr', 'yaml', yaml(NETWORKS)],
      ['i-text', 'ipcidr', 'text', text(NETWORKS)],
      ['i-mrs', 'ipcidr', 'mrs', zstdCompressSync(encodeMrsRanges(ranges))],
      ['c-yaml', 'classical', 'yaml', yaml(classical)],
      ['c-text', 'classical', 'text', text(classical)],
    ];
    for (const [name, , , body] of sets) web.answers.set(`/${name}`, { body });
    const options = (behavior: string, format: string, name: string) => ({
      type: 'http',
      behavior,
      format,
      url: `${web.base}/${name}`,
    });
    await scene.start({
      'rule-providers': {
        ...Object.fromEntries(
          sets.map(([name, behavior, format]) => [name, options(behavior, format, name)]),
        ),
        'd-inline': { type: 'inline', behavior: 'domain', payload: DOMAINS },
      },
      'sub-rules': Object.fromEntries(
        [...sets.map(([name]) => name), 'd-inline'].map((name) => [
          name,
          [`RULE-SET,${name},DIRECT,no-resolve`, 'MATCH,REJECT'],
        ]),
      ),
      listeners: [],
      rules: [
        ...[...sets.map(([name]) => name), 'd-inline'].map((name) => `SUB-RULE,(IN-NAME,${name}),${name}`),
        'MATCH,DIRECT',
      ],
    });
    const matches = async (set: string, hosts: readonly string[]) => {
      const found = [];
      for (const host of hosts) {
        const { chains } = await scene.gateway.app.route.control.explain({
          host,
          port: 443,
          network: 'tcp',
          sourceIp: '10.0.0.1',
          inboundName: set,
        });
        if (chains[0] === 'DIRECT') found.push(host);
      }
      return found;
    };
    const domains = [
      'sub.test',
      'a.sub.test',
      'exact.test',
      'x.star.test',
      'x.below.test',
      'y.x.below.test',
      'x.jp',
      'jp',
      'a.b.mid.test',
    ];
    for (const set of ['d-yaml', 'd-text', 'd-inline', 'd-mrs'])
      assert.deepEqual(await matches(set, DOMAIN_HOSTS), domains, set);
    const networks = ['192.0.2.0', '192.0.2.255', '198.51.100.7', '2001:db8::1'];
    for (const set of ['i-yaml', 'i-text', 'i-mrs'])
      assert.deepEqual(await matches(set, NETWORK_HOSTS), networks, set);
    for (const set of ['c-yaml', 'c-text'])
      assert.deepEqual(
        await matches(set, ['a.sub.test', 'exact.test', 'a.exact.test', '192.0.2.9', '192.0.3.9']),
        ['a.sub.test', 'exact.test', '192.0.2.9'],
        set,
      );
    const { providers } = await scene.get('/providers/rules');
    assert.deepEqual(
      sets.map(([name]) => [providers[name].behavior, providers[name].format, providers[name].ruleCount]),
      [
        ['Domain', 'YamlRule', 6],
        ['Domain', 'TextRule', 6],
        ['Domain', 'MrsRule', 6],
        ['IPCIDR', 'YamlRule', 3],
        ['IPCIDR', 'TextRule', 3],
        ['IPCIDR', 'MrsRule', 3],
        ['Classical', 'YamlRule', 3],
        ['Classical', 'TextRule', 3],
      ],
    );

    web.answers.set('/d-mrs', 'garbage');
    assert.equal((await scene.api('PUT', '/providers/rules/d-mrs')).status, 503);
    assert.deepEqual(await matches('d-mrs', ['sub.test', 'other.test']), ['sub.test']);
    web.answers.set('/d-text', 'other.test\n');
    assert.equal((await scene.api('PUT', '/providers/rules/d-text')).status, 204);
    assert.deepEqual(await matches('d-text', ['sub.test', 'other.test']), ['other.test']);
  });

  it('refreshes a copy that is older than its interval, and leaves a fresh one alone', async () => {
    const sub = { type: 'http', url: `${web.base}/nodes`, path: './sub.yaml', interval: 3_600 };
    await scene.start({ ...keys, 'proxy-providers': { sub } });
    assert.equal(web.requests.length, 1);
    await scene.stop();
    await scene.start({ ...keys, 'proxy-providers': { sub } });
    assert.equal(web.requests.length, 1);
    await scene.stop();
    const old = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(join(scene.folder, 'sub.yaml'), old, old);
    await scene.start({ ...keys, 'proxy-providers': { sub } });
    await until('the refresh', () => (web.requests.length === 2 ? true : undefined));
    await until('the new time', () =>
      statSync(join(scene.folder, 'sub.yaml')).mtimeMs > old.getTime() + 1_000 ? true : undefined,
    );
    rmSync(join(scene.folder, 'sub.yaml'));
  });
});
