import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cidrContains, formatIp, type IpAddress, parseCidr, parseIp, parseIpv4 } from './ip.ts';

const anyIpv4 = fc.ipV4();
const anyIpv6 = fc.ipV6();

describe('parseIpv4', () => {
  for (const [text, value] of [
    ['0.0.0.0', 0],
    ['1.2.3.4', 0x01020304],
    ['255.255.255.255', 0xffffffff],
    ['192.168.0.1', 0xc0a80001],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(parseIpv4(text), value));
  }
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1..2.3',
    '1.2.3.',
    '.1.2.3',
    '1.2.3.4 ',
    'a.b.c.d',
    '1.2.3.-4',
  ]) {
    it(`refuses "${text}"`, () => assert.equal(parseIpv4(text), -1));
  }
});

describe('parseIp', () => {
  for (const [text, canonical] of [
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::', '2001:db8::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1::8', '1::8'],
    ['10.0.0.1', '10.0.0.1'],
  ] as const) {
    it(`writes ${text} as ${canonical}`, () => assert.equal(formatIp(parseIp(text) as IpAddress), canonical));
  }
  for (const text of [
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1%eth0',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4::',
    '1:',
    ':1',
    '::1:',
  ]) {
    it(`refuses ${text}`, () => assert.equal(parseIp(text), undefined));
  }

  it('agrees with the runtime on what an address is', () => {
    const almost = fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.:'), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(almost, anyIpv4, anyIpv6), (text) => {
        assert.equal(parseIp(text)?.family ?? 0, isIP(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(anyIpv6, (text) => {
        const address = parseIp(text) as IpAddress;
        assert.deepEqual(parseIp(formatIp(address)), address);
      }),
    );
  });
});

describe('parseCidr', () => {
  it('keeps the host bits in the text', () => {
    assert.equal(parseCidr('192.168.1.5/24')?.text, '192.168.1.5/24');
    assert.equal(parseCidr('2001:DB8:0::/32')?.text, '2001:db8::/32');
  });
  for (const text of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    '/8',
    '1.2.3.4/+8',
  ]) {
    it(`refuses ${text}`, () => assert.equal(parseCidr(text), undefined));
  }
});

describe('cidrContains', () => {
  for (const [prefix, ip, inside] of [
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['0.0.0.0/0', '255.1.2.3', true],
    ['128.0.0.0/1', '255.1.2.3', true],
    ['128.0.0.0/1', '127.1.2.3', false],
    ['1.2.3.4/32', '1.2.3.4', true],
    ['::/0', '1.2.3.4', false],
    ['::/0', 'ffff::', true],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
  ] as const) {
    it(`${prefix} ${inside ? 'holds' : 'does not hold'} ${ip}`, () => {
      const cidr = parseCidr(prefix);
      const address = parseIp(ip);
      assert.ok(cidr !== undefined && address !== undefined);
      assert.equal(cidrContains(cidr, address), inside);
    });
  }
});
