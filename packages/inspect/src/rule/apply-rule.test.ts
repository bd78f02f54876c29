import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import type { ResponseRule } from '../port.ts';
import type { RewritableResponse } from '../proxy/services.ts';
import { applyResponseRule } from './apply-rule.ts';

const RULE: ResponseRule = {
  id: 'r',
  name: 'n',
  host: '*',
  pathRegex: '',
  method: '*',
  enabled: true,
  responseBody: null,
  responseStatus: 200,
  responseHeaders: {},
  createdAtMs: 0,
  updatedAtMs: 0,
};

const ORIGINAL: RewritableResponse = {
  status: 404,
  statusText: 'Not Found',
  headers: [
    ['Content-Type', 'text/html'],
    ['Content-Length', '3'],
    ['ETag', '"1"'],
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
  ],
  body: Buffer.from('old'),
};

describe('applyResponseRule', () => {
  it('changes only the status when the rule has neither headers nor body', () => {
    const answer = applyResponseRule(RULE, ORIGINAL);
    assert.equal(answer.status, 200);
    assert.equal(answer.body, ORIGINAL.body);
    assert.deepEqual(
      answer.headers,
      ORIGINAL.headers.filter(([name]) => name !== 'Content-Length'),
    );
    assert.equal(applyResponseRule({ ...RULE, responseStatus: 404 }, ORIGINAL).statusText, 'Not Found');
  });

  it('sends header values beyond ASCII as UTF-8', () => {
    const answer = applyResponseRule({ ...RULE, responseHeaders: { 'x-name': '报告' } }, ORIGINAL);
    const value = answer.headers.find(([name]) => name === 'x-name')?.[1] ?? '';
    assert.equal(Buffer.from(value, 'latin1').toString('utf8'), '报告');
  });

  it('keeps the headers less those of the old body when it replaces the body', () => {
    const coded = { ...ORIGINAL, headers: [...ORIGINAL.headers, ['Content-Encoding', 'gzip'] as const] };
    const answer = applyResponseRule({ ...RULE, responseBody: '{"x": 1}' }, coded);
    assert.equal(answer.body.toString(), '{"x": 1}');
    assert.deepEqual(answer.headers, [
      ['Content-Type', 'text/html'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]);
  });

  it('replaces all headers and inherits a missing content type', () => {
    const answer = applyResponseRule({ ...RULE, responseHeaders: { 'X-A': '1' } }, ORIGINAL);
    assert.deepEqual(answer.headers, [
      ['X-A', '1'],
      ['content-type', 'text/html'],
    ]);
    const typed = applyResponseRule(
      { ...RULE, responseHeaders: { 'content-type': 'a/b', 'Content-Length': '9' } },
      ORIGINAL,
    );
    assert.deepEqual(typed.headers, [['content-type', 'a/b']]);
  });

  it('codes the body as the resulting headers say', () => {
    for (const [name, decode] of [
      ['gzip', zlib.gunzipSync],
      ['br', zlib.brotliDecompressSync],
      ['deflate', zlib.inflateSync],
      ['zstd', zlib.zstdDecompressSync],
    ] as const) {
      const answer = applyResponseRule(
        { ...RULE, responseBody: 'new', responseHeaders: { 'content-encoding': name } },
        ORIGINAL,
      );
      assert.equal(decode(answer.body).toString(), 'new');
    }
    const unknown = applyResponseRule(
      { ...RULE, responseBody: 'new', responseHeaders: { 'content-encoding': 'x-odd' } },
      ORIGINAL,
    );
    assert.equal(unknown.body.toString(), 'new');
    assert.ok(!unknown.headers.some(([name]) => name === 'content-encoding'));
  });

  it('undoes the coding of a kept body that the new headers do not name', () => {
    const coded = {
      ...ORIGINAL,
      headers: [['Content-Encoding', 'gzip']] as const,
      body: zlib.gzipSync('kept'),
    };
    assert.equal(
      applyResponseRule({ ...RULE, responseHeaders: { 'X-A': '1' } }, coded).body.toString(),
      'kept',
    );
    const damaged = applyResponseRule(
      { ...RULE, responseHeaders: { 'X-A': '1' } },
      { ...coded, body: Buffer.from('not gzip') },
    );
    assert.deepEqual(damaged.headers, [
      ['X-A', '1'],
      ['content-encoding', 'gzip'],
    ]);
    assert.equal(damaged.body.toString(), 'not gzip');
  });

  it('leaves a coded body as it is when nothing about it changes', () => {
    const coded = {
      ...ORIGINAL,
      headers: [
        ['Content-Encoding', 'br'],
        ['Connection', 'close'],
      ] as const,
      body: Buffer.from('coded'),
    };
    const answer = applyResponseRule(RULE, coded);
    assert.deepEqual(answer.headers, [['Content-Encoding', 'br']]);
    assert.equal(answer.body, coded.body);
  });
});
