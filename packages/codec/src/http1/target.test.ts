import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { parseRequestTarget } from './target.ts';

test('the four forms of a request target', () => {
  assert.deepEqual(parseRequestTarget('GET', '/a?b#c'), { form: 'origin', path: '/a?b' });
  assert.deepEqual(parseRequestTarget('OPTIONS', '*'), { form: 'asterisk' });
  assert.deepEqual(parseRequestTarget('CONNECT', 'A.test:8443'), {
    form: 'authority',
    host: 'a.test',
    port: 8443,
  });
  assert.deepEqual(parseRequestTarget('CONNECT', 'a.test'), { form: 'authority', host: 'a.test', port: 443 });
  assert.deepEqual(parseRequestTarget('CONNECT', '[::1]:1'), { form: 'authority', host: '::1', port: 1 });
  assert.deepEqual(parseRequestTarget('GET', 'HTTP://u:p@A.test:81/x?y=http://z#f'), {
    form: 'absolute',
    scheme: 'http',
    host: 'a.test',
    port: 81,
    authority: 'A.test:81',
    path: '/x?y=http://z',
  });
  assert.deepEqual(parseRequestTarget('GET', 'https://a.test?q'), {
    form: 'absolute',
    scheme: 'https',
    host: 'a.test',
    port: 443,
    authority: 'a.test',
    path: '/?q',
  });
});

test('refuses targets that name no host', () => {
  for (const target of [
    '',
    'a.test',
    'ftp://a/',
    'http://',
    'http:///x',
    'http://:80/',
    'http://a:x/',
    'http://a:99999/',
    '://a',
    'http://a\\b/',
  ]) {
    assert.throws(() => parseRequestTarget('GET', target), { code: 'bad-target' }, target);
  }
  for (const target of ['', ':443', 'a:b:c', '[a]:1', '/x', 'a/b:1', 'u@a:1']) {
    assert.throws(() => parseRequestTarget('CONNECT', target), { code: 'bad-target' }, target);
  }
});

test('only ProtocolError comes out', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('GET', 'CONNECT'), (text, method) => {
      for (const target of [text, `http://${text}`]) {
        try {
          parseRequestTarget(method, target);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
    }),
  );
});
