import http from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GatewayError } from '@sluice/base/errors';
import type { FetchResponse } from './fetcher.ts';

/** Lower-case names. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>;

/** One GET request on an open stream, which is destroyed afterwards. */
export type Exchange = {
  readonly stream: Duplex;
  readonly url: URL;
  readonly headers: RequestHeaders;
  readonly limitBytes: number;
  /** Cut a longer body instead of refusing it. */
  readonly truncate: boolean;
  readonly signal: AbortSignal;
};

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const WITHOUT_BODY: readonly number[] = [204, 304];
const MAX_HEADER_BYTES = 65_536;

/** The response with its body decoded, or the `Location` of a redirect. */
export async function exchange(options: Exchange): Promise<FetchResponse | string> {
  const response = await send(options);
  try {
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (REDIRECTS.includes(status) && location !== undefined) return location;
    const body = WITHOUT_BODY.includes(status) ? new Uint8Array() : await readBody(response, options);
    const statusLine = `${status} ${response.statusMessage ?? ''}`.trim();
    return { status, statusLine, headers: headersOf(response), body };
  } finally {
    response.destroy();
  }
}

function send({ stream, url, headers, signal }: Exchange): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const request = http.request(
    {
      createConnection: () => stream,
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...authorizationOf(url), ...mutable(headers) },
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    },
    resolve,
  );
  // Outbounds give paused streams, which do not flow by themselves when somebody listens.
  request.once('socket', () => stream.resume());
  request.on('error', reject);
  request.once('close', () => reject(new GatewayError('unavailable', 'fetch.failed', 'EOF')));
  request.end();
  return promise;
}

async function readBody(
  response: http.IncomingMessage,
  { headers, limitBytes, truncate }: Exchange,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of decoded(response, headers) as AsyncIterable<Uint8Array>) {
    const room = limitBytes - size;
    if (chunk.length > room && !truncate)
      throw new GatewayError('unavailable', 'fetch.too-large', `the content exceeds ${limitBytes} bytes`);
    chunks.push(chunk.subarray(0, room));
    size += Math.min(chunk.length, room);
    if (chunk.length > room) break;
  }
  return Buffer.concat(chunks, size);
}

/** Only what was asked for by this module is undone; a caller that names its own encodings gets them. */
function decoded(response: http.IncomingMessage, headers: RequestHeaders): Readable {
  const isGzip = response.headers['content-encoding']?.toLowerCase() === 'gzip';
  if (!isGzip || headers['accept-encoding'] !== 'gzip') return response;
  const gunzip = createGunzip();
  response.once('error', (error) => gunzip.destroy(error));
  return response.pipe(gunzip);
}

function headersOf(response: http.IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

function authorizationOf({ username, password }: URL): { readonly authorization?: string } {
  if (username === '' && password === '') return {};
  const text = `${decodePart(username)}:${decodePart(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}

function mutable(headers: RequestHeaders): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}
