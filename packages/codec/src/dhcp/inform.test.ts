import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeInform, parseInformReply } from './inform.ts';

const MAC = Uint8Array.from([2, 0, 0, 0, 0, 1]);

/** A DHCPACK made from the request's fixed part. */
function reply(options: string): Buffer {
  const bytes = Buffer.concat([
    Buffer.from(encodeInform(0x01020304, 0xc0a80102, MAC)).subarray(0, 240),
    Buffer.from(options, 'hex'),
  ]);
  bytes[0] = 2;
  return bytes;
}

describe('DHCPINFORM', () => {
  it('asks for DNS servers', () => {
    const bytes = Buffer.from(encodeInform(0x01020304, 0xc0a80102, MAC));
    assert.equal(bytes.subarray(0, 16).toString('hex'), '010106000102030400000000c0a80102');
    assert.equal(bytes.subarray(28, 34).toString('hex'), '020000000001');
    assert.equal(bytes.subarray(236).toString('hex'), '63825363350108370106ff');
  });

  it('reads the servers of an acknowledgement', () => {
    const bytes = reply('00350105000608 08080808 01010101 0602ffff ff'.replaceAll(' ', ''));
    assert.deepEqual(parseInformReply(bytes, 0x01020304), ['8.8.8.8', '1.1.1.1']);
    assert.equal(parseInformReply(bytes, 0x01020305), undefined);
    assert.equal(parseInformReply(reply('350106ff'), 0x01020304), undefined);
    assert.deepEqual(parseInformReply(reply('350105'), 0x01020304), []);
    assert.throws(() => parseInformReply(reply('350105060808'), 0x01020304), { code: 'truncated' });
    assert.throws(() => parseInformReply(Buffer.alloc(100), 0), { code: 'truncated' });
  });

  it('only throws ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (options) => {
        try {
          parseInformReply(reply(Buffer.from(options).toString('hex')), 0x01020304);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }),
    );
  });
});
