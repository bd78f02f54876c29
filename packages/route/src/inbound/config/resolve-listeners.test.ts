import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeConfig } from '@sluice/core/config/decode';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import { listenersSchema, type RawListener } from './listener-schema.ts';
import { resolveListeners } from './resolve-listeners.ts';
import { resolveTunnels } from './resolve-tunnels.ts';
import { type RawTunnel, tunnelsSchema } from './tunnel-schema.ts';

const isOutbound = (name: string) => name === 'DIRECT' || name === 'GLOBAL';

function load<Raw, T>(
  schema: unknown,
  resolve: (raw: Raw, isOutbound: (name: string) => boolean, report: Report) => T,
  yaml: string,
) {
  const { value, issues } = decodeConfig<Raw>(schema, parseYamlConfig(yaml, 'c.yaml').node);
  const texts = issues.map(({ severity, message }) => `${severity}: ${message}`);
  const resolved = resolve(value, isOutbound, (severity, path, message) => {
    texts.push(`${severity} ${path.join('.')}: ${message}`);
  });
  return { resolved, texts };
}

type Report = Parameters<typeof resolveListeners>[2];

const listeners = (yaml: string) =>
  load<RawListener[], ReturnType<typeof resolveListeners>>(listenersSchema, resolveListeners, yaml);
const tunnels = (yaml: string) =>
  load<RawTunnel[], ReturnType<typeof resolveTunnels>>(tunnelsSchema, resolveTunnels, yaml);

describe('listeners', () => {
  it('have defaults', () => {
    const { resolved, texts } = listeners('[{name: a, type: socks, port: 1080}]');
    assert.deepEqual(texts, []);
    assert.deepEqual(resolved, [
      {
        name: 'a',
        kind: 'socks',
        host: '0.0.0.0',
        ports: [1080],
        tcp: true,
        udp: true,
        rule: '',
        proxy: '',
        routingMark: 0,
        users: undefined,
        tls: undefined,
        target: undefined,
      },
    ]);
  });

  it('take ranges of ports, weak types and either spelling of keys', () => {
    const { resolved, texts } = listeners(`
- {name: 7, TYPE: mixed, port: "200,302-304", udp: 0, routing_mark: "0x10", listen: "::"}
- {name: t, type: tunnel, port: "9", network: [udp], target: "dns.test:53", rule: sub, proxy: DIRECT}
- {name: h, type: http, port: 1, users: [{username: 1, password: 007}], certificate: c, private-key: k, client-auth-type: request}
- {name: n, type: http, port: 1, users: []}
- {name: r, type: redir, port: 1}
`);
    assert.deepEqual(texts, []);
    assert.deepEqual(resolved[0]?.ports, [200, 302, 303, 304]);
    assert.equal(resolved[0]?.udp, false);
    assert.equal(resolved[0]?.host, '');
    assert.equal(resolved[0]?.routingMark, 16);
    assert.deepEqual(resolved[1]?.target, { host: 'dns.test', port: 53 });
    assert.equal(resolved[1]?.tcp, false);
    assert.equal(resolved[1]?.rule, 'sub');
    assert.deepEqual(resolved[2]?.users, [{ username: '1', password: '007' }]);
    assert.equal(resolved[2]?.tls?.clientAuth, 'request');
    assert.deepEqual(resolved[3]?.users, []);
    assert.equal(resolved[4]?.udp, false);
  });

  it('are refused with the known texts', () => {
    const first = (yaml: string) => listeners(yaml).texts[0];
    assert.equal(first('[{name: a, port: 1}]'), 'error listeners.0: proxy 0: missing type');
    assert.equal(
      first('[{name: a, type: ftp, port: 1}]'),
      'error listeners.0: proxy 0: unsupport proxy type: ftp',
    );
    assert.equal(first('[{type: http, port: 1}]'), "error listeners.0: proxy 0: key 'name' missing");
    assert.equal(first('[{name: a, type: http}]'), "error listeners.0: proxy 0: key 'port' missing");
    assert.equal(
      first('[{name: a, type: tunnel, port: 1}]'),
      "error listeners.0: proxy 0: key 'target' missing",
    );
    assert.equal(
      first('[{name: a, type: http, port: 1}, {name: a, type: socks, port: 2}]'),
      'error listeners.1.name: listener a is the duplicate name',
    );
    assert.match(first('[{name: a, type: http, port: "1-x"}]') ?? '', /proxy 0: cannot parse 'port' as int/);
    assert.match(first('[{name: a, type: http, port: "1-60000"}]') ?? '', /at most 256 ports/);
    assert.match(first('[{name: a, type: http, port: 1, users: {a: b}}]') ?? '', /'users' is not a slice/);
  });

  it('of kinds that are not served load with a warning', () => {
    const { resolved, texts } = listeners(
      '[{name: s, type: shadowsocks, port: 1, cipher: x, password: 1}, {name: v, type: hysteria2, port: 1, users: {a: b}}]',
    );
    assert.deepEqual(resolved, []);
    assert.deepEqual(texts, [
      'warning listeners.0: listener s: shadowsocks is not served by this version',
      'warning listeners.1: listener v: hysteria2 is not served by this version',
    ]);
  });

  it('may name an outbound that does not exist', () => {
    const { resolved, texts } = listeners('[{name: a, type: http, port: 1, proxy: gone, certificate: c}]');
    assert.equal(resolved[0]?.proxy, 'gone');
    assert.match(texts[0] ?? '', /^warning listeners.0: listener a: proxy gone not found/);
    assert.match(texts[1] ?? '', /speaks no TLS/);
  });
});

describe('tunnels', () => {
  it('come as lines and as maps', () => {
    const { resolved, texts } = tunnels(`
- tcp/udp, 127.0.0.1:6553, 114.114.114.114:53, DIRECT
- tcp,:80,[2001:db8::1]:80
- {network: [udp], address: "0.0.0.0:53", target: "dns.test:53", proxy: GLOBAL}
`);
    assert.deepEqual(texts, []);
    assert.deepEqual(resolved, [
      {
        tcp: true,
        udp: true,
        address: { host: '127.0.0.1', port: 6553 },
        target: { host: '114.114.114.114', port: 53 },
        proxy: 'DIRECT',
      },
      {
        tcp: true,
        udp: false,
        address: { host: '', port: 80 },
        target: { host: '2001:db8::1', port: 80 },
        proxy: '',
      },
      {
        tcp: false,
        udp: true,
        address: { host: '0.0.0.0', port: 53 },
        target: { host: 'dns.test', port: 53 },
        proxy: 'GLOBAL',
      },
    ]);
  });

  it('are refused with the known texts', () => {
    const first = (yaml: string) => tunnels(yaml).texts[0];
    assert.equal(first('["tcp,1.1.1.1:1"]'), 'error tunnels.0: invalid tunnel config tcp,1.1.1.1:1');
    assert.equal(first('["sctp,1.1.1.1:1,a:1"]'), 'error tunnels.0: invalid tunnel network sctp');
    assert.equal(first('["tcp,1.1.1.1,a:1"]'), 'error tunnels.0: invalid tunnel target or address 1.1.1.1');
    assert.equal(first('["tcp,1.1.1.1:1,a"]'), 'error tunnels.0: invalid tunnel target or address a');
    assert.equal(first('["tcp,1.1.1.1:1,a:1,gone"]'), 'error tunnels.0: tunnel proxy gone not found');
    assert.equal(
      first('[{network: [tcp], address: ":1", target: "a:1", proxy: gone}]'),
      'error tunnels.0: tunnel proxy gone not found',
    );
  });
});
