import assert from 'node:assert/strict';
import { type ContractCase, PAGE_NOT_FOUND } from './contract-case.ts';

/** A folder with `index.html`, `app.js`, and `empty/` without an index. */
export const UI_DIR = new URL('./ui-sample/', import.meta.url).pathname;
const UI = { options: { uiDir: UI_DIR, secret: 's' } } as const;

export const PAGE_CASES: readonly ContractCase[] = [
  {
    endpoint: 'GET /',
    name: 'hello',
    path: '/',
    status: 200,
    text: '{"hello":"mihomo"}\n',
    replyHeaders: { 'content-type': 'application/json', vary: 'Origin', 'content-length': '19' },
  },
  {
    endpoint: 'GET /version',
    name: 'the version',
    path: '/version',
    status: 200,
    text: '{"meta":true,"version":"v1.19.27"}\n',
  },
  {
    endpoint: 'GET /version',
    name: 'with doubled leading slashes, as one manual writes it',
    path: '//version',
    status: 200,
    text: '{"meta":true,"version":"v1.19.27"}\n',
  },
  {
    endpoint: 'GET /version',
    name: 'no secret',
    path: '/version',
    options: { secret: 's' },
    status: 401,
    text: '{"message":"Unauthorized"}\n',
    replyHeaders: { 'content-type': 'application/json', 'www-authenticate': undefined },
  },
  {
    endpoint: 'GET /ui',
    name: 'to the folder',
    path: '/ui',
    ...UI,
    status: 307,
    text: /^<a href="\/ui\/">Temporary Redirect<\/a>\./,
    replyHeaders: { location: '/ui/' },
  },
  { endpoint: 'GET /ui/*', name: 'the index', path: '/ui/', ...UI, status: 200, text: /<p>sample<\/p>/ },
  {
    endpoint: 'GET /ui/*',
    name: 'a file',
    path: '/ui/app.js',
    ...UI,
    status: 200,
    check: ({ headers }) => {
      assert.match(headers['content-type'] ?? '', /javascript/);
      assert.ok(headers['last-modified']);
    },
  },
  {
    endpoint: 'GET /ui/*',
    name: 'a part of a file',
    path: '/ui/app.js',
    headers: { range: 'bytes=0-1' },
    ...UI,
    status: 206,
  },
  {
    endpoint: 'GET /ui/*',
    name: 'an index by its name',
    path: '/ui/index.html',
    ...UI,
    status: 301,
    replyHeaders: { location: './' },
  },
  {
    endpoint: 'GET /ui/*',
    name: 'a folder without slash',
    path: '/ui/empty',
    ...UI,
    status: 301,
    replyHeaders: { location: 'empty/' },
  },
  {
    endpoint: 'GET /ui/*',
    name: 'a listing',
    path: '/ui/empty/',
    ...UI,
    status: 200,
    text: /<a href="\.\/note\.txt">/,
  },
  { endpoint: 'GET /ui/*', name: 'missing', path: '/ui/none', ...UI, status: 404, text: PAGE_NOT_FOUND },
  {
    endpoint: 'GET /ui/*',
    name: 'HEAD',
    method: 'HEAD',
    path: '/ui/app.js',
    ...UI,
    status: 405,
    replyHeaders: { allow: 'GET' },
  },
  { endpoint: 'GET /ui', name: 'switched off', path: '/ui', status: 404, text: PAGE_NOT_FOUND },
];
