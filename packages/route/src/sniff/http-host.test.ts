import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { httpHost, looksLikeHttp } from './http-host.ts';

describe('the host of an HTTP request', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['GET / HTTP/1.1\r\nHost: example.test\r\n\r\n', 'example.test'],
    ['get / HTTP/1.1\r\nAccept: */*\r\nHOST:\tExample.TEST:8080 \r\n\r\nbody', 'example.test'],
    ['POST /x HTTP/1.1\nHost: lf.test\n\n', 'lf.test'],
    ['GET / HTTP/1.1\r\nHost: first.test\r\nHost: second.test\r\n\r\n', 'first.test'],
    // A head that is cut may still hold the whole field.
    ['GET / HTTP/1.1\r\nHost: whole.test\r\nAcc', 'whole.test'],
    ['GET / HTTP/1.1\r\nHost: cut.te', undefined],
    ['GET / HTTP/1.1\r\nAccept: */*\r\n\r\nHost: body.test\r\n', undefined],
    ['GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n', undefined],
    ['GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n', undefined],
    ['GET / HTTP/1.1\r\nHost: \r\n\r\n', undefined],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', undefined],
    ['SSH-2.0-OpenSSH\r\nHost: x.test\r\n\r\n', undefined],
    ['', undefined],
  ];
  for (const [text, host] of cases)
    it(JSON.stringify(text), () => assert.equal(httpHost(Buffer.from(text)), host));

  it('can be told from the first bytes', () => {
    assert.equal(looksLikeHttp(Buffer.from('OPT')), true);
    assert.equal(looksLikeHttp(Buffer.from('OPTIONSX')), false);
    assert.equal(looksLikeHttp(Buffer.alloc(0)), false);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        httpHost(Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nHost:'), tail]));
        httpHost(tail);
      }),
    );
  });
});
