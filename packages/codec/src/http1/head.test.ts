import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { formatRequestHead, formatResponseHead, parseRequestHead, parseResponseHead } from './head.ts';
import { HeadBuffer } from './head-buffer.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

test('a request head keeps order, case, duplicates and every byte of its values', () => {
  const text =
    'GET /a%20b?x=1 HTTP/1.1\r\nHost: a.test\r\nX-Two: 1\r\nx-two:2\r\nUTF: \xc3\xa9\t \r\nEmpty:\r\n\r\n';
  const head = parseRequestHead(bytes(text));
  assert.deepEqual(head, {
    method: 'GET',
    target: '/a%20b?x=1',
    version: '1.1',
    headers: [
      ['Host', 'a.test'],
      ['X-Two', '1'],
      ['x-two', '2'],
      ['UTF', '\xc3\xa9'],
      ['Empty', ''],
    ],
  });
});

test('a response head may lack its reason', () => {
  assert.equal(parseResponseHead(bytes('HTTP/1.1 200\r\n\r\n')).reason, '');
  assert.equal(parseResponseHead(bytes('HTTP/1.0 204 \r\n\r\n')).reason, '');
  assert.equal(parseResponseHead(bytes('HTTP/1.1 404 Not Found\r\n\r\n')).reason, 'Not Found');
  assert.equal(parseResponseHead(bytes('HTTP/1.1 999 \xe6\xbc\xa2\r\n\r\n')).status, 999);
});

const REFUSED: readonly (readonly [name: string, head: string, code: string])[] = [
  ['no method', ' / HTTP/1.1\r\n\r\n', 'bad-method'],
  ['two spaces', 'GET  / HTTP/1.1\r\n\r\n', 'bad-target'],
  ['space in target', 'GET /a b HTTP/1.1\r\n\r\n', 'bad-version'],
  ['tab in target', 'GET /a\tb HTTP/1.1\r\n\r\n', 'bad-target'],
  ['no version', 'GET /\r\n\r\n', 'bad-target'],
  ['HTTP/2', 'GET / HTTP/2\r\n\r\n', 'bad-version'],
  ['lower-case http', 'GET / http/1.1\r\n\r\n', 'bad-version'],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\n', 'http2-preface'],
  ['folded line', 'GET / HTTP/1.1\r\nA: 1\r\n b\r\n\r\n', 'obs-fold'],
  ['fold at once', 'GET / HTTP/1.1\r\n A: 1\r\n\r\n', 'obs-fold'],
  ['space before colon', 'GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n', 'whitespace-before-colon'],
  ['tab before colon', 'GET / HTTP/1.1\r\nA\t: 1\r\n\r\n', 'whitespace-before-colon'],
  ['no colon', 'GET / HTTP/1.1\r\nA\r\n\r\n', 'bad-header-name'],
  ['empty name', 'GET / HTTP/1.1\r\n: 1\r\n\r\n', 'bad-header-name'],
  ['odd name', 'GET / HTTP/1.1\r\nA(b): 1\r\n\r\n', 'bad-header-name'],
  ['NUL', 'GET / HTTP/1.1\r\nA: \0\r\n\r\n', 'nul'],
  ['bare CR in value', 'GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n', 'bare-cr'],
  ['bare LF in value', 'GET / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n', 'bare-lf'],
  ['bare CR in request line', 'GET / HTTP/1.1\rA: 2\r\n\r\n', 'bare-cr'],
];

for (const [name, head, code] of REFUSED) {
  test(`refuses a request head: ${name}`, () => {
    assert.throws(() => parseRequestHead(bytes(head)), { name: 'ProtocolError', code });
  });
}

test('refuses malformed status lines', () => {
  for (const line of [
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 No',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1200 OK',
  ]) {
    assert.throws(() => parseResponseHead(bytes(`${line}\r\n\r\n`)), { code: 'bad-status' }, line);
  }
  assert.throws(() => parseResponseHead(bytes('ICY 200 OK\r\n\r\n')), { code: 'bad-version' });
});

test('more than 200 header lines are too many', () => {
  const lines = (count: number): Buffer => bytes(`GET / HTTP/1.1\r\n${'A: 1\r\n'.repeat(count)}\r\n`);
  assert.equal(parseRequestHead(lines(200)).headers.length, 200);
  assert.throws(() => parseRequestHead(lines(201)), { code: 'too-many-headers' });
});

test('heads are found whatever the pieces they come in', () => {
  const text = '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nbody';
  for (let cut = 0; cut <= text.length; cut++) {
    const buffer = new HeadBuffer();
    const first = buffer.push(bytes(text.slice(0, cut)));
    const found = first ?? buffer.push(bytes(text.slice(cut)));
    assert.equal(found?.head.toString('latin1'), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', `cut at ${cut}`);
    const rest = first === undefined ? found?.rest.toString() : found?.rest.toString() + text.slice(cut);
    assert.equal(rest, 'body');
    assert.equal(buffer.empty, true);
  }
});

test('a head byte by byte is found, and is bounded', () => {
  const buffer = new HeadBuffer(64);
  const text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  for (const char of text.slice(0, -1)) assert.equal(buffer.push(bytes(char)), undefined);
  assert.equal(buffer.peek().toString(), text.slice(0, -1));
  assert.equal(buffer.push(bytes('\n'))?.head.length, text.length);
  assert.throws(
    () => {
      for (let index = 0; index < 66; index++) buffer.push(bytes('x'));
    },
    { code: 'head-too-large' },
  );
  assert.throws(() => new HeadBuffer(64).push(bytes(`GET / HTTP/1.1\r\nA: ${'b'.repeat(64)}\r\n\r\n`)), {
    code: 'head-too-large',
  });
});

test('a head with bare LF line ends fails at once instead of waiting for more', () => {
  assert.throws(() => new HeadBuffer().push(bytes('GET / HTTP/1.1\nHost: a\n\n')), { code: 'bare-lf' });
});

test('what is formatted reads back the same', () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/);
  const value = fc.stringMatching(/^[!-~\xa1-\xff]([ -~\xa1-\xff]{0,20}[!-~\xa1-\xff])?$/);
  const headers = fc.array(fc.tuple(name, value), { maxLength: 20 });
  fc.assert(
    fc.property(headers, fc.integer({ min: 100, max: 999 }), (lines, status) => {
      const request = parseRequestHead(bytes(formatRequestHead('PUT', '/x', '1.1', lines)));
      assert.deepEqual(request.headers, lines);
      const response = parseResponseHead(bytes(formatResponseHead(status, 'Why', '1.0', lines)));
      assert.deepEqual(response, { status, reason: 'Why', version: '1.0', headers: lines });
    }),
  );
});

test('only ProtocolError comes out of damaged heads', () => {
  const base = bytes('POST /path HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nX: y\r\n\r\n');
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 }), (edits) => {
      const damaged = Buffer.from(base);
      for (const [at, byte] of edits) damaged[at] = byte;
      for (const parse of [parseRequestHead, parseResponseHead]) {
        try {
          parse(damaged);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});
