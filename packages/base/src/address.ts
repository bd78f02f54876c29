import { isIP } from 'node:net';
import { GatewayError } from './errors.ts';

/** A TCP or UDP end point; `host` is a domain (lower case) or a literal IP without brackets. */
export type Endpoint = { readonly host: string; readonly port: number };

/**
 * Reads `host:port`, `[v6]:port`, `:port` (all interfaces, host `''`) or, when `defaultPort` is given, a bare host.
 * @throws GatewayError `address.invalid`
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text);
  const plain = bracketed ?? /^([^:\s]*)(?::(\d{1,5}))?$/.exec(text);
  const host = plain?.[1];
  const port = plain?.[2] === undefined ? defaultPort : Number(plain[2]);
  if (host === undefined || port === undefined || port > 65535 || (bracketed !== null && isIP(host) !== 6)) {
    throw new GatewayError('invalid', 'address.invalid', `expected host:port or [v6]:port, got "${text}"`);
  }
  return { host: host.toLowerCase(), port };
}

/** `host:port` with brackets round an IPv6 literal. */
export function formatEndpoint(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** IPv4-mapped IPv6 (`::ffff:a.b.c.d`) as the plain IPv4; anything else unchanged, without zone. */
export function unmapIp(ip: string): string {
  // What has no colon is no IPv6 address; most addresses are not, and every connection asks several times.
  if (!ip.includes(':')) return ip;
  const zone = ip.indexOf('%');
  const bare = zone < 0 ? ip : ip.slice(0, zone);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare;
}

/** True for 127.0.0.0/8, ::1, `localhost` and the empty text never. */
export function isLoopbackHost(host: string): boolean {
  const ip = unmapIp(host);
  return host === 'localhost' || ip === '::1' || (isIP(ip) === 4 && ip.startsWith('127.'));
}
