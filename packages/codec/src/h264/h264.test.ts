import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeAvcConfig, parseAvcConfig } from './avc-config.ts';
import {
  isFirstSlice,
  isKeyAccessUnit,
  joinAnnexB,
  joinLengthPrefixed,
  splitAnnexB,
  splitLengthPrefixed,
} from './nal.ts';
import { parseSps } from './sps.ts';

/** Records written by x264 through FFmpeg. */
const RECORDS: readonly { name: string; hex: string; sps: Partial<ReturnType<typeof parseSps>> }[] = [
  {
    name: '1280x720 Baseline, 25 fps',
    hex: '0142c01fffe100176742c01fda014016ec0440000003004000000c83c60ca801000468ce0fc8',
    sps: { profileIdc: 66, levelIdc: 31, width: 1280, height: 720, fps: 25 },
  },
  {
    name: '1920x1080 cropped from 1088, 29.97 fps',
    hex: '0142c028ffe100176742c028da01e0089f97011000003e90000ea600f1832a01000468ce0fc8',
    sps: { width: 1920, height: 1080, fps: 30000 / 1001 },
  },
  {
    name: '1920x1080 interlaced Main',
    hex: '014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8',
    sps: { profileIdc: 77, width: 1920, height: 1080, fps: 25 },
  },
  {
    name: '322x182 High 4:4:4',
    hex: '01f4000dffe1001a67f4000d919681519e3e2f0110000003001000000303c0f142aa01000568ce0f1920fff8f800',
    sps: { profileIdc: 244, chromaFormatIdc: 3, width: 322, height: 182, fps: 30 },
  },
  {
    name: '640x480 High 10 with extended sample aspect ratio and colour description',
    hex: '016e0016ffe1001d676e0016a6cb40501ed81350101014000003000400000300783c58ba8001000468ce0fc8fdfafa00',
    sps: { profileIdc: 110, bitDepthLuma: 10, bitDepthChroma: 10, width: 640, height: 480, fps: 15 },
  },
];

describe('AVCDecoderConfigurationRecord and SPS', () => {
  for (const { name, hex, sps } of RECORDS) {
    test(name, () => {
      const record = Buffer.from(hex, 'hex');
      const config = parseAvcConfig(record);
      assert.equal(config.lengthBytes, 4);
      assert.partialDeepStrictEqual(parseSps(config.sps[0]!), sps);
      assert.deepEqual(encodeAvcConfig(config.sps, config.pps), record);
    });
  }

  test('a record without the High-profile tail is read', () => {
    const record = Buffer.from(RECORDS[4]!.hex, 'hex');
    assert.deepEqual(parseAvcConfig(record.subarray(0, -4)), parseAvcConfig(record));
  });

  test('refuses records cut anywhere before the tail', () => {
    const record = Buffer.from(RECORDS[0]!.hex, 'hex');
    for (let length = 0; length < record.length; length++) {
      assert.throws(() => parseAvcConfig(record.subarray(0, length)), ProtocolError, `length ${length}`);
    }
  });

  test('refuses to write a record without SPS', () => {
    assert.throws(() => encodeAvcConfig([], []), ProtocolError);
  });

  test('a cut VUI costs the frame rate only', () => {
    const sps = parseAvcConfig(Buffer.from(RECORDS[0]!.hex, 'hex')).sps[0]!;
    assert.partialDeepStrictEqual(parseSps(sps.subarray(0, 14)), { width: 1280, height: 720, fps: 0 });
  });

  test('a malformed SPS is undefined, never an error', () => {
    const sps = parseAvcConfig(Buffer.from(RECORDS[3]!.hex, 'hex')).sps[0]!;
    for (let length = 0; length < 8; length++) assert.equal(parseSps(sps.subarray(0, length)), undefined);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(25), fc.nat(255), (noise, at, byte) => {
        parseSps(Uint8Array.of(0x67, 100, ...noise));
        const damaged = Uint8Array.from(sps);
        damaged[at] = byte;
        const info = parseSps(damaged);
        assert.ok(info === undefined || (info.width > 0 && info.height > 0 && info.fps >= 0));
      }),
      { numRuns: 500 },
    );
  });

  test('any bytes as a record give a value or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseAvcConfig(Uint8Array.of(1, ...bytes));
        } catch (error) {
          assert.ok(error instanceof ProtocolError);
        }
      }),
    );
  });
});

describe('NAL units', () => {
  const a = Buffer.from('6742', 'hex');
  const b = Buffer.from('65880001', 'hex');

  test('Annex B with 3- and 4-byte start codes, without trailing zeros', () => {
    const bytes = Buffer.from('00000001 6742 000001 65880001 0000 000001'.replaceAll(' ', ''), 'hex');
    assert.deepEqual(
      splitAnnexB(bytes).map((nal) => Buffer.from(nal)),
      [a, b],
    );
    assert.deepEqual(splitAnnexB(Buffer.from('ffff00', 'hex')), []);
  });

  test('length-prefixed with 4, 2 and 1 byte lengths', () => {
    const plain = (nals: Uint8Array[]) => nals.map((nal) => Buffer.from(nal));
    assert.deepEqual(
      plain(splitLengthPrefixed(Buffer.from('00000002674200000004 65880001'.replace(' ', ''), 'hex'))),
      [a, b],
    );
    assert.deepEqual(plain(splitLengthPrefixed(Buffer.from('00026742', 'hex'), 2)), [a]);
    assert.deepEqual(plain(splitLengthPrefixed(Buffer.from('00026742', 'hex'), 1)), [a]);
    for (const hex of ['000000', '0000000567', 'ffffffff6742']) {
      assert.throws(() => splitLengthPrefixed(Buffer.from(hex, 'hex')), { code: 'nal-length' });
    }
  });

  test('both framings hold the same units', () => {
    const unit = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => Uint8Array.from(bytes, (byte) => byte | 1));
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 6 }), (nals) => {
        const expected = nals.map((nal) => Buffer.from(nal));
        assert.deepEqual(
          splitAnnexB(joinAnnexB(nals)).map((nal) => Buffer.from(nal)),
          expected,
        );
        assert.deepEqual(
          splitLengthPrefixed(joinLengthPrefixed(nals)).map((nal) => Buffer.from(nal)),
          expected,
        );
      }),
    );
  });

  const KEYS: readonly { name: string; types: readonly number[]; key: boolean }[] = [
    { name: 'IDR', types: [5], key: true },
    { name: 'AUD, SEI, IDR', types: [9, 6, 5], key: true },
    { name: 'slice', types: [1], key: false },
    { name: 'SPS, PPS, slice', types: [7, 8, 1], key: true },
    { name: 'SPS, slice', types: [7, 1], key: false },
    { name: 'slice, SPS, PPS', types: [1, 7, 8], key: false },
    { name: 'SPS, PPS alone', types: [7, 8], key: false },
  ];
  for (const { name, types, key } of KEYS) {
    test(`${name} is ${key ? 'a key' : 'no key'} access unit`, () => {
      assert.equal(isKeyAccessUnit(types.map((type) => Uint8Array.of(0x60 | type, 0x88))), key);
    });
  }

  test('first slice of a picture', () => {
    assert.equal(isFirstSlice(Uint8Array.of(0x65, 0x88)), true);
    assert.equal(isFirstSlice(Uint8Array.of(0x41, 0x9a)), true);
    assert.equal(isFirstSlice(Uint8Array.of(0x41, 0x40)), false);
    assert.equal(isFirstSlice(Uint8Array.of(0x67, 0x88)), false);
  });
});
