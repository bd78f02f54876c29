import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { ChunkDecoder, type ChunkLimits } from './chunk-decoder.ts';
import { encodeRtmpMessage, encodeRtmpMessages, rtmpMessageBytes } from './chunk-encoder.ts';
import { encodeControlValue, MESSAGE_SET_CHUNK_SIZE, type RtmpMessage } from './message.ts';

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

type Plain = readonly [type: number, timestampMs: number, streamId: number, hex: string];

function drain(decoder: ChunkDecoder): Plain[] {
  const messages: Plain[] = [];
  for (let message = decoder.next(); message !== undefined; message = decoder.next()) {
    messages.push([
      message.type,
      message.timestampMs,
      message.streamId,
      Buffer.from(message.data).toString('hex'),
    ]);
  }
  return messages;
}

function decode(bytes: Uint8Array, cuts: readonly number[] = [], limits?: ChunkLimits): Plain[] {
  const decoder = new ChunkDecoder(limits);
  const messages: Plain[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.byteLength]) {
    decoder.push(bytes.subarray(from, cut));
    messages.push(...drain(decoder));
    assert.ok(decoder.drained);
    from = cut;
  }
  return messages;
}

const LONG = 'ab'.repeat(128);

const STREAMS: readonly { name: string; hex: string; messages: readonly Plain[] }[] = [
  {
    name: 'fmt 0, 1, 2 and 3',
    hex: `06 0003e8 000002 08 01000000 af01
          46 000017 000003 08 af0102
          86 000018 af0103
          c6 af0104`,
    messages: [
      [8, 1000, 1, 'af01'],
      [8, 1023, 1, 'af0102'],
      [8, 1047, 1, 'af0103'],
      [8, 1071, 1, 'af0104'],
    ],
  },
  {
    name: 'fmt 3 that starts a message after fmt 0 keeps its time',
    hex: '06 0003e8 000001 08 01000000 aa c6 bb',
    messages: [
      [8, 1000, 1, 'aa'],
      [8, 1000, 1, 'bb'],
    ],
  },
  {
    name: 'a message over two chunks between chunks of another stream',
    hex: `07 000028 000081 09 01000000 ${LONG}
          06 000014 000001 08 01000000 aa
          c7 cd`,
    messages: [
      [8, 20, 1, 'aa'],
      [9, 40, 1, `${LONG}cd`],
    ],
  },
  {
    name: 'two- and three-byte basic headers',
    hex: '00 05 000000 000001 08 01000000 aa 01 0201 000000 000001 09 01000000 bb c0 05 cc',
    messages: [
      [8, 0, 1, 'aa'],
      [9, 0, 1, 'bb'],
      [8, 0, 1, 'cc'],
    ],
  },
  {
    name: 'chunk streams 319 and 320 told apart, 319 in both forms',
    hex: `00 ff 000000 000081 09 01000000 ${LONG} 01 0001 000000 000001 08 01000000 aa c1 ff00 cd`,
    messages: [
      [8, 0, 1, 'aa'],
      [9, 0, 1, `${LONG}cd`],
    ],
  },
  {
    name: 'fmt 0 forgets the delta before it',
    hex: '06 000000 000001 08 01000000 aa 46 000017 000001 08 bb 06 0003e8 000001 08 01000000 cc c6 dd',
    messages: [
      [8, 0, 1, 'aa'],
      [8, 23, 1, 'bb'],
      [8, 1000, 1, 'cc'],
      [8, 1000, 1, 'dd'],
    ],
  },
  {
    name: 'extended timestamp, repeated in fmt 3',
    hex: `07 ffffff 000081 09 01000000 01000000 ${LONG} c7 01000000 cd`,
    messages: [[9, 0x01000000, 1, `${LONG}cd`]],
  },
  {
    name: 'extended timestamp, not repeated in fmt 3',
    hex: `07 ffffff 000085 09 01000000 01000000 ${LONG} c7 0100abcdef 06 000014 000001 08 01000000 aa`,
    messages: [
      [9, 0x01000000, 1, `${LONG}0100abcdef`],
      [8, 20, 1, 'aa'],
    ],
  },
  {
    name: 'extended timestamp, not repeated, with less than four bytes left',
    hex: `07 ffffff 000081 09 01000000 01000000 ${LONG} c7 cd 06 000014 000001 08 01000000 aa`,
    messages: [
      [9, 0x01000000, 1, `${LONG}cd`],
      [8, 20, 1, 'aa'],
    ],
  },
  {
    name: 'extended delta',
    hex: '07 000001 000001 09 01000000 aa 87 ffffff 01000000 bb c7 01000000 cc',
    messages: [
      [9, 1, 1, 'aa'],
      [9, 0x01000001, 1, 'bb'],
      [9, 0x02000001, 1, 'cc'],
    ],
  },
  {
    name: 'time over the 32-bit wrap',
    hex: '07 ffffff 000001 09 01000000 fffffff0 aa 87 000020 bb',
    messages: [
      [9, 0xfffffff0, 1, 'aa'],
      [9, 0x10, 1, 'bb'],
    ],
  },
  {
    name: 'set chunk size',
    hex: `02 000000 000004 01 00000000 00000002 06 000000 000003 08 01000000 aabb c6 cc`,
    messages: [
      [1, 0, 0, '00000002'],
      [8, 0, 1, 'aabbcc'],
    ],
  },
  {
    name: 'abort drops the partial message',
    hex: `07 000000 000081 09 01000000 ${LONG} 02 000000 000004 02 00000000 00000007 07 000000 000001 09 01000000 aa`,
    messages: [
      [2, 0, 0, '00000007'],
      [9, 0, 1, 'aa'],
    ],
  },
  {
    name: 'a full header in the middle of a message starts another',
    hex: `07 000000 000081 09 01000000 ${LONG} 07 000005 000001 09 01000000 aa`,
    messages: [[9, 5, 1, 'aa']],
  },
  {
    name: 'empty message',
    hex: '06 000000 000000 08 01000000 06 000001 000001 08 01000000 aa',
    messages: [
      [8, 0, 1, ''],
      [8, 1, 1, 'aa'],
    ],
  },
  {
    name: 'control stream that opens with fmt 1',
    hex: '42 000000 000004 05 002625a0',
    messages: [[5, 0, 0, '002625a0']],
  },
];

