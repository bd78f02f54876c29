import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import fc from 'fast-check';
import { compileNodePattern, compileNodePatterns, replacementText } from './node-pattern.ts';
import type { NodeSelection } from './provider-config.ts';
import { parseProxyList } from './proxy-list.ts';
import { selectNodes } from './select-nodes.ts';

const NO_OVERRIDE = { keys: {}, prefix: '', suffix: '', renames: [] };
const ALL: NodeSelection = { filters: [], excludeFilters: [], excludeTypes: [], override: NO_OVERRIDE };

function load(content: string | Uint8Array, selection: Partial<NodeSelection> = {}) {
  const warnings: string[] = [];
  const warn = (index: number, message: string) => void warnings.push(`${index} ${message}`);
  const list = parseProxyList(Buffer.from(content), warn);
  return { nodes: selectNodes(list, { ...ALL, ...selection }, warn), warnings };
}
const names = (content: string, selection: Partial<NodeSelection> = {}) =>
  load(content, selection).nodes.map(({ name }) => name);
const list = (...nodes: string[]) => `proxies:\n${nodes.map((node) => `  - {${node}}\n`).join('')}`;
const server = 'server: s.test, port: 1';

describe('nodes of a provider', () => {
  it('reads YAML with anchors, JSON, and a whole configuration', () => {
    const anchored = `a: &a {type: http, ${server}}\nproxies: [{<<: *a, name: x}, {<<: *a, name: y, port: 2}]\nrules: [x]`;
    assert.deepEqual(names(anchored), ['x', 'y']);
    assert.deepEqual(names('{"proxies":[{"name":"j","type":"direct"}]}'), ['j']);
    assert.deepEqual(names(`\uFEFF${list('name: 7, type: direct')}`), ['7']);
  });

  it('reads share links in base64 or not', () => {
    const links = 'socks5://s.test:1#a\nhttp://s.test:2#b';
    assert.deepEqual(names(links), ['a', 'b']);
    assert.deepEqual(
      names(
        Buffer.from(links)
          .toString('base64')
          .replace(/(.{20})/g, '$1\n'),
      ),
      ['a', 'b'],
    );
  });

  it('says why a content as a whole is refused', () => {
    const cases: readonly [string, RegExp, Partial<NodeSelection>?][] = [
      ['', /^file must have a `proxies` field$/],
      ['rules: []', /^file must have a `proxies` field$/],
      ['proxies:', /^file must have a `proxies` field$/],
      ['proxies: []', /^file doesn't have any proxy$/],
      [list('type: direct'), /^file doesn't have any proxy$/],
      ['proxies: {a: 1}', /is not a slice/],
      ['404 page not found', /^yaml: .*, convert v2ray subscribe error: format invalid$/],
      ['"proxies: [', /^yaml: .*, convert v2ray subscribe error: format invalid$/],
      ['bm90aGluZyBoZXJl', /convert v2ray subscribe error: format invalid$/],
      [
        list('name: x, type: direct'),
        /^doesn't match any proxy, please check your filter$/,
        { filters: [/y/] },
      ],
      [list('name: x, type: http'), /^none of the proxies can be used$/],
    ];
    for (const [content, message, selection] of cases) {
      assert.throws(
        () => load(content, selection),
        (error) => {
          assert.ok(error instanceof GatewayError, String(error));
          assert.match(error.message, message);
          return true;
        },
      );
    }
  });

  it('leaves a bad node out and keeps the others', () => {
    const { nodes, warnings } = load(
      list(
        'name: a, type: direct',
        'name: b, type: http, server: s',
        `name: c, type: http, ${server}, tls: [1]`,
      ),
    );
    assert.deepEqual(
      nodes.map(({ name }) => name),
      ['a'],
    );
    assert.deepEqual(warnings, ['2 tls: expected true or false, found a list of 1', "1 key 'port' missing"]);
  });

  it('filters in the order of the expressions, by name and type', () => {
    const content = list(
      'name: HK 1, type: direct',
      'name: sg 1, type: direct',
      'name: hk 2, type: direct',
      'name: hk ss, type: ss, server: s, port: 1, cipher: aes-128-gcm, password: x',
      'name: hk 2, type: reject',
      'name: jp, type: direct',
    );
    const selection = {
      filters: compileNodePatterns('sg`(?i)hk'),
      excludeFilters: compileNodePatterns('^HK'),
      excludeTypes: ['ss'],
    };
    assert.deepEqual(names(content, selection), ['sg 1', 'hk 2']);
  });

  it('overrides keys, then the name', () => {
    const override = {
      keys: { udp: true, 'dialer-proxy': 'd' },
      prefix: '[a] ',
      suffix: ' z',
      renames: [
        { pattern: compileNodePattern('\\[(?P<p>\\w)\\]', 'g'), target: replacementText(`<$${'{p}'}>`) },
        { pattern: compileNodePattern('o', 'g'), target: '0' },
      ],
    };
    const { nodes } = load(list(`name: foo, type: socks5, ${server}, udp: false`), { override });
    assert.equal(nodes[0]?.name, '<a> f00 z');
    assert.equal(nodes[0]?.udp, true);
    assert.equal(nodes[0]?.traits.dialerProxy, 'd');
  });

  it('takes whatever a server sends', () => {
    const seed = list(
      `name: a, type: http, ${server}`,
      `name: b, type: vmess, ${server}, uuid: u, alterId: 0, cipher: auto`,
    );
    const mutated = fc
      .array(
        fc.tuple(
          fc.nat(seed.length),
          fc.oneof(
            fc.string({ unit: 'binary', maxLength: 4 }),
            fc.constantFrom('*', '&a ', '<<: *a', '- ', ': ', '{', '[', '"', '\n  '),
          ),
        ),
      )
      .map((cuts) =>
        cuts.reduce((text, [at, piece]) => text.slice(0, at) + piece + text.slice(at + 1), seed),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          mutated.map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        (content) => {
          try {
            load(content);
          } catch (error) {
            assert.ok(error instanceof GatewayError, String(error));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
