import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import { type Cidr, parseCidr, parseIp } from '@sluice/base/ip';
import fc from 'fast-check';
import type { MmdbValue } from './decoder.ts';
import { encodeMmdb } from './encode-mmdb.ts';
import { MmdbReader, NO_RECORD } from './reader.ts';

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  assert.ok(cidr);
  return cidr;
}

function lookup(reader: MmdbReader, ip: string): MmdbValue | undefined {
  const address = parseIp(ip);
  assert.ok(address);
  const offset = reader.find(address);
  return offset === NO_RECORD ? undefined : reader.decode(offset);
}

const country = (code: string): MmdbValue =>
  new Map<string, MmdbValue>([
    [
      'country',
      new Map<string, MmdbValue>([
        ['iso_code', code],
        ['names', new Map([['en', 'Long '.repeat(20)]])],
      ]),
    ],
    ['n', [1, -1.5, true, 2n ** 40n]],
  ]);

function fileOf(recordSize: 24 | 28 | 32, ipVersion: 4 | 6): Buffer {
  return encodeMmdb({
    databaseType: 'GeoLite2-Country',
    recordSize,
    ipVersion,
    networks: [
      { cidr: cidrOf('1.0.0.0/8'), value: country('AU') },
      { cidr: cidrOf('1.2.3.0/24'), value: country('CN') },
      { cidr: cidrOf('2001:db8::/32'), value: country('DE') },
    ],
  });
}

describe('MmdbReader', () => {
  for (const recordSize of [24, 28, 32] as const) {
    it(`finds records of ${recordSize} bits`, () => {
      const reader = new MmdbReader(fileOf(recordSize, 6));
      assert.equal(reader.metadata.databaseType, 'GeoLite2-Country');
      assert.deepEqual(lookup(reader, '1.2.3.255'), country('CN'));
      assert.deepEqual(lookup(reader, '1.2.4.0'), country('AU'));
      assert.deepEqual(lookup(reader, '::ffff:1.2.3.4'), country('CN'));
      assert.deepEqual(lookup(reader, '2001:db8:1::'), country('DE'));
      assert.equal(lookup(reader, '2.0.0.0'), undefined);
      assert.equal(lookup(reader, '2001:db9::'), undefined);
      const v4 = new MmdbReader(fileOf(recordSize, 4));
      assert.deepEqual(lookup(v4, '1.2.3.4'), country('CN'));
      assert.equal(lookup(v4, '2001:db8::'), undefined);
    });
  }

  it('reads a tree of one node with a pointer, written by hand', () => {
    const bytes = Buffer.concat([
      // Left record: 17 = 1 node + 16 → offset 0. Right record: 1 = nothing known.
      Buffer.from('000011' + '000001', 'hex'),
      Buffer.alloc(16),
      // A pointer to offset 2, then the string "cn".
      Buffer.from('2002' + '42636e', 'hex'),
      Buffer.from('abcdef4d61784d696e642e636f6d', 'hex'),
      Buffer.from(
        [
          'e4',
          `4a${hex('node_count')}a101`,
          `4b${hex('record_size')}a118`,
          `4a${hex('ip_version')}a104`,
          `4d${hex('database_type')}4a${hex('sing-geoip')}`,
        ].join(''),
        'hex',
      ),
    ]);
    const reader = new MmdbReader(bytes);
    assert.equal(lookup(reader, '1.1.1.1'), 'cn');
    assert.equal(lookup(reader, '200.1.1.1'), undefined);
  });

  it('gives values of any kind back', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 300 }),
          fc.nat(),
          fc.boolean(),
          fc.array(fc.string(), { maxLength: 40 }),
        ),
        (value) => {
          const networks = [{ cidr: cidrOf('0.0.0.0/1'), value }];
          const file = encodeMmdb({ databaseType: 't', recordSize: 28, ipVersion: 4, networks });
          assert.deepEqual(lookup(new MmdbReader(file), '1.1.1.1'), value);
        },
      ),
    );
  });

  it('gives values or a ProtocolError when the file was tampered with', () => {
    const files = [fileOf(24, 4), fileOf(28, 6), fileOf(32, 6)];
    const edit = fc.record({ at: fc.nat(), value: fc.nat(255), fromEnd: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(edit, { maxLength: 8 }), (file, edits) => {
        const bytes = Buffer.from(file);
        for (const { at, value, fromEnd } of edits)
          bytes[fromEnd ? bytes.length - 1 - (at % 220) : at % bytes.length] = value;
        try {
          const reader = new MmdbReader(bytes);
          for (const ip of ['1.2.3.4', '1.5.5.5', '2001:db8::1', '::', 'ffff::']) lookup(reader, ip);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('ends on values that contain themselves or grow without end', () => {
    for (const data of [
      // A pointer to itself; an array of itself; arrays of two pointers to the next array; the longest array.
      '2000',
      '01042000',
      Array.from({ length: 30 }, (_, level) => bomb(level)).join(''),
      '1f04ffffff',
      '5fffffff',
      'ff',
    ]) {
      const file = Buffer.concat([
        Buffer.from('000011000011', 'hex'),
        Buffer.alloc(16),
        Buffer.from(data, 'hex'),
        fileOf(24, 4).subarray(-260),
      ]);
      const at = file.lastIndexOf('node_count');
      file.writeUInt32BE(1, at + 11);
      const reader = new MmdbReader(file);
      assert.throws(() => lookup(reader, '1.1.1.1'), ProtocolError, data.slice(0, 20));
    }
  });

  it('refuses files without metadata or with a tree that is too long', () => {
    const file = fileOf(24, 4);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(100),
      file.subarray(0, -120),
      fileOf(32, 6).subarray(-260),
    ]) {
      assert.throws(() => new MmdbReader(bytes), ProtocolError);
    }
  });
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** An array of two pointers to the place right behind it, six bytes in all. */
function bomb(level: number): string {
  const next = ((level + 1) * 6).toString(16).padStart(2, '0');
  return `0204${`20${next}`.repeat(2)}`;
}
