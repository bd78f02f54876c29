import { formatResponseHead } from '@sluice/codec/http1/head';

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** An answer of our own, complete with a text body for people; `close` announces that the connection ends with it. */
export function formatErrorAnswer(
  status: number,
  why: string,
  options: { readonly close: boolean; readonly head: boolean },
): Buffer {
  const reason = REASONS[status] ?? 'Error';
  const body = Buffer.from(`${status} ${reason}\n\n${why}\n`);
  const headers: [string, string][] = [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Length', String(body.length)],
  ];
  if (options.close) headers.push(['Connection', 'close']);
  const head = Buffer.from(formatResponseHead(status, reason, '1.1', headers), 'latin1');
  return options.head ? head : Buffer.concat([head, body]);
}
