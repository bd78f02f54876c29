import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeConfig } from '@sluice/core/config/decode';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import { checkRoute } from './config/check-route.ts';
import { type RouteConfig, routeConfigSchema } from './config.ts';

/** The errors that a kernel file gets, as the control API would say them. */
function errorsOf(yaml: string): readonly string[] {
  const parsed = parseYamlConfig(yaml, 'config.yaml');
  const decoded = decodeConfig<RouteConfig>(routeConfigSchema, parsed.node);
  checkRoute(decoded.value, '/home/test', decoded.report);
  return [...parsed.issues, ...decoded.issues].flatMap(({ severity, message }) =>
    severity === 'error' ? [message] : [],
  );
}

const SS = 'proxies: [{name: s, type: ss, server: a.test, port: 1, cipher: aes-128-gcm, password: x}]';
const DNS = (keys: string) => `dns: {enable: true, nameserver: [1.1.1.1], ${keys}}`;

describe('the catalogue of load errors', () => {
  for (const [yaml, expected] of [
    ['proxies: [{name: a}]', 'proxy 0: missing type'],
    ['proxies: [{name: a, type: direct}, {name: a, type: direct}]', 'proxy a is the duplicate name'],
    ['proxies: [{type: direct}]', "proxy 0: key 'name' missing"],
    [
      'proxy-providers: {default: {type: inline, payload: []}}',
      'can not defined a provider called `default`',
    ],
    [
      'proxy-providers: {p: {type: carrier-pigeon}}',
      'parse proxy provider p error: unsupport vehicle type: carrier-pigeon',
    ],
    [
      'rule-providers: {r: {type: carrier-pigeon, behavior: domain}}',
      'unsupported vehicle type: carrier-pigeon',
    ],
    ['rule-providers: {r: {type: inline, behavior: odd}}', 'unsupported behavior type: odd'],
    ['rule-providers: {r: {type: inline, behavior: domain, format: odd}}', 'unsupported format type: odd'],
    [
      'rule-providers: {r: {type: http, behavior: domain, url: "http://r.test/", path: /etc/passwd}}',
      'path is not subpath of home directory: /etc/passwd',
    ],
    ['proxy-groups: [{type: select, proxies: [DIRECT]}]', 'proxy group 0: missing name'],
    [
      `${SS}\nproxy-groups: [{name: s, type: select, proxies: [DIRECT]}]`,
      'proxy group s: the duplicate name',
    ],
    [
      'proxy-groups: [{name: g, type: select, proxies: [DIRECT]}, {name: g, type: select, proxies: [DIRECT]}]',
      'ProxyGroup g: duplicate group name',
    ],
    [
      'proxy-groups: [{name: a, type: select, proxies: [b]}, {name: b, type: select, proxies: [a]}]',
      'loop is detected in ProxyGroup, please check following ProxyGroups: [a b]',
    ],
    ['proxy-groups: [{name: g, proxies: [DIRECT]}]', 'proxy group[0]: format error'],
    ['proxy-groups: [{name: g, type: odd, proxies: [DIRECT]}]', 'proxy group[0]: unsupported type: odd'],
    ['proxy-groups: [{name: g, type: select}]', 'proxy group[0]: g: `use` or `proxies` missing'],
    ['proxy-groups: [{name: g, type: select, proxies: [no]}]', "proxy group[0]: g: 'no' not found"],
    [
      'proxy-groups: [{name: g, type: load-balance, proxies: [DIRECT], strategy: odd}]',
      'proxy group[0]: unsupported strategy: odd',
    ],
    [
      'proxy-groups: [{name: g, type: fallback, proxies: [DIRECT], expected-status: x}]',
      'proxy group[0]: g: intRanges error',
    ],
    ['listeners: [{type: socks, port: 1}]', "proxy 0: key 'name' missing"],
    ['listeners: [{name: a, port: 1}]', 'proxy 0: missing type'],
    ['listeners: [{name: a, type: odd, port: 1}]', 'proxy 0: unsupport proxy type: odd'],
    [
      'listeners: [{name: a, type: socks, port: 1}, {name: a, type: http, port: 2}]',
      'listener a is the duplicate name',
    ],
    ['rules: ["DOMAIN"]', 'rules[0] [DOMAIN] error: format invalid'],
    ['rules: ["MATCH,no"]', 'rules[0] [MATCH,no] error: proxy [no] not found'],
    [
      'rules: ["SUB-RULE,(NETWORK,UDP),no"]',
      'rules[0] [SUB-RULE,(NETWORK,UDP),no] error: sub-rule [no] not found',
    ],
    ['rules: ["RULE-SET,no,DIRECT"]', 'rules[0] [RULE-SET,no,DIRECT] error: rule set [no] not found'],
    ['rules: ["ODD,a,DIRECT"]', 'rules[0] [ODD,a,DIRECT] error: unsupported rule type ODD'],
    ['rules: ["IP-CIDR,1.2.3.4,DIRECT"]', 'rules[0] [IP-CIDR,1.2.3.4,DIRECT] error: payloadRule error'],
    [
      'sub-rules: {a: ["SUB-RULE,(NETWORK,UDP),b"], b: ["SUB-RULE,(NETWORK,TCP),a"]}',
      'sub-rule error: circular references [a->b->a]',
    ],
    ['sub-rules: {a: ["MATCH,no"]}', 'sub-rules[a][0] [MATCH,no] error: proxy [no] not found'],
    ['hosts: {a.test: nonsense}', 'nonsense is not a valid value'],
    ['hosts: {a.test: a.test}', 'a.test, there is a cycle in domain name mapping'],
    ['dns: {enable: true, nameserver: []}', 'if DNS configuration is turned on, NameServer cannot be empty'],
    [
      DNS('respect-rules: true'),
      'if “respect-rules” is turned on, “proxy-server-nameserver” cannot be empty',
    ],
    [DNS('default-nameserver: [dns.test]'), 'default nameserver should be pure IP'],
    [DNS('default-nameserver: []'), 'default nameserver should have at least one nameserver'],
    [DNS('fallback: ["odd://1.1.1.1"]'), 'DNS NameServer[0] unsupport scheme: odd'],
    [DNS('fallback: ["rcode://odd"]'), 'unsupported RCode type: odd'],
    [DNS('enhanced-mode: odd'), 'invalid mode'],
    [DNS('fake-ip-range: 198.18.0.1/31'), "ipnet don't have valid ip"],
    [DNS('nameserver-policy: {"rule-set:no": 1.1.1.1}'), 'not found rule-set: no'],
    ['tunnels: ["tcp,127.0.0.1:1,a.test:1,no"]', 'tunnel proxy no not found'],
    ['tunnels: ["tcp,127.0.0.1:1"]', 'invalid tunnel config tcp,127.0.0.1:1'],
    ['tunnels: ["icmp,127.0.0.1:1,a.test:1"]', 'invalid tunnel network icmp'],
    ['tunnels: ["tcp,nowhere,a.test:1"]', 'invalid tunnel target or address nowhere'],
    ['sniffer: {enable: true, sniff: {ODD: {}}}', 'not find the sniffer[ODD]'],
    ['external-ui-name: ../x', 'external UI name is not local: ../x'],
  ] as const) {
    it(`says ${expected}`, () => {
      const errors = errorsOf(yaml);
      assert.ok(errors.includes(expected), `${yaml} gave ${JSON.stringify(errors)}`);
    });
  }
});
