import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { GatewayError } from '@sluice/base/errors';

/** Where a client would connect to. */
export type ExplainTarget = { readonly host: string; readonly port: number };

const DEFAULT_PORT = 443;

const PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  ftp: 21,
  ssh: 22,
  rtmp: 1935,
  rtmps: 443,
  rtsp: 554,
  srt: 10_080,
};

/**
 * Reads what people paste: a URL, `host:port`, or a host alone (port 443). Names become lower-case ASCII.
 * @throws GatewayError `api.target`
 */
export function parseExplainTarget(text: string): ExplainTarget {
  const url = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(text.trim());
  if (url === null) return parseHostPort(text.trim(), DEFAULT_PORT, text);
  const [, scheme = '', authority = ''] = url;
  return parseHostPort(authority.slice(authority.lastIndexOf('@') + 1), PORTS[scheme.toLowerCase()], text);
}

/** A host of its own, as part of a request. @throws GatewayError `api.target` */
export function normalHost(host: string): string {
  const name = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (isIP(name) !== 0) return name;
  const ascii = /[\s/?#@:[\]\\%]/.test(name) ? '' : domainToASCII(name);
  if (ascii === '' || ascii.length > 255) throw refusal('a domain name or an IP address', host);
  return ascii;
}

function parseHostPort(text: string, defaultPort: number | undefined, given: string): ExplainTarget {
  const match = isIP(text) === 6 ? ['', text] : /^(\[[^\]]*\]|[^:\s]+)(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1];
  if (host === undefined) throw refusal('a URL, host:port or a host', given);
  if (host.startsWith('[') && isIP(host.slice(1, -1)) !== 6) {
    throw refusal('an IPv6 address between brackets', given);
  }
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (port === undefined) throw refusal('a port after the host, as this kind of URL has no usual one', given);
  if (port < 1 || port > 65_535) throw refusal('a port between 1 and 65535', given);
  return { host: normalHost(host), port };
}

function refusal(expected: string, found: string): GatewayError {
  return new GatewayError('invalid', 'api.target', `expected ${expected}, found "${found.slice(0, 200)}"`);
}
