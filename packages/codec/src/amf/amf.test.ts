import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeAmf0, parseAmf0 } from './amf0.ts';
import { type AmfObject, type AmfValue, amfProperties, EcmaArray } from './value.ts';

function object(properties: Record<string, AmfValue>): AmfObject {
  return Object.assign(Object.create(null), properties) as AmfObject;
}

const BOTH_WAYS: readonly { name: string; hex: string; value: AmfValue }[] = [
  { name: 'number', hex: '00 3ff0000000000000', value: 1 },
  { name: 'true', hex: '01 01', value: true },
  { name: 'false', hex: '01 00', value: false },
  { name: 'string', hex: '02 0004 6c697665', value: 'live' },
  { name: 'UTF-8 string', hex: '02 0002 c3a9', value: 'é' },
  { name: 'null', hex: '05', value: null },
  { name: 'undefined', hex: '06', value: undefined },
  { name: 'object', hex: '03 0003 617070 02 0001 61 000009', value: object({ app: 'a' }) },
  { name: 'empty object', hex: '03 000009', value: object({}) },
  {
    name: 'ECMA array',
    hex: '08 00000001 0005 7769647468 00 4094000000000000 000009',
    value: new EcmaArray(object({ width: 1280 })),
  },
  { name: 'strict array', hex: '0a 00000002 05 01 01', value: [null, true] },
  { name: 'date', hex: '0b 408f400000000000 0000', value: new Date(1000) },
];

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

