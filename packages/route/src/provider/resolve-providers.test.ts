import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeConfig } from '@sluice/core/config/decode';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import Type from 'typebox';
import {
  proxyProvidersSchema,
  type RawProxyProvider,
  type RawRuleProvider,
  ruleProvidersSchema,
} from './provider-schema.ts';
import { resolveProxyProviders, resolveRuleProviders } from './resolve-providers.ts';
import { SafePaths } from './safe-paths.ts';

type Sections = {
  readonly 'proxy-providers': Record<string, RawProxyProvider>;
  readonly 'rule-providers': Record<string, RawRuleProvider>;
};

function resolve(yaml: string, environment: Record<string, string> = {}) {
  const schema = Type.Object({
    'proxy-providers': proxyProvidersSchema,
    'rule-providers': ruleProvidersSchema,
  });
  const { value, issues } = decodeConfig<Sections>(schema, parseYamlConfig(yaml, 'test.yaml').node);
  const reports = issues.map(({ message }) => message);
  const report = (severity: string, path: readonly (string | number)[], message: string) =>
    void reports.push(`${severity} ${path.join('.')}: ${message}`);
  const paths = new SafePaths('/home/u', environment);
  return {
    proxies: resolveProxyProviders(value['proxy-providers'], paths, report),
    rules: resolveRuleProviders(value['rule-providers'], paths, report),
    reports,
  };
}

describe('providers in the configuration', () => {
  it('resolves where proxy providers get their nodes, and how they are tested', () => {
    const { proxies, reports } = resolve(`
p: &p {type: http, interval: 3600, health-check: {enable: true, url: http://t.test, interval: 0}}
proxy-providers:
  sub: {<<: *p, url: "https://sub.test/a", header: {User-Agent: [x], Accept: [a, b]}, size-limit: 100, proxy: DIRECT}
  file: {Type: file, path: ./sub/a.yaml, health_check: {url: http://t.test, expected-status: "204/200-202", timeout: 10, lazy: false}}
  in: {type: inline, payload: [{name: n, type: direct}]}`);
    assert.deepEqual(reports, ['unknown key is ignored']);
    assert.deepEqual(proxies[0]?.source, {
      kind: 'http',
      url: 'https://sub.test/a',
      path: '/home/u/proxies/308ecc8472c8ca47d89c6e74ade5a324',
      intervalSeconds: 3600,
      outbound: 'DIRECT',
      headers: { 'user-agent': ['x'], accept: ['a', 'b'] },
      sizeLimitBytes: 100,
    });
    assert.deepEqual(proxies[0]?.healthCheck, {
      url: 'http://t.test',
      expectedStatus: '*',
      intervalSeconds: 300,
      timeoutMs: 5000,
      lazy: true,
    });
    assert.deepEqual(proxies[1]?.source, { kind: 'file', path: '/home/u/sub/a.yaml' });
    assert.deepEqual(proxies[1]?.healthCheck, {
      url: 'http://t.test',
      expectedStatus: '204/200-202',
      intervalSeconds: 0,
      timeoutMs: 10,
      lazy: false,
    });
    assert.deepEqual(proxies[2]?.payload, [{ name: 'n', type: 'direct' }]);
  });

  it('refuses what cannot be a provider', () => {
    const { reports } = resolve(`
proxy-providers:
  default: {type: inline, payload: [{name: n, type: direct}]}
  a: {url: http://a.test}
  b: {type: ftp}
  c: {type: file}
  d: {type: file, path: ../x}
  e: {type: http, url: http://a.test, filter: "("}
  f: {type: http, url: http://a.test, health-check: {expected-status: x}}
  g: {type: http}
rule-providers:
  h: {type: http, url: http://a.test}
  i: {type: inline, behavior: domain, format: xml, payload: [a]}
  j: {type: ftp, behavior: domain}
  k: {type: file, behavior: domain, path: /etc/passwd}`);
    assert.deepEqual(
      reports.map((each) => each.replace(/Invalid regular expression.*/, 'REGEX')),
      [
        'error proxy-providers.default: can not defined a provider called `default`',
        "error proxy-providers.a: parse proxy provider a error: key 'type' missing",
        'error proxy-providers.b: parse proxy provider b error: unsupport vehicle type: ftp',
        "error proxy-providers.c: parse proxy provider c error: key 'path' missing",
        'error proxy-providers.d: parse proxy provider d error: path is not subpath of home directory: /home/x',
        'error proxy-providers.e: parse proxy provider e error: REGEX',
        'error proxy-providers.f: parse proxy provider f error: intRanges error',
        'warning proxy-providers.g.url: a provider of type http needs the url of its content',
        'error rule-providers.h: unsupported behavior type: ',
        'error rule-providers.i: unsupported format type: xml',
        'error rule-providers.j: unsupported vehicle type: ftp',
        'error rule-providers.k: path is not subpath of home directory: /etc/passwd',
      ],
    );
  });

  it('lets the environment allow more paths', () => {
    const yaml = 'rule-providers: {r: {type: file, behavior: domain, path: /srv/rules/a}}';
    const paths = (environment: Record<string, string>) => resolve(yaml, environment).rules.length;
    assert.equal(paths({}), 0);
    assert.equal(paths({ SAFE_PATHS: '/opt:/srv/rules' }), 1);
    assert.equal(paths({ SAFE_PATHS: '/srv/rule' }), 0);
    assert.equal(paths({ SKIP_SAFE_PATH_CHECK: '1' }), 1);
  });
});
