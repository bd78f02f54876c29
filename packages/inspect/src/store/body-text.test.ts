import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import type { HeaderLines } from '../port.ts';
import { decodeBody, readBodyText } from './body-text.ts';

const LIMIT = 1_000_000;

function headers(contentType: string, coding = ''): HeaderLines {
  return coding === ''
    ? [['Content-Type', contentType]]
    : [
        ['Content-Type', contentType],
        ['Content-Encoding', coding],
      ];
}

describe('readBodyText', () => {
  const text = 'Grüße, 世界 '.repeat(20);
  const bytes = Buffer.from(text);
  const coded: readonly [string, Buffer][] = [
    ['gzip', zlib.gzipSync(bytes)],
    ['x-gzip', zlib.gzipSync(bytes)],
    ['GZIP', Buffer.concat([zlib.gzipSync(bytes), Buffer.from('trailing garbage')])],
    ['gzip', Buffer.concat([zlib.gzipSync(bytes.subarray(0, 100)), zlib.gzipSync(bytes.subarray(100))])],
    ['deflate', zlib.deflateSync(bytes)],
    ['deflate', zlib.deflateRawSync(bytes)],
    ['br', zlib.brotliCompressSync(bytes)],
    ['zstd', zlib.zstdCompressSync(bytes)],
    ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(bytes))],
    ['utf-8', bytes],
    ['identity', bytes],
  ];
  for (const [coding, body] of coded) {
    it(`decodes ${coding}, ${body.length} bytes`, async () => {
      const view = await readBodyText(headers('text/plain', coding), body, false, LIMIT);
      assert.deepEqual(view, { bodyText: text, bodyEncoding: 'utf8', cut: false });
    });
  }

  it('gives what comes out of a cut stream', async () => {
    const long = 'abcdefghij'.repeat(20_000);
    const body = zlib.gzipSync(long, { level: 0 });
    const view = await readBodyText(
      headers('text/plain', 'gzip'),
      body.subarray(0, body.length / 2),
      true,
      LIMIT,
    );
    assert.equal(view.cut, true);
    assert.ok((view.bodyText?.length ?? 0) > 10_000 && long.startsWith(view.bodyText ?? 'nothing'));
  });

  it('bounds what a small body grows to', async () => {
    const zeros = Buffer.alloc(10_000_000);
    for (const [coding, bomb] of [
      ['gzip', zlib.gzipSync(zeros)],
      ['br', zlib.brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
      ['zstd', zlib.zstdCompressSync(zeros)],
    ] as const) {
      const decoded = await decodeBody(headers('text/plain', coding), bomb, LIMIT);
      assert.deepEqual([decoded.bytes.length, decoded.cut], [LIMIT, true]);
    }
  });

  it('bounds it by the size of the body too', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(20_000_000, 'a'));
    const decoded = await decodeBody(headers('text/plain', 'gzip'), bomb, 16_000_000);
    assert.deepEqual([decoded.bytes.length, decoded.cut], [bomb.length * 200, true]);
  });

  it('shows bytes with NUL as what they are, whatever their type says', async () => {
    const view = await readBodyText(headers('text/plain'), Buffer.from('a\0b'), false, LIMIT);
    assert.deepEqual(view, { bodyText: 'YQBi', bodyEncoding: 'base64', cut: false });
  });

  it('undoes three codings and no more', async () => {
    const four = zlib.gzipSync(zlib.gzipSync(zlib.gzipSync(zlib.gzipSync('deep'))));
    const { bytes: left } = await decodeBody(headers('text/plain', 'gzip, gzip, gzip, gzip'), four, LIMIT);
    assert.equal(zlib.gunzipSync(left).toString(), 'deep');
  });

  it('survives bytes that are not what they claim', async () => {
    for (const coding of ['gzip', 'deflate', 'br', 'zstd']) {
      const view = await readBodyText(
        headers('text/plain', coding),
        Buffer.from('not coded at all'),
        false,
        LIMIT,
      );
      assert.equal(view.cut, true);
    }
  });

  const types: readonly [string, Uint8Array, string | null, 'utf8' | 'base64'][] = [
    ['text/plain; charset=windows-1251', Buffer.from([0xcf, 0xf0, 0xe8]), 'При', 'utf8'],
    ['text/html; charset="GBK"', Buffer.from([0xc4, 0xe3]), '你', 'utf8'],
    ['text/plain; charset=no-such', Buffer.from('é'), 'é', 'utf8'],
    ['text/plain', Buffer.from([0xe9]), 'é', 'utf8'],
    ['text/plain', Buffer.from([0xff, 0xfe, 0x41, 0x00]), 'A', 'utf8'],
    ['application/vnd.api+json', Buffer.from('{}'), '{}', 'utf8'],
    ['image/png', Buffer.from('text'), 'dGV4dA==', 'base64'],
    ['', Buffer.from('plain'), 'plain', 'utf8'],
    ['application/octet-stream', Buffer.from([0, 1, 2]), 'AAEC', 'base64'],
    ['', Buffer.from([0xff, 0x01]), '/wE=', 'base64'],
    ['text/plain', Buffer.alloc(0), null, 'utf8'],
  ];
  for (const [contentType, body, expected, encoding] of types) {
    it(`reads ${Buffer.from(body).toString('hex') || 'nothing'} as ${contentType || 'no type'}`, async () => {
      const view = await readBodyText(headers(contentType), body, false, LIMIT);
      assert.deepEqual([view.bodyText, view.bodyEncoding], [expected, encoding]);
    });
  }

  it('leaves out a character that the limit tore apart', async () => {
    const view = await readBodyText(headers('text/plain'), Buffer.from('aé').subarray(0, 2), true, LIMIT);
    assert.deepEqual(view, { bodyText: 'a', bodyEncoding: 'utf8', cut: true });
  });
});