describe('AMF0', () => {
  for (const { name, hex, value } of BOTH_WAYS) {
    test(`${name} both ways`, () => {
      assert.deepEqual(parseAmf0(bytesOf(hex)), [value]);
      assert.deepEqual(encodeAmf0(value), bytesOf(hex));
    });
  }

  const ONE_WAY: readonly { name: string; hex: string; value: AmfValue }[] = [
    { name: 'typed object as object', hex: '10 0001 54 0001 61 05 000009', value: object({ a: null }) },
    { name: 'XML as text', hex: '0f 00000001 61', value: 'a' },
    {
      name: 'ECMA array with a wrong count',
      hex: '08 000000ff 0001 61 05 000009',
      value: new EcmaArray(object({ a: null })),
    },
    {
      name: 'key __proto__ as an ordinary key',
      hex: '03 0009 5f5f70726f746f5f5f 05 000009',
      value: object({ ['__proto__']: null }),
    },
    { name: 'empty key before a value', hex: '03 0000 05 000009', value: object({ '': null }) },
    { name: 'AMF3 integer', hex: '11 04 81 00', value: 128 },
    { name: 'AMF3 negative integer', hex: '11 04 ffffffff', value: -1 },
    { name: 'AMF3 string', hex: '11 06 05 6869', value: 'hi' },
    { name: 'AMF3 byte array', hex: '11 0c 05 0102', value: Buffer.from([1, 2]) },
    { name: 'AMF3 dense array', hex: '11 09 05 01 02 03', value: [false, true] },
    { name: 'AMF3 dynamic object', hex: '11 0a 0b 01 03 61 03 01', value: object({ a: true }) },
    { name: 'AMF3 sealed object', hex: '11 0a 13 01 03 61 03', value: object({ a: true }) },
    {
      name: 'AMF3 string reference',
      hex: '11 09 05 01 06 05 6869 06 00',
      value: ['hi', 'hi'],
    },
  ];
  for (const { name, hex, value } of ONE_WAY) {
    test(`parses ${name}`, () => {
      const [parsed] = parseAmf0(bytesOf(hex));
      if (value instanceof Uint8Array) assert.deepEqual(Buffer.from(parsed as Uint8Array), value);
      else assert.deepEqual(parsed, value);
    });
  }

  test('strings over 65535 bytes take the long form', () => {
    const text = 'x'.repeat(70_000);
    const bytes = encodeAmf0(text);
    assert.equal(bytes[0], 0x0c);
    assert.deepEqual(parseAmf0(bytes), [text]);
  });

  test('a reference gives the finished object again', () => {
    const [list] = parseAmf0(bytesOf('0a 00000002 03 0001 61 05 000009 07 0001'));
    assert.deepEqual(list, [object({ a: null }), object({ a: null })]);
  });

  test('properties of objects and ECMA arrays only', () => {
    assert.deepEqual(amfProperties(new EcmaArray({ a: 1 })), { a: 1 });
    assert.deepEqual(amfProperties({ a: 1 }), { a: 1 });
    for (const value of [null, undefined, 1, 'a', [1], new Date(0), new Uint8Array(1)]) {
      assert.equal(amfProperties(value), undefined);
    }
  });

  const REFUSED: readonly { name: string; hex: string; code: string }[] = [
    { name: 'an unknown marker', hex: '20', code: 'amf0-marker' },
    { name: 'a cut number', hex: '00 3ff0', code: 'truncated' },
    { name: 'a cut object', hex: '03 0001 61 05', code: 'truncated' },
    { name: 'a huge strict array', hex: '0a ffffffff 05', code: 'truncated' },
    { name: 'a reference to nothing', hex: '07 0000', code: 'amf-bad-reference' },
    { name: 'a cycle', hex: '0a 00000001 07 0000', code: 'amf-bad-reference' },
    { name: 'deep nesting', hex: '0a 00000001 '.repeat(80), code: 'amf-too-deep' },
    { name: 'deep nesting through AMF3', hex: `11 ${'09 03 01'.repeat(80)}`, code: 'amf-too-deep' },
    { name: 'an externalizable object', hex: '11 0a 07 01', code: 'amf3-externalizable' },
    { name: 'too many values', hex: '05 '.repeat(150_000), code: 'amf-too-many-values' },
  ];
  for (const { name, hex, code } of REFUSED) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => {
          const bytes = bytesOf(hex);
          // Values at the top share no counter between calls, so many go in one array.
          if (code === 'amf-too-many-values') {
            parseAmf0(Buffer.concat([Buffer.from([0x0a, 0, 2, 0x49, 0xf0]), bytes]));
          } else parseAmf0(bytes);
        },
        (error) => error instanceof ProtocolError && error.code === code,
      );
    });
  }

  test('references cannot multiply values without bound', () => {
    // Each level lists the level before twice: 2^30 values when walked.
    const levels = Array.from(
      { length: 30 },
      (_, level) =>
        `0a 00000002 07 ${(level + 1).toString(16).padStart(4, '0')} 07 ${(level + 1).toString(16).padStart(4, '0')}`,
    );
    const bytes = bytesOf(`0a 0000001f 0a 00000001 05 ${levels.join(' ')}`);
    assert.throws(() => parseAmf0(bytes), { code: 'amf-too-many-values' });
  });

  test('encoding refuses what nests too deep', () => {
    let value: AmfValue = null;
    for (let level = 0; level < 100; level++) value = [value];
    assert.throws(() => encodeAmf0(value), { code: 'amf-too-deep' });
  });

  const tree = fc.letrec<{ value: AmfValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.string({ unit: 'binary' }),
      fc.constant(null),
      fc.constant(undefined),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4, noNullPrototype: false })
        .map((entries) => object(entries)),
    ),
  })).value;

  test('what is encoded is parsed again', () => {
    fc.assert(
      fc.property(tree, (value) => {
        assert.deepEqual(parseAmf0(encodeAmf0(value)), [value]);
      }),
      { numRuns: 200 },
    );
  });

  test('any bytes give values or a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(0x03, 0x08, 0x0a, 0x11, 0x02),
        (bytes, marker) => {
          const small = bytes.map((byte) => byte % 18);
          for (const body of [bytes, small]) {
            try {
              parseAmf0(Uint8Array.of(marker, ...body));
            } catch (error) {
              assert.ok(error instanceof ProtocolError, String(error));
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
