/** An unsigned 64-bit number in two halves, each an unsigned 32-bit integer. */
export type Uint64 = { readonly high: number; readonly low: number };

const TWO_32 = 2 ** 32;
const TWO_31 = 2 ** 31;
/** 2862933555777941757, the multiplier of the generator. */
const MULTIPLIER: Uint64 = { high: 0x27bb2ee6, low: 0x87b0b0fd };

/**
 * The bucket of a key, 0 to `buckets` - 1: with one bucket more, only the keys that move to it change their place
 * (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm").
 */
export function jumpHash(key: Uint64, buckets: number): number {
  let { high, low } = key;
  let bucket = -1;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    // key * MULTIPLIER + 1, modulo 2^64.
    const product = multiplyLow(low, MULTIPLIER.low);
    const sum = product.low + 1;
    const carry = sum === TWO_32 ? 1 : 0;
    high = (product.high + Math.imul(high, MULTIPLIER.low) + Math.imul(low, MULTIPLIER.high) + carry) >>> 0;
    low = sum >>> 0;
    next = Math.floor((bucket + 1) * (TWO_31 / ((high >>> 1) + 1)));
  }
  return bucket;
}

/** The sum modulo 2^64 of a key and a whole number from 0 to 2^53 - 1. */
export function addUint64(key: Uint64, addend: number): Uint64 {
  const low = key.low + (addend % TWO_32);
  const carry = low >= TWO_32 ? 1 : 0;
  return { high: (key.high + Math.floor(addend / TWO_32) + carry) % TWO_32, low: low % TWO_32 };
}

/** A hash of a text that spreads over all 64 bits; the same in every process. */
export function hashText(text: string): Uint64 {
  let low = 0x9e3779b9;
  let high = 0x85ebca6b;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
    low = (low << 13) | (low >>> 19);
    high = (high << 17) | (high >>> 15);
  }
  const mixedLow = mix(low ^ text.length);
  return { high: mix(high ^ mixedLow), low: mixedLow };
}

/** Lets every bit of the input change about half of the bits of the output. */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The whole product of two unsigned 32-bit integers. */
function multiplyLow(a: number, b: number): Uint64 {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const bottom = aLow * bLow;
  const middle = aHigh * bLow + Math.floor(bottom / 0x1_0000);
  const middleLow = aLow * bHigh + (middle % 0x1_0000);
  const top = aHigh * bHigh + Math.floor(middle / 0x1_0000) + Math.floor(middleLow / 0x1_0000);
  return { high: top >>> 0, low: ((middleLow % 0x1_0000) * 0x1_0000 + (bottom % 0x1_0000)) >>> 0 };
}
