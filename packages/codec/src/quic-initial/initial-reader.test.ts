import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { MAX_CRYPTO_BYTES } from './crypto-stream.ts';
import { InitialReader, looksLikeInitial } from './initial-reader.ts';
import { clientInitialKeys, QUIC_DRAFT_29 } from './packet-keys.ts';
import { cryptoFrame, plainHello, sealInitial } from './testing/seal-initial.ts';

const CONNECTION_ID = Buffer.from('8394c8f03e515708', 'hex');

/** The CRYPTO frame of RFC 9001 Appendix A.2. */
const RFC_FRAME = Buffer.from(
  [
    '060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868',
    '04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578',
    '616d706c652e636f6dff01000100000a00080006001d00170018001000070005',
    '04616c706e000500050100000000003300260024001d00209370b2c9caa47fba',
    'baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400',
    '0d0010000e0403050306030203080408050806002d00020101001c0002400100',
    '3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000',
    '75300901100f088394c8f03e51570806048000ffff',
  ].join(''),
  'hex',
);

const sealed = (frames: Buffer, packetNumber = 0, version = 1, connectionId: Buffer = CONNECTION_ID) =>
  sealInitial({ version, connectionId, packetNumber, frames });

describe('Initial packets', () => {
  it('derives the keys of RFC 9001 Appendix A.1', () => {
    const keys = clientInitialKeys(1, CONNECTION_ID);
    assert.equal(keys?.key.toString('hex'), '1f369613dd76d5467730efcbe3b1a22d');
    assert.equal(keys?.iv.toString('hex'), 'fa044b2f42a3fd3b46fb255c');
    assert.equal(keys?.headerKey.toString('hex'), '9f50449e04a0e810283a1e9933adedd2');
  });

  it('reads the packet of RFC 9001 Appendix A.2', () => {
    const packet = sealInitial({
      connectionId: CONNECTION_ID,
      packetNumber: 2,
      frames: RFC_FRAME,
      paddedBytes: 1162,
    });
    // The protected packet as the RFC prints it: its first line and its tag.
    const start = 'c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b';
    assert.ok(packet.toString('hex').startsWith(start));
    assert.ok(packet.toString('hex').endsWith('e221af44860018ab0856972e194cd934'));
    assert.equal(packet.length, 1200);
    assert.equal(looksLikeInitial(packet), true);
    const hello = new InitialReader().push(packet);
    assert.equal(hello?.sni, 'example.com');
    assert.deepEqual(hello?.alpn, ['alpn']);
    assert.deepEqual(hello?.versions, [0x0304]);
  });

  it('reads draft 29', () => {
    const packet = sealed(cryptoFrame(0, plainHello('d29.test')), 0, QUIC_DRAFT_29);
    assert.equal(new InitialReader().push(packet)?.sni, 'd29.test');
  });

  it('puts a hello together from pieces in any order, over packets and datagrams', () => {
    const hello = plainHello('big.example.test', 2_000);
    const pieces = [0, 500, 1_000, 1_500, 2_000].map((at) => cryptoFrame(at, hello.subarray(at, at + 500)));
    const [a, b, c, d, e] = pieces as [Buffer, Buffer, Buffer, Buffer, Buffer];
    const reader = new InitialReader();
    const ack = Buffer.of(2, 5, 0, 1, 0, 1, 1);
    const ackEcn = Buffer.of(3, 5, 0, 0, 0, 1, 1, 1);
    assert.equal(reader.push(sealed(Buffer.concat([Buffer.of(0, 1), ack, d, b]))), undefined);
    assert.equal(
      reader.push(Buffer.concat([sealed(e, 1), sealed(Buffer.concat([ackEcn, b]), 2)])),
      undefined,
    );
    assert.equal(reader.push(sealed(c, 3)), undefined);
    // What follows in the datagram may be anything, for example 0-RTT.
    assert.equal(
      reader.push(Buffer.concat([sealed(a, 4), Buffer.of(0xd0, 0, 0, 0, 1)]))?.sni,
      'big.example.test',
    );
  });

  it('keeps its keys when only the connection id changes, and takes new ones after a Retry', () => {
    const hello = plainHello('retry.test', 1_000);
    const reader = new InitialReader();
    assert.equal(reader.push(sealed(cryptoFrame(0, hello.subarray(0, 500)))), undefined);
    const other = Buffer.from('0102030405', 'hex');
    assert.equal(reader.push(sealed(cryptoFrame(500, hello.subarray(500)), 1, 1, other))?.sni, 'retry.test');
  });

  it('refuses what is none', () => {
    const good = sealed(cryptoFrame(0, plainHello('a.test')));
    const refused = (packet: Uint8Array, code: string) =>
      assert.throws(() => new InitialReader().push(packet), { code });
    refused(Buffer.alloc(0), 'not-initial');
    refused(Buffer.alloc(40, 0xff), 'not-initial');
    refused(good.subarray(0, 60), 'truncated');
    const damaged = Buffer.from(good);
    damaged[40] = (damaged[40] as number) ^ 1;
    refused(damaged, 'wrong-tag');
    refused(sealed(Buffer.of(0x08, 1)), 'quic-frame');
    refused(sealed(cryptoFrame(0, Buffer.of(2, 0, 0, 1, 0))), 'not-client-hello');
    refused(sealed(cryptoFrame(MAX_CRYPTO_BYTES, Buffer.of(1))), 'crypto-too-large');
    refused(
      sealed(Buffer.concat(Array.from({ length: 200 }, () => cryptoFrame(9, Buffer.of(1))))),
      'crypto-too-many-pieces',
    );
    const reader = new InitialReader();
    const ping = sealed(Buffer.of(1));
    for (let count = 0; count < 10; count++) assert.equal(reader.push(ping), undefined);
    assert.throws(() => reader.push(ping), { code: 'too-many-datagrams' });
  });

  it('lets only ProtocolError out, whatever comes', () => {
    const good = sealed(cryptoFrame(0, plainHello('a.test')));
    const attempt = (bytes: Uint8Array) => {
      try {
        new InitialReader().push(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), attempt), { numRuns: 500 });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
        const damaged = Buffer.from(good);
        damaged[at] = byte;
        attempt(damaged.subarray(0, end));
        attempt(damaged);
      }),
      { numRuns: 500 },
    );
    // Behind a right tag everything is the peer's choice, too.
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frames) => attempt(sealed(Buffer.from(frames)))),
      { numRuns: 500 },
    );
  });
});
