import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MediaSettings } from '../settings/settings.ts';

const METHODS = 'GET, POST, PUT, HEAD, OPTIONS, DELETE';

/** The cross-origin headers of an ordinary reply; empty unless the request named its origin and crossing is allowed. */
export function corsHeaders(request: IncomingMessage, settings: MediaSettings): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined || !settings.flag('http.allow_cross_domains')) return {};
  return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' };
}

/** The reply headers of an OPTIONS request. */
export function preflightHeaders(settings: MediaSettings): Record<string, string> {
  const crossing = {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Headers': '*',
    'Access-Control-Allow-Methods': METHODS,
  };
  return {
    Allow: METHODS,
    ...(settings.flag('http.allow_cross_domains') ? crossing : {}),
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Request-Methods': 'GET, POST, PUT, OPTIONS, DELETE',
    'Access-Control-Request-Headers': 'Accept,Accept-Language,Content-Language,Content-Type',
  };
}

/** `type` with the configured character set, as the compatible server writes it on everything. */
export function contentType(type: string, settings: MediaSettings): string {
  return `${type}; charset=${settings.charSet}`;
}

/** A reply whose reader takes nothing for this long is given up. */
const STALLED_REPLY_MS = 30_000;

/**
 * Sends a whole reply; HEAD gets the headers only. HTTP/1.0 connections stay open only when that was asked for, and
 * none does after OPTIONS, as clients of the compatible server know it.
 */
export function sendReply(
  request: IncomingMessage,
  response: ServerResponse,
  settings: MediaSettings,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | string,
): void {
  const asked = request.headers.connection?.toLowerCase();
  const mayStay = request.httpVersion === '1.0' ? asked === 'keep-alive' : asked !== 'close';
  const keepAlive = mayStay && request.method !== 'OPTIONS';
  response.setTimeout(STALLED_REPLY_MS);
  response.writeHead(status, {
    ...headers,
    'Content-Length': String(Buffer.byteLength(body)),
    ...(keepAlive
      ? {
          Connection: 'keep-alive',
          'Keep-Alive': `timeout=${settings.number('http.keepAliveSecond')}, max=100`,
        }
      : { Connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
