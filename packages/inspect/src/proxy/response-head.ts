import { STATUS_CODES } from 'node:http';
import type { BodyFraming } from '@sluice/codec/http1/framing';
import { isBodyless, keepsAlive } from '@sluice/codec/http1/framing';
import { formatResponseHead, type RequestHead, type ResponseHead } from '@sluice/codec/http1/head';
import { type HeaderLines, headerValue } from '@sluice/codec/http1/header';
import { stripHopByHop } from '@sluice/codec/http1/hop-by-hop';
import type { ResponseRewrite } from './services.ts';

/** How a response leaves towards the client. */
export type ClientFraming = {
  /** The head as it goes on the wire, Latin-1. */
  readonly text: string;
  readonly chunked: boolean;
  /** True when only closing the connection ends the body. */
  readonly close: boolean;
};

/** The head for the client of a response that is passed on as it comes. */
export function clientResponseHead(
  request: RequestHead,
  response: ResponseHead,
  framing: BodyFraming,
): ClientFraming {
  let headers = stripHopByHop(response.headers);
  const openEnded = framing.kind === 'chunked' || framing.kind === 'until-close';
  const chunked = openEnded && request.version === '1.1';
  if (framing.kind === 'until-close' && chunked) headers = withChunked(headers);
  if (openEnded && !chunked) headers = withoutTransferEncoding(headers);
  const close = openEnded && !chunked;
  // A 1.0 client only knows that its connection stays open when it is told.
  if (!close && request.version === '1.0' && keepsAlive(request.headers, '1.0')) {
    headers = [...headers, ['Connection', 'keep-alive']];
  }
  return { text: formatResponseHead(response.status, response.reason, '1.1', headers), chunked, close };
}

function withChunked(headers: HeaderLines): HeaderLines {
  const coding = headerValue(headers, 'transfer-encoding');
  return [
    ...withoutTransferEncoding(headers),
    ['Transfer-Encoding', coding === undefined ? 'chunked' : `${coding}, chunked`],
  ];
}

function withoutTransferEncoding(headers: HeaderLines): HeaderLines {
  return headers.filter(([name]) => name.toLowerCase() !== 'transfer-encoding');
}

const STREAMED = [
  'text/event-stream',
  'multipart/x-mixed-replace',
  'application/grpc',
  'application/x-ndjson',
];

/** True for content that is meant to be read while it is still being sent, so that it must never be held back. */
export function isStreamed(headers: HeaderLines): boolean {
  const type = headerValue(headers, 'content-type')?.toLowerCase();
  return type !== undefined && STREAMED.some((streamed) => type.startsWith(streamed));
}

/** A changed response: its head for the client (framed anew) and its body, which is kept but not sent where none may be. */
export type RewrittenResponse = {
  readonly head: ResponseHead;
  readonly body: Buffer;
  readonly bodySent: boolean;
};

const FRAMING = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'trailer',
  'upgrade',
]);

/** Applies a rule to a whole response and frames the result. */
export function rewriteResponse(
  request: RequestHead,
  response: ResponseHead,
  body: Buffer,
  rewrite: ResponseRewrite,
): RewrittenResponse {
  const changed = rewrite.apply({
    status: response.status,
    statusText: response.reason,
    headers: stripHopByHop(response.headers),
    body,
  });
  const headers = changed.headers.filter(([name]) => !FRAMING.has(name.toLowerCase()));
  const bodySent = !isBodyless(changed.status, request.method);
  if (bodySent) headers.push(['Content-Length', String(changed.body.length)]);
  if (request.version === '1.0' && keepsAlive(request.headers, '1.0'))
    headers.push(['Connection', 'keep-alive']);
  return {
    head: {
      status: changed.status,
      reason: changed.statusText || (STATUS_CODES[changed.status] ?? ''),
      version: '1.1',
      headers,
    },
    body: changed.body,
    bodySent,
  };
}
