import { parseEndpoint } from '@sluice/base/address';
import { GatewayError, ProtocolError } from '@sluice/base/errors';
import type { RequestHead } from '@sluice/codec/http1/head';
import { type HeaderLines, headerValue } from '@sluice/codec/http1/header';
import { parseRequestTarget } from '@sluice/codec/http1/target';

/** The destination of a tunnel or tapped flow, which every request in it goes to. */
export type TunnelOrigin = {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Server name for the upstream's TLS, `''` for none. */
  readonly serverName: string;
};

/** A request as it is routed and recorded. */
export type RoutedRequest = {
  readonly scheme: 'http' | 'https';
  /** Host the request names, lower case, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Absolute, with bytes beyond ASCII percent-encoded as browsers do, so that it parses to what was asked for. */
  readonly url: string;
  /** The target to send on, in origin form (or `*`). */
  readonly path: string;
  /** The `Host` value to send on. */
  readonly authority: string;
};

/** Resolves requests in one connection to where they go; remembers the last `Host` it read. */
export class RequestRouter {
  readonly #origin: TunnelOrigin | undefined;
  #lastHost = '';
  #lastScheme = '';
  #lastEndpoint = { host: '', port: 0 };
  #lastPrefix = '';

  constructor(origin: TunnelOrigin | undefined) {
    this.#origin = origin;
  }

  /**
   * @throws ProtocolError `bad-target`, `bad-host`; `not-proxy-form` for a request that was meant for an origin server
   */
  route(head: RequestHead): RoutedRequest {
    const origin = this.#origin;
    const named = headerValue(head.headers, 'host');
    if (origin !== undefined && head.target.startsWith('/') && !head.target.includes('#')) {
      const authority =
        named === undefined || named === '' ? hostHeader(origin.host, origin.port, origin.scheme) : named;
      return this.#routed(origin.scheme, authority, head.target);
    }
    const target = parseRequestTarget(head.method, head.target);
    if (target.form === 'absolute') {
      const scheme = target.scheme === 'https' || target.scheme === 'wss' ? 'https' : 'http';
      return this.#routed(origin?.scheme ?? scheme, target.authority, target.path);
    }
    if (origin === undefined || target.form === 'authority') throw new ProtocolError('not-proxy-form', 0);
    const authority =
      named === undefined || named === '' ? hostHeader(origin.host, origin.port, origin.scheme) : named;
    return this.#routed(origin.scheme, authority, target.form === 'asterisk' ? '*' : target.path);
  }

  #routed(scheme: 'http' | 'https', authority: string, path: string): RoutedRequest {
    if (authority !== this.#lastHost || scheme !== this.#lastScheme) {
      this.#lastEndpoint = parseAuthority(authority, scheme);
      this.#lastPrefix = `${scheme}://${hostHeader(this.#lastEndpoint.host, this.#lastEndpoint.port, scheme)}`;
      this.#lastHost = authority;
      this.#lastScheme = scheme;
    }
    const { host, port } = this.#lastEndpoint;
    const url = path === '*' ? `${this.#lastPrefix}/` : this.#lastPrefix + percentEncoded(path);
    return { scheme, host, port, url, path, authority };
  }
}

const BEYOND_ASCII = /[\x80-\xff]/g;

function percentEncoded(path: string): string {
  return path.replace(BEYOND_ASCII, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

function parseAuthority(
  authority: string,
  scheme: 'http' | 'https',
): { readonly host: string; readonly port: number } {
  try {
    const endpoint = parseEndpoint(authority, scheme === 'https' ? 443 : 80);
    if (endpoint.host !== '' && !/[/?#@\\\s]/.test(endpoint.host)) return endpoint;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
  }
  throw new ProtocolError('bad-host', 0);
}

/** `host` or `host:port`, without the port that the scheme implies. */
export function hostHeader(host: string, port: number, scheme: 'http' | 'https'): string {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return port === (scheme === 'https' ? 443 : 80) ? bracketed : `${bracketed}:${port}`;
}

/** `headers` with one `Host` line of the given value: in its old place, or first when there was none. */
export function withHost(headers: HeaderLines, authority: string): HeaderLines {
  const at = headers.findIndex(([name]) => name.length === 4 && name.toLowerCase() === 'host');
  if (at < 0) return [['Host', authority], ...headers];
  const line = headers[at];
  if (line === undefined || line[1] === authority) return headers;
  return headers.with(at, [line[0], authority]);
}
