import { errorText } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { ClashRequest } from '../table.ts';
import { plainText } from '../wire.ts';
import { encodeProfile } from './encode-profile.ts';
import { printProfile } from './print-profile.ts';
import { differenceOf, type RuntimeProfile } from './profile.ts';
import type { MomentaryProfile, RuntimeProfiler } from './runtime-profiler.ts';

const DEFAULT_CPU_SECONDS = 30;
const DEFAULT_ALLOCS_SECONDS = 2;
const MAX_SECONDS = 3_600;

/** A failure in the words of pprof's own endpoints. */
export function profileError(status: number, text: string): HttpReply {
  return plainText(status, `${text}\n`, { 'x-go-pprof': '1', 'x-content-type-options': 'nosniff' });
}

/** A profile of this moment, or with `seconds` of what changes until then. */
export async function answerMomentary(
  profiler: RuntimeProfiler,
  name: MomentaryProfile,
  { query, aborted }: ClashRequest,
): Promise<HttpReply> {
  const wish = readWish(query);
  if ('status' in wish) return wish;
  if (name === 'heap' && isOn(query.get('gc'))) profiler.collectGarbage();
  const now = await profiler.momentary(name);
  if (wish.seconds === undefined) return profileReply(now, wish.asText);
  await profiler.wait(wish.seconds * 1_000, aborted());
  return profileReply(differenceOf(now, await profiler.momentary(name)), wish.asText);
}

/** Everything allocated in the next `seconds`, two by default. */
export async function answerAllocs(profiler: RuntimeProfiler, request: ClashRequest): Promise<HttpReply> {
  const wish = readWish(request.query);
  if ('status' in wish) return wish;
  const windowMs = (wish.seconds ?? DEFAULT_ALLOCS_SECONDS) * 1_000;
  return profileReply(await profiler.allocations(windowMs, request.aborted()), wish.asText);
}

/** Where the time of the next `seconds` goes, thirty by default. */
export async function answerCpuProfile(profiler: RuntimeProfiler, request: ClashRequest): Promise<HttpReply> {
  const seconds = Number(request.query.get('seconds'));
  const windowMs =
    (Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, MAX_SECONDS) : DEFAULT_CPU_SECONDS) * 1_000;
  try {
    return await profileReply(await profiler.cpu(windowMs, request.aborted()), false);
  } catch (error) {
    return profileError(500, `Could not enable CPU profiling: ${errorText(error)}`);
  }
}

type Wish = { readonly asText: boolean; readonly seconds: number | undefined };

function readWish(query: URLSearchParams): Wish | HttpReply {
  const asText = isOn(query.get('debug'));
  const given = query.get('seconds');
  if (!given) return { asText, seconds: undefined };
  const seconds = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (seconds === 0) return profileError(400, 'invalid value for "seconds" - must be a positive integer');
  if (asText) return profileError(400, 'seconds and debug params are incompatible');
  return { asText, seconds: Math.min(seconds, MAX_SECONDS) };
}

function isOn(value: string | null): boolean {
  return value !== null && /^[+-]?\d+$/.test(value) && Number(value) !== 0;
}

async function profileReply(profile: RuntimeProfile, asText: boolean): Promise<HttpReply> {
  const noSniff = { 'x-content-type-options': 'nosniff' };
  if (asText) return plainText(200, printProfile(profile), noSniff);
  return {
    status: 200,
    contentType: 'application/octet-stream',
    headers: { ...noSniff, 'content-disposition': `attachment; filename="${profile.name}"` },
    body: await encodeProfile(profile),
  };
}
