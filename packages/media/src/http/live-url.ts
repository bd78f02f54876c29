import { isValidName } from '../source/tuple.ts';

/** What a request path asks for; `params` is the raw query text. */
export type LiveUrl = {
  readonly kind: 'flv' | 'playlist' | 'segment';
  readonly app: string;
  readonly stream: string;
  readonly params: string;
  /** Name of the segment relative to the playlist, `''` for other kinds. */
  readonly segment: string;
};

const FLV_SUFFIX = '.live.flv';
const PLAYLIST_SUFFIX = '/hls.m3u8';
const SEGMENT_SUFFIX = /\/(\d{4}-\d\d-\d\d\/\d\d\/\d\d-\d\d_\d{1,15}\.ts)$/;
const MAX_URL_CHARS = 4096;

/** Reads a request target; `undefined` when it is not the address of live media. Percent-escapes are decoded once. */
export function parseLiveUrl(target: string): LiveUrl | undefined {
  if (!target.startsWith('/') || target.length > MAX_URL_CHARS) return undefined;
  const queryAt = target.indexOf('?');
  const path = decodePath(queryAt < 0 ? target : target.slice(0, queryAt));
  const params = queryAt < 0 ? '' : target.slice(queryAt + 1);
  if (path === undefined || path.startsWith('/index/')) return undefined;
  if (path.endsWith(FLV_SUFFIX)) return named('flv', path.slice(0, -FLV_SUFFIX.length), params, '');
  if (path.endsWith(PLAYLIST_SUFFIX))
    return named('playlist', path.slice(0, -PLAYLIST_SUFFIX.length), params, '');
  const segment = SEGMENT_SUFFIX.exec(path);
  if (segment?.[1] === undefined) return undefined;
  return named('segment', path.slice(0, segment.index), params, segment[1]);
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function named(kind: LiveUrl['kind'], path: string, params: string, segment: string): LiveUrl | undefined {
  const slash = path.indexOf('/', 1);
  if (slash < 0) return undefined;
  const app = path.slice(1, slash);
  const stream = path.slice(slash + 1);
  return isValidName(app) && isValidName(stream) ? { kind, app, stream, params, segment } : undefined;
}
