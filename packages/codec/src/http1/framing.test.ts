import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyFraming, CHUNKED, keepsAlive, NO_BODY, UNTIL_CLOSE } from './framing.ts';
import { parseRequestHead, parseResponseHead } from './head.ts';

const request = (lines: string, version = '1.1') =>
  bodyFraming(
    parseRequestHead(Buffer.from(`POST / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`, 'latin1')),
    'request',
  );
const response = (lines: string, status = 200, method = 'GET', version = '1.1') =>
  bodyFraming(parseResponseHead(Buffer.from(`HTTP/${version} ${status} X\r\n${lines}\r\n`, 'latin1')), {
    method,
  });

test('the length of a message', () => {
  assert.deepEqual(request(''), NO_BODY);
  assert.deepEqual(request('Content-Length: 0\r\n'), NO_BODY);
  assert.deepEqual(request('content-length: 17\r\n'), { kind: 'length', bytes: 17 });
  assert.deepEqual(request('Transfer-Encoding: Chunked\r\n'), CHUNKED);
  assert.deepEqual(request('Transfer-Encoding: gzip, chunked\r\n'), CHUNKED);
  assert.deepEqual(response(''), UNTIL_CLOSE);
  assert.deepEqual(response('Transfer-Encoding: gzip\r\n'), UNTIL_CLOSE);
  assert.deepEqual(response('Content-Length: 5\r\n', 200, 'HEAD'), NO_BODY);
  assert.deepEqual(response('Content-Length: 5\r\n', 304), NO_BODY);
  assert.deepEqual(response('Content-Length: 5\r\n', 204), NO_BODY);
  assert.deepEqual(response('', 100), NO_BODY);
  assert.deepEqual(response('', 200, 'CONNECT'), NO_BODY);
  assert.deepEqual(response('', 407, 'CONNECT'), UNTIL_CLOSE);
});

const SMUGGLING: readonly (readonly [lines: string, code: string])[] = [
  ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'te-and-cl'],
  ['Transfer-Encoding: chunked\r\nContent-Length: 0\r\n', 'te-and-cl'],
  ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 'repeated-te'],
  ['Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n', 'repeated-te'],
  ['Content-Length: 5\r\nContent-Length: 5\r\n', 'repeated-cl'],
  ['Content-Length: 5\r\nContent-Length: 6\r\n', 'repeated-cl'],
  ['Content-Length: 5, 5\r\n', 'bad-content-length'],
  ['Content-Length: +5\r\n', 'bad-content-length'],
  ['Content-Length: -5\r\n', 'bad-content-length'],
  ['Content-Length: 05\r\n', 'bad-content-length'],
  ['Content-Length: 0x5\r\n', 'bad-content-length'],
  ['Content-Length: 1e1\r\n', 'bad-content-length'],
  ['Content-Length: 5 \t5\r\n', 'bad-content-length'],
  ['Content-Length:\r\n', 'bad-content-length'],
  ['Content-Length: 18446744073709551616\r\n', 'bad-content-length'],
  ['Content-Length: 9007199254740993\r\n', 'bad-content-length'],
  ['Transfer-Encoding: xchunked\r\n', 'unknown-coding'],
  ['Transfer-Encoding: chunked;q=1\r\n', 'unknown-coding'],
  ['Transfer-Encoding: \x0bchunked\r\n', 'unknown-coding'],
  ['Transfer-Encoding:\r\n', 'unknown-coding'],
  ['Transfer-Encoding: chunked, gzip\r\n', 'bad-transfer-encoding'],
  ['Transfer-Encoding: chunked, chunked\r\n', 'bad-transfer-encoding'],
  ['Transfer-Encoding: gzip\r\n', 'te-not-chunked'],
  ['Transfer-Encoding: identity\r\n', 'te-not-chunked'],
  ['Host: b\r\n', 'repeated-host'],
];

for (const [lines, code] of SMUGGLING) {
  test(`refuses a request with ${JSON.stringify(lines)}`, () => {
    assert.throws(() => request(lines), { name: 'ProtocolError', code });
  });
}

test('refuses transfer codings where there can be none', () => {
  assert.throws(() => request('Transfer-Encoding: chunked\r\n', '1.0'), { code: 'te-in-http10' });
  assert.throws(() => response('Transfer-Encoding: chunked\r\n', 200, 'GET', '1.0'), {
    code: 'te-in-http10',
  });
  assert.throws(() => response('Transfer-Encoding: chunked\r\n', 204), { code: 'te-not-allowed' });
  assert.throws(() => response('Transfer-Encoding: chunked\r\n', 101), { code: 'te-not-allowed' });
  assert.throws(() => response('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n'), { code: 'te-and-cl' });
});

test('a request of version 1.1 names its host', () => {
  const head = (version: string) => parseRequestHead(Buffer.from(`GET / HTTP/${version}\r\n\r\n`));
  assert.throws(() => bodyFraming(head('1.1'), 'request'), { code: 'missing-host' });
  assert.deepEqual(bodyFraming(head('1.0'), 'request'), NO_BODY);
});

test('connection persistence', () => {
  assert.equal(keepsAlive([], '1.1'), true);
  assert.equal(keepsAlive([], '1.0'), false);
  assert.equal(keepsAlive([['CONNECTION', 'foo, Close']], '1.1'), false);
  assert.equal(keepsAlive([['Connection', 'Keep-Alive']], '1.0'), true);
  assert.equal(
    keepsAlive(
      [
        ['Connection', 'keep-alive'],
        ['Connection', 'close'],
      ],
      '1.1',
    ),
    false,
  );
});
