import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_TRAITS } from '../outbound/outbound.ts';
import type { RawGroup } from './group-schema.ts';
import type { GroupConfig, ProxyConfig } from './proxy-config.ts';
import { resolveGroups } from './resolve-groups.ts';

const proxy = (name: string): ProxyConfig => ({
  name,
  type: 'direct',
  ipVersion: 'dual',
  udp: true,
  traits: NO_TRAITS,
});
const PROXIES = ['b', 'a', 'HK 2', 'HK 1'].map(proxy);
const PROVIDERS = new Map([
  ['sub', ''],
  ['checked', 'http://checked/'],
]);

function resolve(groups: readonly RawGroup[], providers: ReadonlyMap<string, string> = PROVIDERS) {
  const errors: string[] = [];
  const warnings: string[] = [];
  const resolved = resolveGroups(groups, PROXIES, providers, (severity, _path, message) =>
    (severity === 'error' ? errors : warnings).push(message),
  );
  return { resolved, errors, warnings };
}

function one(raw: RawGroup): GroupConfig {
  const { resolved, errors } = resolve([{ name: 'G', type: 'select', ...raw }]);
  assert.deepEqual(errors, []);
  const [group] = resolved;
  assert.ok(group);
  return group;
}

describe('proxy-groups', () => {
  it('has the defaults of the kernel', () => {
    assert.deepEqual(one({ proxies: ['a'] }), {
      name: 'G',
      type: 'select',
      proxies: ['a'],
      use: [],
      testUrl: 'https://www.gstatic.com/generate_204',
      intervalSeconds: 0,
      timeoutMs: 5_000,
      maxFailedTimes: 5,
      lazy: true,
      expectedStatus: '*',
      disableUdp: false,
      filters: [],
      excludeFilters: [],
      excludeTypes: [],
      toleranceMs: 0,
      strategy: 'consistent-hashing',
      hidden: false,
      icon: '',
      interfaceName: '',
      routingMark: 0,
      defaultSelected: '',
      emptyFallback: 'COMPATIBLE',
    });
  });

  it('takes every key', () => {
    const group = one({
      type: 'load-balance',
      proxies: ['a', 'REJECT'],
      use: ['sub'],
      url: 'http://t/',
      interval: 60,
      timeout: 700,
      'max-failed-times': 2,
      lazy: false,
      'expected-status': '204/200-201',
      'disable-udp': true,
      filter: '(?i)hk`jp',
      'exclude-filter': 'x`y',
      'exclude-type': 'Direct|Shadowsocks',
      tolerance: 50,
      strategy: 'round-robin',
      hidden: true,
      icon: 'i',
      'interface-name': 'eth9',
      'routing-mark': 7,
      'default-selected': 'a',
      'empty-fallback': 'REJECT',
    });
    assert.deepEqual(
      { ...group, filters: group.filters.map(String), excludeFilters: group.excludeFilters.map(String) },
      {
        name: 'G',
        type: 'load-balance',
        proxies: ['a', 'REJECT'],
        use: ['sub'],
        testUrl: 'http://t/',
        intervalSeconds: 60,
        timeoutMs: 700,
        maxFailedTimes: 2,
        lazy: false,
        expectedStatus: '204/200-201',
        disableUdp: true,
        filters: ['/(?i:hk)/u', '/jp/u'],
        excludeFilters: ['/x/u', '/y/u'],
        excludeTypes: ['direct', 'shadowsocks'],
        toleranceMs: 50,
        strategy: 'round-robin',
        hidden: true,
        icon: 'i',
        interfaceName: 'eth9',
        routingMark: 7,
        defaultSelected: 'a',
        emptyFallback: 'REJECT',
      },
    );
  });

  it('tests own members of automatic groups every 300 s', () => {
    const interval = (raw: RawGroup) => one(raw).intervalSeconds;
    assert.equal(interval({ type: 'url-test', proxies: ['a'] }), 300);
    assert.equal(interval({ type: 'load-balance', proxies: ['a'], interval: 0 }), 300);
    assert.equal(interval({ type: 'fallback', use: ['sub'] }), 0);
    assert.equal(interval({ type: 'relay', proxies: ['a'] }), 0);
    assert.equal(interval({ type: 'select', proxies: ['a'], interval: 9 }), 9);
  });

  it('takes the URL of the first provider with one', () => {
    assert.equal(one({ use: ['sub', 'checked'] }).testUrl, 'http://checked/');
    assert.equal(one({ use: ['checked'], url: 'http://own/' }).testUrl, 'http://own/');
    assert.equal(one({ use: ['sub'] }).testUrl, 'https://www.gstatic.com/generate_204');
  });

  it('includes all outbounds by name after its own, filtered, and all providers by name', () => {
    const lists = (raw: RawGroup) => [one(raw).proxies, one(raw).use];
    assert.deepEqual(lists({ 'include-all': true, proxies: ['b', 'DIRECT'] }), [
      ['b', 'DIRECT', 'HK 1', 'HK 2', 'a'],
      ['checked', 'sub'],
    ]);
    assert.deepEqual(lists({ 'include-all-proxies': true, filter: 'a`HK', use: ['sub'] }), [
      ['a', 'HK 1', 'HK 2'],
      ['sub'],
    ]);
    assert.deepEqual(lists({ 'include-all-providers': true, use: ['nowhere'] }), [[], ['checked', 'sub']]);
    assert.deepEqual(lists({ 'include-all-proxies': true, filter: 'nothing' }), [['COMPATIBLE'], []]);
    assert.deepEqual(lists({ 'include-all-proxies': true, filter: 'nothing', use: ['sub'] }), [[], ['sub']]);
  });

  it('members can be groups that come later', () => {
    const { resolved, errors } = resolve([
      { name: 'A', type: 'select', proxies: ['B', 'C'] },
      { name: 'B', type: 'select', proxies: ['C'] },
      { name: 'C', type: 'select', proxies: ['a'] },
    ]);
    assert.deepEqual(errors, []);
    assert.deepEqual(
      resolved.map(({ name }) => name),
      ['A', 'B', 'C'],
    );
  });

  const good: RawGroup = { name: 'G', type: 'select', proxies: ['a'] };
  const wrong: [groups: RawGroup[], error: string][] = [
    [[{ type: 'select', proxies: ['a'] }], 'proxy group 0: missing name'],
    [[{ ...good, name: 'a' }], 'proxy group a: the duplicate name'],
    [[{ ...good, name: 'DIRECT' }], 'proxy group DIRECT: the duplicate name'],
    [[good, good], 'ProxyGroup G: duplicate group name'],
    [[{ name: 'G', proxies: ['a'] }], 'proxy group[0]: format error'],
    [[good, { ...good, name: 'H', type: 'smart' }], 'proxy group[1]: unsupported type: smart'],
    [[{ name: 'G', type: 'select' }], 'proxy group[0]: G: `use` or `proxies` missing'],
    [[{ ...good, proxies: ['a', 'nobody'] }], "proxy group[0]: G: 'nobody' not found"],
    [[{ ...good, proxies: ['GLOBAL'] }], "proxy group[0]: G: 'GLOBAL' not found"],
    [[{ ...good, use: ['nowhere'] }], "proxy group[0]: G: 'nowhere' not found"],
    [
      [good, { name: 'H', type: 'select', use: ['G'] }],
      "proxy group[1]: H: proxy group G can't contains in `use`",
    ],
    [[{ ...good, name: 'sub' }], 'proxy group[0]: sub: duplicate provider name'],
    [[{ ...good, type: 'load-balance', strategy: 'best' }], 'proxy group[0]: unsupported strategy: best'],
    [[{ ...good, 'expected-status': 'ok' }], 'proxy group[0]: G: intRanges error'],
    [
      [
        { ...good, name: 'A', proxies: ['B', 'C'] },
        { ...good, name: 'B', proxies: ['A', 'D'] },
        { ...good, name: 'C', proxies: ['a'] },
        { ...good, name: 'D', proxies: ['a'] },
        { ...good, name: 'E', proxies: ['A'] },
      ],
      'loop is detected in ProxyGroup, please check following ProxyGroups: [A B]',
    ],
    [
      [{ ...good, proxies: ['G'] }],
      'loop is detected in ProxyGroup, please check following ProxyGroups: [G]',
    ],
  ];
  for (const [groups, error] of wrong) {
    it(`says ${error}`, () => assert.deepEqual(resolve(groups).errors, [error]));
  }

  it('an expression that is none is fatal', () => {
    for (const key of ['filter', 'exclude-filter'] as const) {
      const [error = ''] = resolve([{ ...good, [key]: '(' }]).errors;
      assert.match(error, /^proxy group\[0\]: G: Invalid regular expression/);
    }
  });

  it('reports every group in error and keeps the others', () => {
    const { resolved, errors } = resolve([{ name: 'x', type: 'no', proxies: ['a'] }, good, { name: 'y' }]);
    assert.equal(errors.length, 2);
    assert.deepEqual(
      resolved.map(({ name }) => name),
      ['G'],
    );
  });

  it('warns of what is deprecated or without effect', () => {
    assert.deepEqual(resolve([{ ...good, type: 'relay' }]).warnings, [
      'group G: type relay is deprecated, use dialer-proxy instead',
    ]);
    assert.deepEqual(resolve([{ ...good, 'interface-name': 'eth9' }]).warnings, [
      'group G: interface-name and routing-mark are deprecated, set them on the proxies',
    ]);
    assert.deepEqual(resolve([{ ...good, 'empty-fallback': 'nobody' }]).warnings, [
      "group G: empty-fallback 'nobody' is no proxy, COMPATIBLE is used",
    ]);
  });
});
