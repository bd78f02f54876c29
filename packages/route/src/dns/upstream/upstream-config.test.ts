import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import fc from 'fast-check';
import { parseResolvConf } from './system-servers.ts';
import { isPureIp, parseUpstream, parseUpstreams, upstreamWarning } from './upstream-config.ts';

describe('DNS server texts', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['1.2.3.4', 'udp://1.2.3.4:53'],
    ['1.2.3.4:5353', 'udp://1.2.3.4:5353'],
    ['2001:DB8:0::1', 'udp://[2001:db8::1]:53'],
    ['[2001:db8::1]:54', 'udp://[2001:db8::1]:54'],
    ['dns.example', 'udp://dns.example:53'],
    ['dns.example:54', 'udp://dns.example:54'],
    ['udp://8.8.8.8/', 'udp://8.8.8.8:53'],
    ['tcp://8.8.8.8', 'tcp://8.8.8.8:53'],
    ['tls://dns.example', 'tls://dns.example:853'],
    ['quic://dns.example:784', 'quic://dns.example:784'],
    ['https://doh.pub/dns-query', 'https://doh.pub:443/dns-query'],
    ['https://[2606::1]:8443/q?x=y', 'https://[2606::1]:8443/q?x=y'],
    ['http://127.0.0.1/q', 'http://127.0.0.1:80/q'],
    ['system', 'system://'],
    ['system://', 'system://'],
    ['dhcp://system', 'system://'],
    ['dhcp://eth0', 'dhcp://eth0'],
    ['rcode://refused', 'rcode://refused'],
    ['1.1.1.1#香港', 'udp://1.1.1.1:53#香港'],
    ['1.1.1.1#%E9%A6%99', 'udp://1.1.1.1:53#香'],
    ['tls://1.1.1.1#RULES', 'tls://1.1.1.1:853#RULES'],
    [
      'https://d.example/#h3=true&proxy&skip-cert-verify=true&ecs=1.2.3.4/24&ecs-override=true',
      'https://d.example:443/#proxy&h3=true&skip-cert-verify=true&ecs=1.2.3.0/24&ecs-override=true',
    ],
    [
      '1.1.1.1#disable-ipv6=true&disable-ipv4=true&disable-qtype-65=true&disable-qtype-64=false',
      'udp://1.1.1.1:53#disable-qtype-1=true&disable-qtype-28=true&disable-qtype-65=true',
    ],
  ];
  for (const [text, canonical] of cases)
    it(`reads ${text}`, () => assert.equal(parseUpstream(text).text, canonical));

  it('takes the rules where they must be respected', () => {
    assert.equal(parseUpstream('1.1.1.1', true).options.via, 'RULES');
    assert.equal(parseUpstream('1.1.1.1#p', true).options.via, 'p');
  });

  it('reports what it cannot read', () => {
    const errors: readonly (readonly [string, RegExp])[] = [
      ['foo://1.1.1.1', /^DNS NameServer\[1\] unsupport scheme: foo$/],
      ['rcode://what', /^unsupported RCode type: what$/],
      ['1.1.1.1:99999', /^DNS NameServer\[1\] format error: /],
      ['', /^DNS NameServer\[1\] format error: /],
      ['https://', /^DNS NameServer\[1\] format error: /],
      ['https://a/#ecs=zzz', /^DNS NameServer\[1\] format error: invalid ecs/],
      ['1.1.1.1#%E9', /^DNS NameServer\[1\] format error: /],
      ['dhcp://', /^DNS NameServer\[1\] format error: /],
    ];
    for (const [text, message] of errors)
      assert.throws(() => parseUpstreams(['1.1.1.1', text]), { message, code: 'dns.server' }, text);
  });

  it('drops duplicates', () => {
    const texts = parseUpstreams(['1.1.1.1', 'udp://1.1.1.1:53', '1.1.1.1#p']).map((each) => each.text);
    assert.deepEqual(texts, ['udp://1.1.1.1:53', 'udp://1.1.1.1:53#p']);
  });

  it('knows pure addresses and unserved transports', () => {
    assert.deepEqual(
      ['1.1.1.1', 'tls://[::1]', 'https://1.1.1.1/q', 'system', 'dns.example', 'dhcp://eth0'].map((text) =>
        isPureIp(parseUpstream(text)),
      ),
      [true, true, true, true, false, false],
    );
    assert.match(upstreamWarning(parseUpstream('quic://1.1.1.1')) ?? '', /not served/);
    assert.match(upstreamWarning(parseUpstream('https://1.1.1.1/#h3=true')) ?? '', /not served/);
    assert.equal(upstreamWarning(parseUpstream('https://1.1.1.1/')), undefined);
  });

  it('reads any text or refuses it', () => {
    const piece = fc.constantFrom(
      'tls://',
      'https://',
      '1.1.1.1',
      '[',
      ']',
      ':',
      '#',
      '&',
      'ecs=',
      '/',
      '53',
      '%',
      'a',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 8 }), (pieces) => {
        try {
          const server = parseUpstream(pieces.join(''));
          assert.equal(parseUpstream(server.text).text, server.text);
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
        }
      }),
    );
  });
});

describe('resolv.conf', () => {
  it('gives the servers', () => {
    const text =
      '# comment\nnameserver 1.1.1.1\n nameserver\t2001:db8::1 # x\nnameserver nonsense\nsearch a\nnameserver 1.1.1.1\nnameserver fe80::1%eth0';
    assert.deepEqual(parseResolvConf(text), ['1.1.1.1', '2001:db8::1', 'fe80::1%eth0']);
  });
});
