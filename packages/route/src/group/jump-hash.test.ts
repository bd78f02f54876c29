import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addUint64, hashText, jumpHash, type Uint64 } from './jump-hash.ts';

const uint64 = (value: bigint): Uint64 => ({
  high: Number(value >> 32n),
  low: Number(value & 0xffff_ffffn),
});

/** The published loop, over big integers. */
function published(start: bigint, buckets: number): number {
  let key = start;
  let bucket = -1;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    key = BigInt.asUintN(64, key * 2862933555777941757n + 1n);
    next = Math.floor((bucket + 1) * (2 ** 31 / Number((key >> 33n) + 1n)));
  }
  return bucket;
}

describe('jump hash', () => {
  const cases: [key: bigint, buckets: number, bucket: number][] = [
    [1n, 1, 0],
    [42n, 57, 43],
    [0xdead10ccn, 1, 0],
    [0xdead10ccn, 666, 361],
    [256n, 1024, 520],
  ];
  for (const [key, buckets, bucket] of cases) {
    it(`puts ${key} of ${buckets} into ${bucket}`, () =>
      assert.equal(jumpHash(uint64(key), buckets), bucket));
  }

  it('is the published loop for every key', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.integer({ min: 1, max: 5_000 }),
        (key, n) => {
          assert.equal(jumpHash(uint64(key), n), published(key, n));
        },
      ),
    );
  });

  it('adds modulo 2^64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeNat(), (key, addend) => {
        assert.deepEqual(addUint64(uint64(key), addend), uint64(BigInt.asUintN(64, key + BigInt(addend))));
      }),
    );
  });

  it('spreads texts evenly, also short and similar ones', () => {
    const counts = new Array<number>(8).fill(0);
    for (let index = 0; index < 8_000; index++) {
      const bucket = jumpHash(hashText(`host${index}.example`), counts.length);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join(' '));
    assert.notDeepEqual(hashText('ab'), hashText('ba'));
    assert.notDeepEqual(hashText(''), hashText('\0'));
  });
});
