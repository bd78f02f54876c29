import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Cidr, cidrContains, formatIp, type IpAddress, parseCidr } from './ip.ts';
import { IpSetBuilder } from './ip-set-builder.ts';

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  assert.ok(cidr, text);
  return cidr;
}

const word = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff);
const address: fc.Arbitrary<IpAddress> = fc.oneof(
  word.map((value): IpAddress => ({ family: 4, value })),
  fc.tuple(word, word, word, word).map((words): IpAddress => ({ family: 6, words })),
);
const cidr = fc.tuple(address, fc.nat(128)).map(
  ([each, length]): Cidr => ({
    address: each,
    prefixLength: each.family === 4 ? length % 33 : length,
    text: '',
  }),
);

describe('IpSet', () => {
  it('knows the ends of ranges', () => {
    const builder = new IpSetBuilder();
    for (const text of ['10.0.0.0/8', '11.0.0.0/8', '255.255.255.255/32', '2001:db8::/32', '::1/128'])
      assert.ok(builder.addCidr(cidrOf(text)));
    const set = builder.build();
    for (const ip of ['10.0.0.0', '11.255.255.255', '255.255.255.255', '2001:db8:ffff::1', '::1']) {
      assert.equal(set.has(ip), true, ip);
    }
    for (const ip of ['9.255.255.255', '12.0.0.0', '2001:db7::', '2001:db9::', '::', '::2', 'x', '']) {
      assert.equal(set.has(ip), false, ip);
    }
    assert.equal(set.has('::ffff:10.1.2.3'), true);
    assert.equal(set.rangeCount, 4);
  });

  it('answers as the prefixes read one by one', () => {
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 10 }), address, (cidrs, ip) => {
        const builder = new IpSetBuilder();
        for (const each of cidrs) builder.addCidr(each);
        const text = formatIp(ip);
        fc.pre(!text.startsWith('::ffff:'));
        assert.equal(
          builder.build().has(text),
          cidrs.some((each) => cidrContains(each, ip)),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('merges ranges of any order', () => {
    const builder = new IpSetBuilder();
    for (let index = 999; index >= 0; index--) builder.addV4(index * 16, index * 16 + (index % 2 ? 15 : 7));
    builder.addV4(0, 15_999);
    const set = builder.build();
    assert.equal(set.rangeCount, 1);
    assert.ok(set.hasV4(15_999));
    assert.ok(!set.hasV4(16_000));
  });
});
