import { getHeapStatistics } from 'node:v8';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { ClashOptions } from '../options.ts';
import type { ClashAnswer, ClashRequest, ClashRow, RowAnswer } from '../table.ts';
import { plainText } from '../wire.ts';
import { pprofIndex } from './pprof-index.ts';
import { answerAllocs, answerCpuProfile, answerMomentary, profileError } from './profile-answers.ts';
import { MOMENTARY_PROFILES, type RuntimeProfiler } from './runtime-profiler.ts';

const NO_CACHE: Readonly<Record<string, string>> = {
  'cache-control': 'no-cache, no-store, no-transform, must-revalidate, private, max-age=0',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
  pragma: 'no-cache',
  'x-accel-expires': '0',
};
const NO_SNIFF = { 'x-content-type-options': 'nosniff' };

const PROFILE_QUERY = {
  debug: { description: 'Not 0: text in place of a compressed protobuf profile' },
  seconds: { description: 'Change over so many seconds', schema: { type: 'integer' } },
};
const PROFILE_REPLIES = {
  200: {
    description: 'A pprof profile',
    contentType: 'application/octet-stream',
    schema: { type: 'string' },
  },
  400: { description: 'A bad `seconds`' },
};

/** `/debug`, without the secret; served only while there is a profiler. */
export function debugRows({ profiler }: ClashOptions): readonly ClashRow[] {
  const withProfiler =
    (answer: (profiler: RuntimeProfiler, request: ClashRequest) => HttpReply | Promise<HttpReply>) =>
    (request: ClashRequest) =>
      profiler === undefined ? plainText(404, '404 page not found\n') : answer(profiler, request);
  const get = (
    path: string,
    summary: string,
    answer: RowAnswer,
    rest: Partial<Pick<ClashRow, 'query' | 'replies' | 'trailingSlash'>> = {},
  ): ClashRow => ({
    method: 'GET',
    path,
    area: 'public',
    anyMethod: true,
    summary,
    replies: { 200: { description: summary } },
    ...rest,
    answer: async (request) => uncached(await answer(request)),
  });
  const toIndex = { replies: { 301: { description: 'To `/debug/pprof/`' } } };
  return [
    {
      method: 'PUT',
      path: '/debug/gc',
      area: 'public',
      summary: 'Collect garbage now',
      replies: { 200: { description: 'Collected' } },
      answer: withProfiler((own) => {
        own.collectGarbage();
        return { status: 200 };
      }),
    },
    get('/debug', 'The profiles of this process', redirectToIndex, { ...toIndex, trailingSlash: true }),
    get('/debug/pprof', 'The profiles of this process', redirectToIndex, toIndex),
    get(
      '/debug/pprof/',
      'The profiles of this process, as a page',
      withProfiler(async (own) => ({
        status: 200,
        contentType: 'text/html; charset=utf-8',
        headers: NO_SNIFF,
        body: await pprofIndex(own),
      })),
    ),
    ...MOMENTARY_PROFILES.map((name) =>
      get(
        `/debug/pprof/${name}`,
        `The ${name} profile`,
        withProfiler((own, request) => answerMomentary(own, name, request)),
        {
          query: {
            ...PROFILE_QUERY,
            ...(name === 'heap' ? { gc: { description: 'Not 0: collect garbage first' } } : {}),
          },
          replies: PROFILE_REPLIES,
        },
      ),
    ),
    get('/debug/pprof/allocs', 'What is allocated in the next seconds', withProfiler(answerAllocs), {
      query: PROFILE_QUERY,
      replies: PROFILE_REPLIES,
    }),
    get('/debug/pprof/profile', 'Where the time of the next seconds goes', withProfiler(answerCpuProfile), {
      query: { seconds: { description: '30 by default', schema: { type: 'integer' } } },
      replies: { ...PROFILE_REPLIES, 500: { description: 'Another profile is being taken' } },
    }),
    get('/debug/pprof/cmdline', 'The command line, arguments separated by NUL', () =>
      plainText(200, process.argv.join('\0'), NO_SNIFF),
    ),
    // Profiles come with their function names, so there are no addresses to look up.
    get('/debug/pprof/symbol', 'Names of addresses', () => plainText(200, 'num_symbols: 1\n', NO_SNIFF)),
    get(
      '/debug/pprof/trace',
      'Execution traces do not exist in this runtime',
      () => profileError(500, 'Could not enable tracing: this runtime has no execution tracer'),
      { replies: { 500: { description: 'Why not' } } },
    ),
    get('/debug/pprof/:other', 'Any other profile', () => profileError(404, 'Unknown profile'), {
      replies: { 404: { description: 'Unknown' } },
    }),
    get('/debug/vars', 'Figures about this process', () => ({
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: variables(),
    })),
  ];
}

function uncached(answer: ClashAnswer): ClashAnswer {
  return { ...answer, headers: { ...NO_CACHE, ...answer.headers } };
}

function redirectToIndex(): HttpReply {
  return {
    status: 301,
    contentType: 'text/html; charset=utf-8',
    headers: { location: '/debug/pprof/' },
    body: '<a href="/debug/pprof/">Moved Permanently</a>.\n\n',
  };
}

function variables(): string {
  const members = {
    cmdline: process.argv,
    memstats: { ...process.memoryUsage(), ...getHeapStatistics() },
    resources: process.resourceUsage(),
    uptime: process.uptime(),
  };
  const lines = Object.entries(members).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `{\n${lines.join(',\n')}\n}\n`;
}
