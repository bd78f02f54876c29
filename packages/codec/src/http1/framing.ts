import { ProtocolError } from '@sluice/base/errors';
import type { HttpVersion, RequestHead, ResponseHead } from './head.ts';
import { type HeaderLines, headerTokens, headerValue, singleHeaderValue, trimBlanks } from './header.ts';

/** How the end of a message body is found (RFC 9112 §6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/** No body at all. */
export const NO_BODY: BodyFraming = { kind: 'none' };
/** Chunked transfer coding. */
export const CHUNKED: BodyFraming = { kind: 'chunked' };
/** Everything until the connection closes; responses only. */
export const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };

const CODINGS = new Set(['chunked', 'gzip', 'x-gzip', 'deflate', 'compress', 'x-compress', 'identity']);

/**
 * The framing of a message, refusing everything two parsers could read differently. `context` is `'request'`, or the
 * method of the request a response answers.
 * @throws ProtocolError `te-and-cl`, `repeated-te`, `repeated-cl`, `bad-content-length`, `te-in-http10`, `te-not-allowed`,
 *   `te-not-chunked`, `bad-transfer-encoding`, `unknown-coding`, `repeated-host`, `missing-host`
 */
export function bodyFraming(
  head: RequestHead | ResponseHead,
  context: 'request' | { readonly method: string },
): BodyFraming {
  if (context === 'request') return requestFraming(head.headers, head.version);
  return responseFraming(head as ResponseHead, context.method);
}

/** `bodyFraming` of a request. */
export function requestFraming(headers: HeaderLines, version: HttpVersion): BodyFraming {
  const host = singleHeaderValue(headers, 'host', 'repeated-host');
  if (host === undefined && version === '1.1') throw new ProtocolError('missing-host', 0);
  const coding = transferEncoding(headers, version);
  const length = contentLength(headers);
  if (coding !== undefined) {
    if (length !== undefined) throw new ProtocolError('te-and-cl', 0);
    if (coding !== 'chunked') throw new ProtocolError('te-not-chunked', 0);
    return CHUNKED;
  }
  return length === undefined ? NO_BODY : lengthFraming(length);
}

/** `bodyFraming` of a response to a request with `method`. */
export function responseFraming(head: ResponseHead, method: string): BodyFraming {
  const { headers, status, version } = head;
  const coding = transferEncoding(headers, version);
  const length = contentLength(headers);
  if (coding !== undefined && length !== undefined) throw new ProtocolError('te-and-cl', 0);
  if (coding !== undefined && (status < 200 || status === 204)) throw new ProtocolError('te-not-allowed', 0);
  if (isBodyless(status, method)) return NO_BODY;
  if (coding !== undefined) return coding === 'chunked' ? CHUNKED : UNTIL_CLOSE;
  return length === undefined ? UNTIL_CLOSE : lengthFraming(length);
}

/** True when a response has no body whatever its headers say (RFC 9110 §6.4.1). */
export function isBodyless(status: number, requestMethod: string): boolean {
  if (status < 200 || status === 204 || status === 304 || requestMethod === 'HEAD') return true;
  return requestMethod === 'CONNECT' && status < 300;
}

function lengthFraming(bytes: number): BodyFraming {
  return bytes === 0 ? NO_BODY : { kind: 'length', bytes };
}

function contentLength(headers: HeaderLines): number | undefined {
  const text = singleHeaderValue(headers, 'content-length', 'repeated-cl');
  if (text === undefined) return undefined;
  const value = Number(text);
  // String() only gives back canonical decimal digits, so signs, spaces, lists, hex, leading zeros and 1e3 all differ.
  if (!Number.isSafeInteger(value) || value < 0 || String(value) !== text) {
    throw new ProtocolError('bad-content-length', 0);
  }
  return value;
}

/** The last transfer coding, or `undefined` without the header. */
function transferEncoding(headers: HeaderLines, version: HttpVersion): string | undefined {
  const text = singleHeaderValue(headers, 'transfer-encoding', 'repeated-te');
  if (text === undefined) return undefined;
  if (version === '1.0') throw new ProtocolError('te-in-http10', 0);
  if (text === 'chunked') return text;
  const codings = text.split(',').map((coding) => trimBlanks(coding).toLowerCase());
  for (const coding of codings) if (!CODINGS.has(coding)) throw new ProtocolError('unknown-coding', 0);
  const chunkedAt = codings.indexOf('chunked');
  if (chunkedAt >= 0 && chunkedAt !== codings.length - 1) throw new ProtocolError('bad-transfer-encoding', 0);
  return codings[codings.length - 1];
}

/** True when the sender of this head keeps the connection open after the message (RFC 9112 §9.3). */
export function keepsAlive(headers: HeaderLines, version: HttpVersion): boolean {
  if (headerValue(headers, 'connection') === undefined) return version === '1.1';
  const tokens = headerTokens(headers, 'connection');
  if (tokens.includes('close')) return false;
  return version === '1.1' || tokens.includes('keep-alive');
}
