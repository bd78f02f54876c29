import type { IncomingMessage } from 'node:http';

/** The query string as received, without the question mark; `''` when there is none. */
export function rawQuery(request: IncomingMessage): string {
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark + 1);
}

/** The decoded query parameters; `get` answers the first of repeated ones. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams(rawQuery(request));
}
