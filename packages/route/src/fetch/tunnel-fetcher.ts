import type { Duplex } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { startTls } from '../outbound/server-link.ts';
import { exchange, type RequestHeaders } from './exchange.ts';
import type { Fetcher, FetchRequest, FetchResponse } from './fetcher.ts';

/** Opens a stream to `host:port` as a flow of the gateway itself; `outbound` is `''` for the rules. */
export type OpenInner = (
  host: string,
  port: number,
  outbound: string,
  signal: AbortSignal,
) => Promise<Duplex>;

/** What downloads are made with. */
export type FetcherParts = {
  readonly clock: Clock;
  readonly open: OpenInner;
  /** The `User-Agent` of requests that bring none of their own. */
  readonly userAgent: () => string;
};

const TLS_HANDSHAKE_MS = 10_000;
const MAX_REDIRECTS = 10;
/** Not sent on to another host. */
const PRIVATE_HEADERS: readonly string[] = ['authorization', 'cookie'];

/** Downloads over HTTP/1.1, each over a connection of its own. Proxy variables of the environment have no effect. */
export class TunnelFetcher implements Fetcher {
  readonly #parts: FetcherParts;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    const deadline = new AbortController();
    const timer = this.#parts.clock.after(request.timeoutMs, () => deadline.abort());
    const signal =
      request.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, request.signal]);
    try {
      return await this.#follow(request, signal);
    } catch (error) {
      if (deadline.signal.aborted) {
        const seconds = Math.round(request.timeoutMs / 1000);
        throw new GatewayError('timeout', 'fetch.timeout', `no complete answer within ${seconds} s`);
      }
      if (error instanceof GatewayError && error.code.startsWith('fetch.')) throw error;
      throw new GatewayError('unavailable', 'fetch.failed', errorText(error), { cause: error });
    } finally {
      timer.cancel();
    }
  }

  async #follow(request: FetchRequest, signal: AbortSignal): Promise<FetchResponse> {
    let url = parseUrl(request.url);
    let headers: RequestHeaders = {
      'user-agent': this.#parts.userAgent(),
      'accept-encoding': 'gzip',
      ...request.headers,
    };
    for (let redirects = 0; ; redirects++) {
      const response = await this.#one(url, headers, request, signal);
      if (typeof response !== 'string') return response;
      if (redirects >= MAX_REDIRECTS) throw failed(`stopped after ${MAX_REDIRECTS} redirects`);
      const next = parseUrl(response, url);
      if (next.host !== url.host) {
        headers = Object.fromEntries(
          Object.entries(headers).filter(([name]) => !PRIVATE_HEADERS.includes(name)),
        );
      }
      url = next;
    }
  }

  /** A response, or where it redirects to. */
  async #one(
    url: URL,
    headers: RequestHeaders,
    request: FetchRequest,
    signal: AbortSignal,
  ): Promise<FetchResponse | string> {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const secure = url.protocol === 'https:';
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
    const opened = await this.#parts.open(host, port, request.outbound, signal);
    // A stream that breaks while nobody waits for it must not bring the process down.
    opened.on('error', () => opened.destroy());
    try {
      const stream = secure ? await this.#secured(opened, host, signal) : opened;
      return await exchange({
        stream,
        url,
        headers,
        limitBytes: request.limitBytes,
        truncate: request.truncate === true,
        signal,
      });
    } finally {
      opened.destroy();
    }
  }

  async #secured(stream: Duplex, serverName: string, signal: AbortSignal): Promise<Duplex> {
    const late = new AbortController();
    const timer = this.#parts.clock.after(TLS_HANDSHAKE_MS, () => late.abort());
    const options = { serverName, skipCertVerify: false, fingerprint: '' };
    try {
      return await startTls(stream, options, AbortSignal.any([late.signal, signal]));
    } finally {
      timer.cancel();
    }
  }
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null) throw failed('the URL is malformed');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw failed(`unsupported protocol scheme "${url.protocol.slice(0, -1)}"`);
  return url;
}

function failed(message: string): GatewayError {
  return new GatewayError('unavailable', 'fetch.failed', message);
}
