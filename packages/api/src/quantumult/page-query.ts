import type { Page, PageQuery } from '@sluice/inspect/port';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;
const MAX_KEYWORD_LENGTH = 1_000;
const DEFAULT_HOURS = 24;
const MAX_HOURS = 8_760;

/** The leading integer of a text as `parseInt` reads it; `fallback` when there is none, it is 0 or below `min`. */
function integerParam(text: string | null, fallback: number, max: number): number {
  const value = Number.parseInt(text ?? '', 10);
  return value >= 1 ? Math.min(value, max) : fallback;
}

/** Reads paging and search; the first of repeated parameters counts. */
export function parsePageQuery(query: URLSearchParams): PageQuery {
  const host = query.get('host') ?? '';
  const keyword = (query.get('keyword') ?? '').slice(0, MAX_KEYWORD_LENGTH);
  return {
    page: integerParam(query.get('page'), 1, Number.MAX_SAFE_INTEGER),
    limit: integerParam(query.get('limit'), DEFAULT_LIMIT, MAX_LIMIT),
    isRegex: query.get('isRegex') === 'true',
    ...(host === '' ? {} : { host: canonicalHost(host) }),
    ...(keyword === '' ? {} : { keyword }),
  };
}

/** Hours to look back. */
export function parseHours(query: URLSearchParams): number {
  return integerParam(query.get('hours'), DEFAULT_HOURS, MAX_HOURS);
}

/** A host name as records carry it: lower case, punycode, IPv6 without brackets. */
export function canonicalHost(host: string): string {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const authority = bare.includes(':') ? `[${bare}]` : bare;
  const parsed = URL.parse(`http://${authority}`);
  // A text that is no host name matches nothing, which is what its own lower case does.
  if (parsed === null || parsed.pathname !== '/' || parsed.username !== '') return bare.toLowerCase();
  return parsed.hostname.replace(/^\[|\]$/g, '');
}

/** The pagination shape of requests, responses and hosts. */
export function pageBody(page: Page<unknown>, { page: number, limit }: PageQuery): object {
  return {
    data: page.rows,
    pagination: { total: page.total, page: number, limit, totalPages: Math.ceil(page.total / limit) },
    ...(page.partial ? { partial: true } : {}),
  };
}