describe('RTMP chunk decoder', () => {
  for (const { name, hex, messages } of STREAMS) {
    test(`${name}: whole, split at every position, byte by byte`, () => {
      const bytes = bytesOf(hex.replaceAll(/\s/g, ''));
      assert.deepEqual(decode(bytes), messages);
      for (let at = 1; at < bytes.length; at++)
        assert.deepEqual(decode(bytes, [at]), messages, `split at ${at}`);
      assert.deepEqual(
        decode(
          bytes,
          Array.from(bytes, (_, at) => at),
        ),
        messages,
      );
    });
  }

  test('bytes pushed before the last were used up are kept in order', () => {
    const bytes = bytesOf(STREAMS[0]!.hex.replaceAll(/\s/g, ''));
    const decoder = new ChunkDecoder();
    decoder.push(bytes.subarray(0, 30));
    assert.equal(decoder.next()?.timestampMs, 1000);
    assert.equal(decoder.drained, false);
    decoder.push(bytes.subarray(30));
    assert.deepEqual(drain(decoder), STREAMS[0]!.messages.slice(1));
  });

  test('message bodies are their own memory', () => {
    const bytes = bytesOf('06 000000 000002 08 01000000 af01');
    const decoder = new ChunkDecoder();
    decoder.push(bytes);
    const message = decoder.next()!;
    bytes.fill(0);
    assert.equal(Buffer.from(message.data).toString('hex'), 'af01');
  });

  const LIMITS: ChunkLimits = { maxMessageBytes: 1000, maxPartialBytes: 1500, maxChunkStreams: 3 };
  const REFUSED: readonly { name: string; hex: string; code: string }[] = [
    { name: 'a message over the limit', hex: '07 000000 0003e9 09 01000000', code: 'rtmp-message-too-large' },
    {
      name: 'partial messages over the limit together',
      hex: `07 000000 0003e8 09 01000000 ${LONG} 06 000000 0003e8 08 01000000`,
      code: 'rtmp-too-much-partial',
    },
    {
      name: 'too many chunk streams',
      hex: [3, 4, 5, 6].map((csid) => `0${csid} 000000 000001 08 01000000 aa`).join(''),
      code: 'rtmp-too-many-chunk-streams',
    },
    { name: 'fmt 2 without a header before', hex: '86 000000', code: 'rtmp-chunk-without-header' },
    { name: 'fmt 3 without a header before', hex: 'c6', code: 'rtmp-chunk-without-header' },
    { name: 'chunk size 0', hex: '02 000000 000004 01 00000000 00000000', code: 'rtmp-chunk-size' },
    { name: 'a cut control message', hex: '02 000000 000002 01 00000000 0000', code: 'truncated' },
  ];
  for (const { name, hex, code } of REFUSED) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => decode(bytesOf(hex), [], LIMITS),
        (error) => error instanceof ProtocolError && error.code === code,
      );
    });
  }

  test('finished and aborted messages no longer count as partial', () => {
    const one = `07 000000 000384 09 01000000 ${LONG} 02 000000 000004 02 00000000 00000007`;
    assert.equal(decode(bytesOf(one.repeat(5)), [], LIMITS).length, 5);
  });

  test('any bytes give messages or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (parts) => {
        const decoder = new ChunkDecoder(LIMITS);
        try {
          for (const part of parts) {
            decoder.push(part);
            drain(decoder);
          }
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('RTMP chunk encoder', () => {
  test('golden message over two chunks with an extended timestamp', () => {
    const message = { type: 9, timestampMs: 0x01000000, streamId: 1, data: Buffer.from(`${LONG}cd`, 'hex') };
    assert.deepEqual(
      encodeRtmpMessage(message, 128),
      bytesOf(`07 ffffff 000081 09 01000000 01000000 ${LONG} c7 01000000 cd`),
    );
  });

  test('golden media with fixed chunk streams, prefix and data joined', () => {
    const tags = [
      { type: 18, timestampMs: 0, data: bytesOf('02') },
      { type: 9, timestampMs: 40, prefix: bytesOf('1701'), data: bytesOf('aabb') },
      { type: 8, timestampMs: 41, data: bytesOf('af01') },
    ];
    assert.deepEqual(
      encodeRtmpMessages(tags, { chunkSize: 3, streamId: 1 }),
      bytesOf(
        '04 000000 000001 12 01000000 02 07 000028 000004 09 01000000 1701aa c7 bb 06 000029 000002 08 01000000 af01',
      ),
    );
  });

  test('what is encoded is decoded again, at any chunk size and split', () => {
    const message = fc.record({
      type: fc.constantFrom(8, 9, 18, 20),
      timestampMs: fc.oneof(
        fc.nat(100_000),
        fc.integer({ min: 0xfffff0, max: 0x100000f }),
        fc.nat({ max: 0xffffffff }),
      ),
      prefix: fc.uint8Array({ maxLength: 10 }),
      data: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 200 }),
        fc.nat(100),
        (tags, chunkSize, cut) => {
          const media = encodeRtmpMessages(tags, { chunkSize, streamId: 1 });
          assert.equal(
            media.length,
            tags.reduce((sum, tag) => sum + rtmpMessageBytes(tag, chunkSize), 0),
          );
          const size: RtmpMessage = {
            type: MESSAGE_SET_CHUNK_SIZE,
            timestampMs: 0,
            streamId: 0,
            data: encodeControlValue(chunkSize),
          };
          const bytes = Buffer.concat([encodeRtmpMessage(size, 128), media]);
          const expected = tags.map((tag) => [
            tag.type,
            tag.timestampMs,
            1,
            Buffer.concat([tag.prefix, tag.data]).toString('hex'),
          ]);
          assert.deepEqual(decode(bytes, [Math.min(cut, bytes.length)]).slice(1), expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

test('announcing large messages costs no memory before they come', () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 50 }, () => new ChunkDecoder());
  for (const decoder of decoders) {
    for (const csid of ['03', '04']) {
      decoder.push(bytesOf(`${csid} 000000 7a1200 09 01000000`));
      assert.equal(decoder.next(), undefined);
      decoder.push(Buffer.alloc(128));
      assert.equal(decoder.next(), undefined);
    }
  }
  const heldBytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(heldBytes < 64 * 1024 * 1024, `${decoders.length} connections hold ${heldBytes} bytes`);
});

test('a message of many megabytes arrives whole, however it is cut', () => {
  const data = Buffer.alloc(3_000_001);
  for (let at = 0; at < data.byteLength; at += 4096) data.writeUInt8((at >> 12) & 0xff, at);
  const bytes = encodeRtmpMessage({ type: 9, timestampMs: 5, streamId: 1, data }, 128);
  for (const cuts of [[], [262_143, 262_145, 1_000_000], [140]]) {
    assert.equal(decode(bytes, cuts)[0]?.[3], data.toString('hex'));
  }
});
