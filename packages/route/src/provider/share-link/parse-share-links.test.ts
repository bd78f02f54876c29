import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseShareLinks } from './parse-share-links.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const base64url = (text: string) => Buffer.from(text).toString('base64url');
const one = (line: string): unknown => {
  const nodes = parseShareLinks(line);
  return nodes.length === 1 ? nodes[0] : nodes.length;
};

describe('share links', () => {
  it('ss: SIP002 with encoded and plain credentials, the old form, plugins', () => {
    const node = {
      name: 'a b',
      type: 'ss',
      server: 's.test',
      port: '8388',
      cipher: 'aes-128-gcm',
      password: 'p:w/',
      udp: true,
    };
    assert.deepEqual(one(`ss://${base64url('aes-128-gcm:p:w/')}@s.test:8388#a%20b`), node);
    assert.deepEqual(one(`ss://${base64('aes-128-gcm:p:w/')}@s.test:8388/?x=1#a%20b`), node);
    assert.deepEqual(one(`ss://${base64('aes-128-gcm:p:w/@s.test:8388')}#a%20b`), node);
    assert.deepEqual(one('ss://2022-blake3-aes-256-gcm:a%2Bb%3D%3A@[2001:db8::1]:1?uot=1'), {
      name: '2001:db8::1:1',
      type: 'ss',
      server: '2001:db8::1',
      port: '1',
      cipher: '2022-blake3-aes-256-gcm',
      password: 'a+b=:',
      udp: true,
      'udp-over-tcp': true,
    });
    const plugin = (text: string) => {
      const [node] = parseShareLinks(
        `ss://${base64('rc4-md5:x')}@s.test:1/?plugin=${encodeURIComponent(text)}#n`,
      );
      return [node?.['plugin'], node?.['plugin-opts']];
    };
    assert.deepEqual(plugin('obfs-local;obfs=http;obfs-host=h.test'), [
      'obfs',
      { mode: 'http', host: 'h.test' },
    ]);
    assert.deepEqual(plugin('v2ray-plugin;mode=websocket;host=h.test;path=/p;tls'), [
      'v2ray-plugin',
      { mode: 'websocket', host: 'h.test', path: '/p', tls: true },
    ]);
    assert.deepEqual(plugin('other'), [undefined, undefined]);
  });

  it('ssr', () => {
    const params = `obfsparam=${base64url('o.test')}&protoparam=${base64url('1:2')}&remarks=${base64url('名')}`;
    const link = `ssr://${base64url(`s.test:443:auth_aes128_md5:none:tls1.2_ticket_auth:${base64url('pw')}/?${params}`)}`;
    assert.deepEqual(one(link), {
      name: '名',
      type: 'ssr',
      server: 's.test',
      port: '443',
      cipher: 'none',
      password: 'pw',
      obfs: 'tls1.2_ticket_auth',
      protocol: 'auth_aes128_md5',
      udp: true,
      'obfs-param': 'o.test',
      'protocol-param': '1:2',
    });
  });

  it('vmess in JSON', () => {
    const values = {
      ps: 'n',
      add: 's.test',
      port: 443,
      id: 'u',
      aid: '0',
      net: 'ws',
      host: 'h.test',
      tls: 'tls',
    };
    const json = { ...values, path: '/p?ed=2048&x=1', sni: 'sni.test', alpn: 'h2,http/1.1' };
    assert.deepEqual(one(`vmess://${base64(JSON.stringify(json))}`), {
      name: 'n',
      type: 'vmess',
      server: 's.test',
      port: '443',
      uuid: 'u',
      alterId: '0',
      cipher: 'auto',
      udp: true,
      xudp: true,
      tls: true,
      'skip-cert-verify': false,
      alpn: ['h2', 'http/1.1'],
      servername: 'sni.test',
      network: 'ws',
      'ws-opts': {
        path: '/p?x=1',
        headers: { Host: 'h.test' },
        'max-early-data': 2048,
        'early-data-header-name': 'Sec-WebSocket-Protocol',
      },
    });
    const network = (more: object) => {
      const [node] = parseShareLinks(`vmess://${base64(JSON.stringify({ ...values, ...more }))}`);
      return [node?.['network'], node?.[`${node['network']}-opts`]];
    };
    assert.deepEqual(network({ net: 'http', path: '/q' }), ['h2', { host: ['h.test'], path: '/q' }]);
    assert.deepEqual(network({ net: 'tcp', type: 'http' }), [
      'http',
      { path: ['/'], headers: { Host: ['h.test'] } },
    ]);
    assert.deepEqual(network({ net: 'grpc', path: 'svc' }), ['grpc', { 'grpc-service-name': 'svc' }]);
    assert.deepEqual(network({ net: 'httpupgrade', path: '/u?ed=1' }), [
      'ws',
      {
        path: '/u',
        headers: { Host: 'h.test' },
        'v2ray-http-upgrade': true,
        'v2ray-http-upgrade-fast-open': true,
      },
    ]);
    assert.equal(one(`vmess://${base64('{"add":"no name"}')}`), 0);
    assert.equal(one(`vmess://${base64('[not json')}`), 0);
  });

  it('vmess and vless as URLs', () => {
    assert.deepEqual(one('vmess://u@s.test:1?encryption=none&packetEncoding=packet#n'), {
      name: 'n',
      type: 'vmess',
      server: 's.test',
      port: '1',
      uuid: 'u',
      udp: true,
      'packet-addr': true,
      network: 'tcp',
      alterId: 0,
      cipher: 'none',
    });
    const key = 'A'.repeat(43);
    assert.deepEqual(
      one(
        `vless://u@s.test:443?security=reality&pbk=${key}&sid=ab&flow=XTLS-rprx-vision&sni=x.test&type=grpc&serviceName=g#n`,
      ),
      {
        name: 'n',
        type: 'vless',
        server: 's.test',
        port: '443',
        uuid: 'u',
        udp: true,
        tls: true,
        'client-fingerprint': 'chrome',
        'reality-opts': { 'public-key': key, 'short-id': 'ab' },
        servername: 'x.test',
        xudp: true,
        network: 'grpc',
        'grpc-opts': { 'grpc-service-name': 'g' },
        flow: 'xtls-rprx-vision',
      },
    );
    assert.equal(one('vless://u@s.test?security=tls'), 0);
    assert.equal(one('vless://s.test:443'), 0);
  });

  it('trojan, hysteria, hysteria2, tuic and anytls', () => {
    assert.deepEqual(
      one('trojan://p%40w@s.test:443?allowInsecure=1&sni=x.test&type=grpc&serviceName=g&fp=ios#n'),
      {
        name: 'n',
        type: 'trojan',
        server: 's.test',
        port: '443',
        password: 'p@w',
        udp: true,
        'skip-cert-verify': true,
        sni: 'x.test',
        'client-fingerprint': 'ios',
        network: 'grpc',
        'grpc-opts': { 'grpc-service-name': 'g' },
      },
    );
    assert.deepEqual(
      one('hysteria://s.test:1?peer=x.test&upmbps=10&downmbps=50&auth=a&insecure=1&obfs=o#n'),
      {
        name: 'n',
        type: 'hysteria',
        server: 's.test',
        port: '1',
        sni: 'x.test',
        obfs: 'o',
        'auth-str': 'a',
        up: '10',
        down: '50',
        'skip-cert-verify': true,
      },
    );
    assert.deepEqual(one('hy2://us:pw@s.test?pinSHA256=ab&sni=x.test#n'), {
      name: 'n',
      type: 'hysteria2',
      server: 's.test',
      port: '443',
      password: 'us:pw',
      sni: 'x.test',
      'skip-cert-verify': false,
      fingerprint: 'ab',
    });
    const [hopping] = parseShareLinks(
      'hysteria2://p@s.test:443,5000-6000/?obfs=salamander&obfs-password=o#n',
    );
    assert.deepEqual(
      [hopping?.['port'], hopping?.['ports'], hopping?.['obfs-password']],
      ['443', '443,5000-6000', 'o'],
    );
    assert.deepEqual(one('tuic://u:p@s.test:1?congestion_control=bbr&alpn=h3&disable_sni=1#n'), {
      name: 'n',
      type: 'tuic',
      server: 's.test',
      port: '1',
      uuid: 'u',
      password: 'p',
      udp: true,
      'congestion-controller': 'bbr',
      alpn: ['h3'],
      'disable-sni': true,
    });
    const [v4] = parseShareLinks('tuic://t@s.test:1');
    assert.deepEqual([v4?.['token'], v4?.name], ['t', 's.test:1']);
    const [anytls] = parseShareLinks('anytls://p@s.test:1?insecure=true&hpkp=cd');
    assert.deepEqual([anytls?.['password'], anytls?.['fingerprint']], ['p', 'cd']);
  });

  it('socks, http and mierus', () => {
    assert.deepEqual(one(`socks5://${base64('u:p')}@s.test:1#n`), {
      name: 'n',
      type: 'socks5',
      server: 's.test',
      port: '1',
      username: 'u',
      password: 'p',
      'skip-cert-verify': true,
      udp: true,
    });
    assert.deepEqual(one('https://u:p@s.test:1'), {
      name: 's.test:1',
      type: 'http',
      server: 's.test',
      port: '1',
      username: 'u',
      password: 'p',
      'skip-cert-verify': true,
      tls: true,
    });
    const nodes = parseShareLinks('mierus://u:p@s.test?profile=m&port=1-9&protocol=TCP&port=10&protocol=UDP');
    assert.deepEqual(
      nodes.map((node) => [node.name, node['port-range'], node['port'], node['transport']]),
      [
        ['m:1-9/TCP', '1-9', undefined, 'TCP'],
        ['m:10/UDP', undefined, '10', 'UDP'],
      ],
    );
  });

  it('skips lines that are none, and numbers names that come again', () => {
    const lines = [
      '# list',
      'http://s.test:1#n',
      '',
      'nonsense',
      'teleport://x',
      'http://s.test:2#n',
      'http://s.test:3#n',
    ];
    const names = ['n', 'n-01', 'n-02'];
    for (const text of [lines.join('\r\n'), base64(lines.join('\n')), base64url(lines.join('\n'))])
      assert.deepEqual(
        parseShareLinks(text).map(({ name }) => name),
        names,
      );
  });

  it('takes whatever it is given', () => {
    const scheme = fc.constantFrom(
      'ss',
      'ssr',
      'vmess',
      'vless',
      'trojan',
      'hy2',
      'tuic',
      'mierus',
      'http',
      'hysteria',
    );
    const parts = fc.array(
      fc.oneof(
        fc.constantFrom(
          '://',
          '@',
          ':',
          '?',
          '#',
          '&',
          '=',
          '%',
          '%zz',
          '[',
          ']',
          '/',
          'port=',
          'type=ws',
          'path=/?ed=1',
        ),
        fc.string({ unit: 'binary' }),
        fc.base64String(),
      ),
    );
    fc.assert(
      fc.property(scheme, parts, (name, rest) => {
        for (const node of parseShareLinks(`${name}://${rest.join('')}`))
          assert.equal(typeof node.type, 'string');
        parseShareLinks(base64(`${name}://${rest.join('')}`));
        parseShareLinks(rest.join(''));
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        parseShareLinks(`vmess://${base64(json)}`);
      }),
    );
  });
});
