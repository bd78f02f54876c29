import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseExplainTarget } from './explain-target.ts';

describe('explain target', () => {
  for (const [text, host, port] of [
    ['https://a.test/x?y#z', 'a.test', 443],
    ['http://A.test', 'a.test', 80],
    ['https://user:p@ss@a.test:8443/', 'a.test', 8443],
    ['wss://a.test/socket', 'a.test', 443],
    ['rtmp://live.test/app/stream', 'live.test', 1935],
    ['foo+bar://a.test:99', 'a.test', 99],
    ['a.test:53', 'a.test', 53],
    [' a.test ', 'a.test', 443],
    ['192.0.2.1:80', '192.0.2.1', 80],
    ['192.0.2.1', '192.0.2.1', 443],
    ['[2001:db8::1]:8080', '2001:db8::1', 8080],
    ['https://[2001:db8::1]/', '2001:db8::1', 443],
    ['2001:db8::1', '2001:db8::1', 443],
    ['https://例え.テスト/', 'xn--r8jz45g.xn--zckzah', 443],
    ['localhost:3000', 'localhost', 3000],
  ] as const) {
    it(`reads ${text}`, () => assert.deepEqual(parseExplainTarget(text), { host, port }));
  }

  for (const [text, expected] of [
    ['', /^expected a URL, host:port or a host, found ""$/],
    ['a b', /^expected a URL/],
    ['a.test:0', /^expected a port between 1 and 65535, found "a.test:0"$/],
    ['a.test:70000', /^expected a port between/],
    ['a.test:x', /^expected a URL/],
    ['gopher://a.test', /^expected a port after the host/],
    ['https://', /^expected a URL/],
    ['[1.2.3.4]:80', /^expected an IPv6 address between brackets/],
    ['a.test/path', /^expected a domain name or an IP address, found "a.test\/path"$/],
    [`${'a'.repeat(300)}.test`, /^expected a domain name/],
  ] as const) {
    it(`refuses "${text.slice(0, 20)}"`, () =>
      assert.throws(() => parseExplainTarget(text), { code: 'api.target', message: expected }));
  }
});
