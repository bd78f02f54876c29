import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeConfig } from '@sluice/core/config/decode';
import type { ConfigIssue } from '@sluice/core/config/issue';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import { checkRoute } from './config/check-route.ts';
import { refuseErrors, resolveParts, resolveTables } from './config/resolve-route.ts';
import { type RouteConfig, routeConfigSchema } from './config.ts';
import { NO_TRAITS } from './outbound/outbound.ts';
import { SafePaths } from './provider/safe-paths.ts';
import { testResources } from './rule/testing/rule-resources.ts';

/** Decodes and checks a document as the loader does. */
function load(yaml: string): { readonly config: RouteConfig; readonly issues: readonly ConfigIssue[] } {
  const parsed = parseYamlConfig(yaml, 'test.yaml');
  const decoded = decodeConfig<RouteConfig>(routeConfigSchema, parsed.node);
  const isDecoded = ![...parsed.issues, ...decoded.issues].some(({ severity }) => severity === 'error');
  if (isDecoded) checkRoute(decoded.value, '/home/test', decoded.report);
  return { config: decoded.value, issues: [...parsed.issues, ...decoded.issues] };
}

/** The errors as `path: message`. */
function errorsOf(yaml: string): string[] {
  const errors = load(yaml).issues.filter(({ severity }) => severity === 'error');
  return errors.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

/** As a load does it, with geo databases and rule sets that are all empty. */
function resolveRoute(config: RouteConfig) {
  const parts = resolveParts(config, new SafePaths('/home/test', {}), refuseErrors);
  const { geo, findSet } = testResources();
  return { ...parts, ...resolveTables(config, parts, { geo, findSet }, refuseErrors) };
}

function resolve(yaml: string) {
  const { config, issues } = load(yaml);
  assert.deepEqual(
    issues.filter(({ severity }) => severity === 'error'),
    [],
  );
  return resolveRoute(config);
}

const SERVERS = `
proxies:
  - {name: h, type: http, server: h.test, port: 8080}
  - {name: s, type: socks5, server: s.test, port: 1080, udp: true}
  - {name: x, type: ss, server: x.test, port: 8388, cipher: AES-256-GCM, password: 12345, udp: true}
`;

describe('route configuration', () => {
  it('gives every load rules of its own, checked or not', () => {
    const { config } = load('rules: ["MATCH,DIRECT"]');
    const [first, second] = [resolveRoute(config).rules, resolveRoute(config).rules];
    first.setDisabled(new Map([[0, true]]));
    assert.equal(first.views()[0]?.disabled, true);
    assert.equal(second.views()[0]?.disabled, false);
  });

  it('is complete without a line', () => {
    const route = resolve('{}');
    assert.deepEqual(route.ports, { port: 0, socksPort: 0, redirPort: 0, tproxyPort: 0, mixedPort: 7890 });
    assert.equal(route.rules.size, 0);
    assert.equal(route.lanAllowed.includes('::ffff:8.8.8.8'), true);
    assert.equal(route.lanDisallowed.includes('8.8.8.8'), false);
    assert.deepEqual(route.hosts.lookupIps('localhost'), ['127.0.0.1']);
  });

  it('opens the mixed port only where nothing else is asked for', () => {
    assert.equal(resolve('socks-port: 1080').ports.mixedPort, 0);
    assert.equal(resolve('mixed-port: 0').ports.mixedPort, 0);
    assert.deepEqual(resolve('port: 1\nmixed-port: 2').ports, {
      port: 1,
      socksPort: 0,
      redirPort: 0,
      tproxyPort: 0,
      mixedPort: 2,
    });
  });

  it('warns of a port that two inbounds want', () => {
    const { issues } = load('port: 7000\nsocks-port: 7001\nmixed-port: 7000');
    assert.deepEqual(
      issues.map(({ severity, line, message }) => `${severity} ${line} ${message}`),
      ['warning 3 port 7000 is already taken by port'],
    );
  });

  it('reads enumerations in any case', () => {
    assert.equal(load('mode: Global').config.mode, 'global');
    assert.equal(load('log-level: WARNING').config['log-level'], 'warning');
  });

  it('warns of keys that it does not serve or know, and loads', () => {
    const { issues } = load(
      'tun: {enable: true}\nmixd-port: 1\nproxies: [{name: v, type: vmess, server: v.test, port: 1, uuid: u, alterId: 0, cipher: auto}]',
    );
    assert.deepEqual(
      issues.map(({ severity, line, path }) => `${severity} ${line} ${path.join('.')}`),
      ['warning 1 tun', 'warning 2 mixd-port', 'warning 3 proxies.0'],
    );
    assert.equal(issues[2]?.message, 'proxy v: type vmess is not served by this version');
  });

  it('resolves outbounds by their type', () => {
    const common = { ipVersion: 'dual', traits: NO_TRAITS };
    assert.deepEqual(resolve(SERVERS).proxies, [
      {
        ...common,
        name: 'h',
        type: 'http',
        server: 'h.test',
        port: 8080,
        username: '',
        password: '',
        tls: undefined,
        headers: {},
        udp: false,
      },
      {
        ...common,
        name: 's',
        type: 'socks5',
        server: 's.test',
        port: 1080,
        username: '',
        password: '',
        tls: undefined,
        udp: true,
      },
      {
        ...common,
        name: 'x',
        type: 'ss',
        server: 'x.test',
        port: 8388,
        cipher: 'aes-256-gcm',
        password: '12345',
        udp: true,
      },
    ]);
  });

  it('decodes outbounds weakly', () => {
    const [proxy] = resolve(
      'proxies: [{name: 7, Type: http, server: h.test, port: "0x10", tls: 1, skip_cert_verify: true}]',
    ).proxies;
    assert.ok(proxy?.type === 'http');
    assert.equal(proxy.name, '7');
    assert.equal(proxy.port, 16);
    assert.deepEqual(proxy.tls, { serverName: 'h.test', skipCertVerify: true, fingerprint: '' });
  });

  it('lists nodes that it cannot serve as unavailable', () => {
    const { proxies } = resolve(`proxies:
      - {name: a, type: ss, server: a.test, port: 1, cipher: 2022-blake3-aes-128-gcm, password: x}
      - {name: b, type: ss, server: a.test, port: 1, cipher: aes-128-gcm, password: x, plugin: obfs, plugin-opts: {mode: tls}}
      - {name: c, type: trojan, server: a.test, port: 1, password: x}`);
    assert.deepEqual(
      proxies.map((proxy) =>
        proxy.type === 'unavailable' ? `${proxy.apiType}: ${proxy.reason}` : proxy.type,
      ),
      [
        'Shadowsocks: cipher 2022-blake3-aes-128-gcm is not served by this version',
        'Shadowsocks: plugin obfs is not served by this version',
        'Trojan: type trojan is not served by this version',
      ],
    );
  });

  it('resolves groups, with included outbounds by name', () => {
    const { groups } = resolve(`${SERVERS}
proxy-groups:
  - {name: all, type: url-test, proxies: [DIRECT, later], include-all-proxies: true, exclude-type: Http|Direct, url: "http://t.test"}
  - {name: later, type: select, include-all: true, filter: "(?i)^X\`s", hidden: true, expected-status: 200/204-299}
  - {name: none, type: select, include-all-proxies: true, filter: nothing}`);
    assert.deepEqual(
      groups.map(({ name, proxies }) => [name, proxies]),
      [
        ['all', ['DIRECT', 'later', 'h', 's', 'x']],
        ['later', ['x', 's']],
        ['none', ['COMPATIBLE']],
      ],
    );
    assert.equal(groups[0]?.testUrl, 'http://t.test');
    assert.equal(groups[1]?.testUrl, 'https://www.gstatic.com/generate_204');
    assert.equal(groups[1]?.expectedStatus, '200/204-299');
    assert.equal(groups[1]?.hidden, true);
  });

  it('compiles rules against outbounds, groups and built-ins', () => {
    const { rules } = resolve(`${SERVERS}
proxy-groups: [{name: pick, type: select, proxies: [s]}]
rules: ["DOMAIN,a.test,x", "DOMAIN,b.test,pick,inspect", "DOMAIN,c.test,REJECT-DROP", "DOMAIN,d.test,GLOBAL", "MATCH,DIRECT"]`);
    assert.deepEqual(
      rules.views().map(({ proxy }) => proxy),
      ['x', 'pick', 'REJECT-DROP', 'GLOBAL', 'DIRECT'],
    );
  });

  it('resolves hosts by pattern, list and alias', () => {
    const { hosts } = resolve(`hosts:
      "*.one.test": 10.0.0.1
      "+.deep.test": [10.0.0.2, "2001:db8::1"]
      ".below.test": 10.0.0.3
      "exact.one.test": 10.0.0.4
      alias.test: other.test
      other.test: a.deep.test`);
    assert.deepEqual(hosts.lookupIps('x.one.test'), ['10.0.0.1']);
    assert.deepEqual(hosts.lookupIps('exact.one.test'), ['10.0.0.4']);
    assert.equal(hosts.lookupIps('one.test'), undefined);
    assert.equal(hosts.lookupIps('y.x.one.test'), undefined);
    assert.deepEqual(hosts.lookupIps('deep.test'), ['10.0.0.2', '2001:db8::1']);
    assert.deepEqual(hosts.lookupIps('b.a.deep.test'), ['10.0.0.2', '2001:db8::1']);
    assert.equal(hosts.lookupIps('below.test'), undefined);
    assert.deepEqual(hosts.lookupIps('a.below.test'), ['10.0.0.3']);
    assert.equal(hosts.lookupAlias('alias.test'), 'a.deep.test');
    assert.deepEqual(hosts.lookupIps('alias.test'), ['10.0.0.2', '2001:db8::1']);
    assert.equal(hosts.lookupAlias('x.one.test'), undefined);
  });

  it('splits users at the first colon', () => {
    const { users } = resolve('authentication: ["u:p:q", "v:"]');
    assert.deepEqual(
      [...users],
      [
        ['u', 'p:q'],
        ['v', ''],
      ],
    );
    assert.match(load('authentication: [nobody]').issues[0]?.message ?? '', /without ":"/);
  });

  for (const [name, yaml, expected] of [
    ['missing type', 'proxies: [{name: a}]', ['proxies.0: proxy 0: missing type']],
    [
      'missing key',
      'proxies: [{name: a, type: ss, server: a.test, port: 1, cipher: aes-128-gcm}]',
      ["proxies.0: proxy 0: key 'password' missing"],
    ],
    [
      'duplicate outbound',
      'proxies: [{name: a, type: direct}, {name: a, type: reject}]',
      ['proxies.1: proxy a is the duplicate name'],
    ],
    [
      'unknown cipher',
      'proxies: [{name: a, type: ss, server: a.test, port: 1, cipher: rot13, password: x}]',
      ['proxies.0: proxy 0: ss a.test:1 cipher: rot13 initialize error: cipher not supported'],
    ],
    [
      'nameless group',
      'proxy-groups: [{type: select, proxies: [DIRECT]}]',
      ['proxy-groups.0: proxy group 0: missing name'],
    ],
    [
      'duplicate group',
      'proxy-groups: [{name: g, type: select, proxies: [DIRECT]}, {name: g, type: select, proxies: [DIRECT]}]',
      ['proxy-groups.1.name: ProxyGroup g: duplicate group name'],
    ],
    [
      'typeless group',
      'proxy-groups: [{name: g, proxies: [DIRECT]}]',
      ['proxy-groups.0: proxy group[0]: format error'],
    ],
    [
      'group of unknown type',
      'proxy-groups: [{name: g, type: x, proxies: [DIRECT]}]',
      ['proxy-groups.0: proxy group[0]: unsupported type: x'],
    ],
    [
      'group without members',
      'proxy-groups: [{name: g, type: select}]',
      ['proxy-groups.0: proxy group[0]: g: `use` or `proxies` missing'],
    ],
    [
      'unknown member',
      'proxy-groups: [{name: g, type: select, proxies: [no]}]',
      ["proxy-groups.0: proxy group[0]: g: 'no' not found"],
    ],
    [
      'the built-in GLOBAL as a member',
      'proxy-groups: [{name: g, type: select, proxies: [GLOBAL]}]',
      ["proxy-groups.0: proxy group[0]: g: 'GLOBAL' not found"],
    ],
    [
      'unknown strategy',
      'proxy-groups: [{name: g, type: load-balance, strategy: x, proxies: [DIRECT]}]',
      ['proxy-groups.0: proxy group[0]: unsupported strategy: x'],
    ],
    [
      'bad status ranges',
      'proxy-groups: [{name: g, type: select, expected-status: x, proxies: [DIRECT]}]',
      ['proxy-groups.0: proxy group[0]: g: intRanges error'],
    ],
    [
      'loop of groups',
      'proxy-groups: [{name: a, type: select, proxies: [b]}, {name: b, type: select, proxies: [DIRECT, a]}]',
      ['proxy-groups.0.proxies: loop is detected in ProxyGroup, please check following ProxyGroups: [a b]'],
    ],
    [
      'bad rules, all of them',
      'rules: ["DOMAIN,a.test,no", "MATCH,DIRECT", "IP-CIDR,x,DIRECT"]',
      [
        'rules.0: rules[0] [DOMAIN,a.test,no] error: proxy [no] not found',
        'rules.2: rules[2] [IP-CIDR,x,DIRECT] error: payloadRule error',
      ],
    ],
    ['bad host value', 'hosts: {a.test: nonsense}', ['hosts.a.test: nonsense is not a valid value']],
    [
      'cycle of hosts',
      'hosts: {a.test: b.test, b.test: a.test}',
      [
        'hosts.a.test: a.test, there is a cycle in domain name mapping',
        'hosts.b.test: b.test, there is a cycle in domain name mapping',
      ],
    ],
    [
      'bad prefix',
      'lan-allowed-ips: [10.0.0.0/8, 10.0.0.1]',
      ['lan-allowed-ips.1: "10.0.0.1" is not a prefix like 192.168.0.0/16'],
    ],
  ] as const) {
    it(`refuses ${name}`, () => assert.deepEqual(errorsOf(yaml), expected));
  }

  it('stops a load at the first error with its text', () => {
    const { config } = load('rules: ["MATCH,no"]');
    assert.throws(() => resolveRoute(config), {
      code: 'route.config',
      message: 'rules[0] [MATCH,no] error: proxy [no] not found',
    });
    const group = load('proxy-groups: [{name: g, type: select, proxies: [no]}]');
    assert.throws(() => resolveRoute(group.config), {
      code: 'route.config',
      message: "proxy group[0]: g: 'no' not found",
    });
  });
});
