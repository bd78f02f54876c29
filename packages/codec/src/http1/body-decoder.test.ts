import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { BodyDecoder } from './body-decoder.ts';
import { encodeChunk, formatLastChunk } from './chunk.ts';
import { type BodyFraming, CHUNKED, NO_BODY, UNTIL_CLOSE } from './framing.ts';

type Decoded = {
  readonly body: string;
  readonly rest: string;
  readonly ended: boolean;
  readonly trailers: unknown;
};

function decode(framing: BodyFraming, pieces: readonly Buffer[]): Decoded {
  const decoder = new BodyDecoder(framing);
  const sink = {
    text: '',
    bodyBytes(slice: Buffer) {
      this.text += slice.toString('latin1');
    },
  };
  let rest = '';
  for (const piece of pieces) rest += piece.subarray(decoder.push(piece, sink)).toString('latin1');
  return { body: sink.text, rest, ended: decoder.ended, trailers: decoder.trailers };
}

const CASES: readonly { name: string; framing: BodyFraming; text: string; expected: Decoded }[] = [
  {
    name: 'none',
    framing: NO_BODY,
    text: 'next',
    expected: { body: '', rest: 'next', ended: true, trailers: [] },
  },
  {
    name: 'length',
    framing: { kind: 'length', bytes: 5 },
    text: 'hellonext',
    expected: { body: 'hello', rest: 'next', ended: true, trailers: [] },
  },
  {
    name: 'until close',
    framing: UNTIL_CLOSE,
    text: 'hello',
    expected: { body: 'hello', rest: '', ended: false, trailers: [] },
  },
  {
    name: 'chunked',
    framing: CHUNKED,
    text: '5\r\nhello\r\n6 ; ext="v"\r\n world\r\n0\r\n\r\nnext',
    expected: { body: 'hello world', rest: 'next', ended: true, trailers: [] },
  },
  {
    name: 'chunked with trailers',
    framing: CHUNKED,
    text: '0000A\r\n0123456789\r\n0;x\r\nGrpc-Status: 0\r\nA: b\r\n\r\nnext',
    expected: {
      body: '0123456789',
      rest: 'next',
      ended: true,
      trailers: [
        ['Grpc-Status', '0'],
        ['A', 'b'],
      ],
    },
  },
];

for (const { name, framing, text, expected } of CASES) {
  test(`a body is found in any pieces: ${name}`, () => {
    const bytes = Buffer.from(text, 'latin1');
    assert.deepEqual(decode(framing, [bytes]), expected);
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(
        decode(framing, [bytes.subarray(0, cut), bytes.subarray(cut)]),
        expected,
        `cut at ${cut}`,
      );
    }
    assert.deepEqual(
      decode(
        framing,
        [...bytes].map((byte) => Buffer.of(byte)),
      ),
      expected,
    );
  });
}

const REFUSED: readonly (readonly [text: string, code: string])[] = [
  ['\r\n', 'bad-chunk-size'],
  ['x\r\n', 'bad-chunk-size'],
  ['-1\r\n', 'bad-chunk-size'],
  ['0x5\r\nhello\r\n', 'bad-chunk-size'],
  ['5\nhello\r\n', 'bad-chunk-size'],
  ['00000000000000005\r\n', 'bad-chunk-size'],
  ['ffffffffffffffff\r\n', 'bad-chunk-size'],
  ['5;a\nb\r\nhello', 'bad-chunk'],
  ['5\rhello', 'bad-chunk'],
  ['5\r\nhelloX', 'bad-chunk'],
  ['5\r\nhello\rX', 'bad-chunk'],
  [`5;${'x'.repeat(5_000)}`, 'chunk-extension-too-large'],
  [`0\r\n${'A: b\r\n'.repeat(20_000)}`, 'trailers-too-large'],
  [`0\r\n${'A: b\r\n'.repeat(300)}\r\n`, 'too-many-headers'],
  ['0\r\nContent-Length: 5\r\n\r\n', 'forbidden-trailer'],
  ['0\r\n A: 5\r\n\r\n', 'obs-fold'],
];

for (const [text, code] of REFUSED) {
  test(`refuses chunked ${JSON.stringify(text.slice(0, 24))}`, () => {
    assert.throws(() => decode(CHUNKED, [Buffer.from(text, 'latin1')]), { name: 'ProtocolError', code });
  });
}

test('sizes padded with spaces make no body too long', () => {
  const text = `${'1     \r\nx\r\n'.repeat(10_000)}0     \r\n\r\n`;
  assert.equal(decode(CHUNKED, [Buffer.from(text, 'latin1')]).body.length, 10_000);
});

test('a body that the peer cuts short is an error, except when closing ends it', () => {
  const open = new BodyDecoder(UNTIL_CLOSE);
  open.close();
  assert.equal(open.ended, true);
  assert.throws(() => new BodyDecoder(CHUNKED).close(), { code: 'body-cut-short' });
  assert.throws(() => new BodyDecoder({ kind: 'length', bytes: 1 }).close(), { code: 'body-cut-short' });
  new BodyDecoder(NO_BODY).close();
});

test('encoded chunks decode to the same bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), { maxLength: 6 }),
      (groups) => {
        const slices = groups.map((group) => group.map((part) => Buffer.from(part)));
        const chunks = slices.flatMap((group) => encodeChunk(group) ?? []);
        const wire = Buffer.concat([
          ...chunks,
          Buffer.from(formatLastChunk([['T', 'v']])),
          Buffer.from('rest'),
        ]);
        const decoded = decode(CHUNKED, [wire]);
        assert.equal(decoded.body, Buffer.concat(slices.flat()).toString('latin1'));
        assert.equal(decoded.rest, 'rest');
        assert.deepEqual(decoded.trailers, [['T', 'v']]);
      },
    ),
  );
});

test('only ProtocolError comes out of garbage', () => {
  const alphabet = fc.constantFrom(...'0159afG;\r\n \tx:'.split(''));
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 60 }), (chars) => {
      try {
        decode(CHUNKED, [Buffer.from(chars.join(''), 'latin1')]);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
