import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import type { Answer } from '../../test-support/http-client.ts';
import { type ContractCase, PAGE_NOT_FOUND } from './contract-case.ts';

const NO_CACHE = {
  'cache-control': 'no-cache, no-store, no-transform, must-revalidate, private, max-age=0',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
  pragma: 'no-cache',
  'x-accel-expires': '0',
};
const INDEX = { location: '/debug/pprof/' };

/** Checks that an answer is a profile that has the named measures, the last one shown by default. */
const isProfile =
  (...measures: readonly string[]) =>
  ({ bytes }: Answer): void => {
    const profile = Profile.decode(gunzipSync(bytes));
    const { strings } = profile.stringTable;
    const names = profile.sampleType.map(
      ({ type, unit }) => `${strings[Number(type)]}/${strings[Number(unit)]}`,
    );
    assert.deepEqual(names, measures);
    const locations = new Set(profile.location.map(({ id }) => Number(id)));
    for (const { locationId, value } of profile.sample) {
      assert.equal(value.length, measures.length);
      assert.ok(locationId.every((id) => locations.has(Number(id))));
    }
  };

const MOMENTS = [
  ['block', 'contentions/count', 'delay/nanoseconds'],
  ['goroutine', 'goroutine/count'],
  ['heap', 'inuse_objects/count', 'inuse_space/bytes'],
  ['mutex', 'contentions/count', 'delay/nanoseconds'],
  ['threadcreate', 'threadcreate/count'],
] as const;

/** Cases that need `/debug`; all of them take no secret. */
export const DEBUG_CASES: readonly ContractCase[] = [
  {
    endpoint: 'PUT /debug/gc',
    name: 'collected',
    path: '/debug/gc',
    status: 200,
    text: '',
    replyHeaders: { 'cache-control': undefined },
  },
  {
    endpoint: 'PUT /debug/gc',
    name: 'GET',
    method: 'GET',
    path: '/debug/gc',
    status: 405,
    text: '',
    replyHeaders: { allow: 'PUT' },
  },
  ...['/debug', '/debug/', '/debug/pprof'].map(
    (path): ContractCase => ({
      endpoint: 'GET /debug',
      name: path,
      path,
      status: 301,
      replyHeaders: { ...NO_CACHE, ...INDEX },
    }),
  ),
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'the index',
    path: '/debug/pprof/',
    status: 200,
    text: /<a href="heap\?debug=1">heap<\/a>.*<a href="profile">profile<\/a>/s,
    replyHeaders: { ...NO_CACHE, 'content-type': 'text/html; charset=utf-8' },
  },
  ...MOMENTS.flatMap(([name, ...measures]): readonly ContractCase[] => [
    {
      endpoint: 'GET /debug/pprof/*',
      name,
      path: `/debug/pprof/${name}?raw=true`,
      status: 200,
      replyHeaders: {
        ...NO_CACHE,
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename="${name}"`,
      },
      check: isProfile(...measures),
    },
    {
      endpoint: 'GET /debug/pprof/*',
      name: `${name} as text`,
      path: `/debug/pprof/${name}?debug=1`,
      status: 200,
      text: new RegExp(`^${name} profile: total `),
      replyHeaders: { 'content-type': 'text/plain; charset=utf-8', 'content-disposition': undefined },
    },
    {
      endpoint: 'GET /debug/pprof/*',
      name: `the change of ${name}`,
      path: `/debug/pprof/${name}?seconds=1`,
      status: 200,
      check: isProfile(...measures),
    },
  ]),
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'heap after a collection',
    path: '/debug/pprof/heap?gc=1',
    status: 200,
    check: isProfile('inuse_objects/count', 'inuse_space/bytes'),
  },
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'allocs',
    path: '/debug/pprof/allocs?seconds=1',
    status: 200,
    replyHeaders: { 'content-disposition': 'attachment; filename="allocs"' },
    check: isProfile('alloc_objects/count', 'alloc_space/bytes'),
  },
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'profile',
    path: '/debug/pprof/profile?seconds=1',
    status: 200,
    replyHeaders: { ...NO_CACHE, 'content-disposition': 'attachment; filename="profile"' },
    check: isProfile('samples/count', 'cpu/nanoseconds'),
  },
  ...['0', '-1', 'x', '1.5'].map(
    (seconds): ContractCase => ({
      endpoint: 'GET /debug/pprof/*',
      name: `seconds=${seconds}`,
      path: `/debug/pprof/heap?seconds=${seconds}`,
      status: 400,
      text: 'invalid value for "seconds" - must be a positive integer\n',
      replyHeaders: { 'x-go-pprof': '1' },
    }),
  ),
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'a change as text',
    path: '/debug/pprof/goroutine?seconds=1&debug=1',
    status: 400,
    text: 'seconds and debug params are incompatible\n',
  },
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'cmdline',
    path: '/debug/pprof/cmdline',
    status: 200,
    text: process.argv.join('\0'),
    replyHeaders: NO_CACHE,
  },
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'symbol',
    method: 'POST',
    path: '/debug/pprof/symbol',
    body: '0x1+0x2',
    status: 200,
    text: 'num_symbols: 1\n',
  },
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'trace',
    path: '/debug/pprof/trace?seconds=1',
    status: 500,
    text: 'Could not enable tracing: this runtime has no execution tracer\n',
  },
  {
    endpoint: 'GET /debug/pprof/*',
    name: 'unknown',
    path: '/debug/pprof/other',
    status: 404,
    text: 'Unknown profile\n',
    replyHeaders: { ...NO_CACHE, 'x-go-pprof': '1' },
  },
  {
    endpoint: 'GET /debug/vars',
    name: 'figures',
    path: '/debug/vars',
    status: 200,
    replyHeaders: { ...NO_CACHE, 'content-type': 'application/json; charset=utf-8' },
    check: ({ body }) => assert.ok(JSON.parse(body).memstats.heapUsed > 0),
  },
  { endpoint: 'GET /debug', name: 'anything else', path: '/debug/other', status: 404, text: PAGE_NOT_FOUND },
];

/** The same paths while the log level was another at start. */
export const NO_DEBUG_CASES: readonly ContractCase[] = ['/debug', '/debug/pprof/', '/debug/vars'].map(
  (path): ContractCase => ({
    endpoint: 'GET /debug',
    name: `switched off: ${path}`,
    path,
    status: 404,
    text: PAGE_NOT_FOUND,
  }),
);
