import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Names and origins an operator trusts besides the built-in ones; lower case. */
export type TrustedSites = {
  /** Host names (without port) that may reach a loopback listener, for example a reverse proxy's. */
  readonly hosts: readonly string[];
  /** Origins (`https://name[:port]`) whose pages may change things. */
  readonly origins: readonly string[];
};

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * True when a browser could be acting for a foreign site: a `Host` that is a foreign name on a loopback listener
 * (DNS rebinding needs a name), or another site's page behind a change or a WebSocket handshake.
 */
export function isCrossSite(request: IncomingMessage, onLoopback: boolean, trusted: TrustedSites): boolean {
  const authority = (request.headers.host ?? '').toLowerCase();
  if (onLoopback && !isOwnHost(hostNameOf(authority), trusted)) return true;
  const changes = !SAFE_METHODS.has(request.method ?? 'GET') || request.headers.upgrade !== undefined;
  return changes && isForeignPage(request, authority, trusted);
}

function isOwnHost(name: string, trusted: TrustedSites): boolean {
  // A browser always names the host, so a request without one comes from elsewhere.
  return name === '' || name === 'localhost' || isIP(name) !== 0 || trusted.hosts.includes(name);
}

function isForeignPage(request: IncomingMessage, authority: string, trusted: TrustedSites): boolean {
  const origin = request.headers.origin?.toLowerCase();
  if (origin !== undefined) {
    if (trusted.origins.includes(origin)) return false;
    return !URL.canParse(origin) || new URL(origin).host !== authority;
  }
  const site = request.headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** The name in a `Host` value, without port and IPv6 brackets. */
export function hostNameOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, Math.max(1, authority.indexOf(']')));
  const colon = authority.indexOf(':');
  return colon < 0 ? authority : authority.slice(0, colon);
}
