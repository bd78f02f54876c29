import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeConfig } from '@sluice/core/config/decode';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import Type from 'typebox';
import type { ProxyConfig } from './proxy-config.ts';
import { proxySchema, type RawProxy } from './proxy-schema.ts';
import { resolveProxies } from './resolve-proxies.ts';

function resolve(lines: readonly string[]) {
  const { node } = parseYamlConfig(`[${lines.map((line) => `{${line}}`).join(', ')}]`, 'test.yaml');
  const decoded = decodeConfig<RawProxy[]>(Type.Array(proxySchema), node);
  const reports: string[] = decoded.issues.map(({ message }) => message);
  const proxies = resolveProxies(decoded.value, (severity, path, message) =>
    reports.push(`${severity} ${path.join('.')}: ${message}`),
  );
  return { proxies, reports };
}

function one(line: string): ProxyConfig {
  const { proxies, reports } = resolve([line]);
  assert.ok(proxies[0] !== undefined, reports.join('\n'));
  return proxies[0];
}

const SERVER = 'name: n, server: s.test, port: 1';

describe('proxies', () => {
  it('names what a node lacks or has wrong', () => {
    const cases: readonly [string, string][] = [
      ['name: n', 'missing type'],
      ['type: http, server: s, port: 1', "key 'name' missing"],
      ['name: n, type: http, port: 1', "key 'server' missing"],
      ['name: n, type: socks5, server: s', "key 'port' missing"],
      [`${SERVER}, type: ss, password: x`, "key 'cipher' missing"],
      [
        `${SERVER}, type: ss, password: x, cipher: rot13`,
        'ss s.test:1 cipher: rot13 initialize error: cipher not supported',
      ],
      [
        `${SERVER}, type: ss, password: x, cipher: aes-128-gcm, plugin: obfs, plugin-opts: {mode: quic}`,
        'ss s.test:1 obfs mode error: quic',
      ],
      [
        `${SERVER}, type: ss, password: x, cipher: aes-128-gcm, udp-over-tcp: true, udp-over-tcp-version: 3`,
        'ss s.test:1 unknown udp over tcp protocol version: 3',
      ],
      [`${SERVER}, type: vmess, alterId: 0, cipher: auto`, "key 'uuid' missing"],
      [
        `${SERVER}, type: vless, uuid: u, flow: xtls-rprx-direct`,
        'unsupported xtls flow type: xtls-rprx-direct',
      ],
      [`${SERVER}, type: vless, uuid: u, reality-opts: {public-key: short}`, 'invalid REALITY public key'],
      [
        `${SERVER}, type: vless, uuid: u, reality-opts: {public-key: ${'A'.repeat(43)}, short-id: xy}`,
        'invalid REALITY short ID',
      ],
      [`${SERVER}, type: trojan`, "key 'password' missing"],
      [`${SERVER}, type: trojan, password: x, ss-opts: {enabled: true}`, 'empty password'],
      [`${SERVER}, type: snell, psk: x, version: 9`, 'snell version error: 9'],
      [`${SERVER}, type: snell, psk: x, udp: true`, 'snell version 1 not support UDP'],
      [`${SERVER}, type: snell, psk: x, obfs-opts: {mode: x}`, 'snell s.test:1 obfs mode error: x'],
      ['name: n, type: hysteria2, server: s', "key 'port' missing"],
      [`${SERVER}, type: hysteria2, obfs: salamander`, 'missing obfs password'],
      [`${SERVER}, type: hysteria2, obfs: x`, 'unknown obfs type: x'],
      [`${SERVER}, type: hysteria, down: 5`, "key 'up' missing"],
      ['name: n, type: wireguard, private-key: x', 'missing local address'],
      [
        `${SERVER}, type: trojan, password: x, fingerprint: "ab:cd"`,
        'fingerprint string length error,need sha256 fingerprint',
      ],
    ];
    for (const [line, message] of cases)
      assert.deepEqual(resolve([line]).reports, [`error proxies.0: proxy 0: ${message}`], line);
    const twice = `${SERVER}, type: http`;
    assert.deepEqual(resolve([twice, twice]).reports, ['error proxies.1: proxy n is the duplicate name']);
  });

  it('lists a type that nobody knows', () => {
    const { proxies, reports } = resolve([`${SERVER}, type: teleport, udp: true`]);
    assert.deepEqual(reports, ['warning proxies.0: proxy n: unsupport proxy type: teleport']);
    assert.ok(proxies[0]?.type === 'unavailable');
    assert.equal(proxies[0].apiType, 'teleport');
    assert.equal(proxies[0].udp, true);
  });

  it('tells which nodes carry UDP', () => {
    const udp = (line: string) => one(line).udp;
    for (const type of ['direct', 'reject', 'dns']) assert.equal(udp(`name: n, type: ${type}`), true);
    assert.equal(udp(`${SERVER}, type: http, udp: true`), false);
    assert.equal(udp(`${SERVER}, type: ssh, username: u, udp: true`), false);
    assert.equal(udp(`${SERVER}, type: tuic, token: t`), true);
    assert.equal(udp('name: n, type: hysteria2, server: s, ports: 1-9, hop-interval: 30'), true);
    assert.equal(udp(`${SERVER}, type: trojan, password: 1`), false);
    assert.equal(udp(`${SERVER}, type: socks5, udp: 1`), true);
  });

  it('tells how nodes carry UDP, and what else was asked for', () => {
    const traits = (line: string) => one(line).traits;
    assert.equal(traits(`${SERVER}, type: vmess, uuid: u, alterId: 0, cipher: auto`).uot, true);
    assert.equal(traits(`${SERVER}, type: vmess, uuid: u, alterId: 0, cipher: auto`).xudp, false);
    assert.equal(traits(`${SERVER}, type: vmess, uuid: u, alterId: 0, cipher: auto, xudp: true`).xudp, true);
    assert.equal(traits(`${SERVER}, type: vless, uuid: u`).xudp, true);
    assert.equal(traits(`${SERVER}, type: vless, uuid: u, packet-encoding: packet`).xudp, false);
    assert.equal(traits(`${SERVER}, type: vless, uuid: u, packet-addr: true`).xudp, false);
    const ss = `${SERVER}, type: ss, cipher: aes-128-gcm, password: x`;
    assert.equal(traits(ss).uot, false);
    assert.equal(traits(`${ss}, udp-over-tcp: true`).uot, true);
    assert.equal(traits(`${ss}, smux: {enabled: true}`).uot, true);
    assert.equal(traits(`${ss}, smux: {enabled: true, only_tcp: true}`).uot, false);
    assert.deepEqual(
      traits(
        `${SERVER}, type: http, tfo: true, mptcp: 1, interface-name: eth1, routing-mark: "0x10", dialer-proxy: d`,
      ),
      {
        interfaceName: 'eth1',
        routingMark: 16,
        dialerProxy: 'd',
        uot: false,
        xudp: false,
        tfo: true,
        mptcp: true,
        smux: false,
      },
    );
  });
});
