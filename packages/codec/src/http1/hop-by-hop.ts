import { type HeaderLines, headerTokens, headerValue, trimBlanks } from './header.ts';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'upgrade',
  'http2-settings',
]);

// Most names differ already in their length, which spares folding their case.
const HOP_BY_HOP_LENGTHS = new Set([...HOP_BY_HOP].map((name) => name.length));

// Naming one of these in Connection would make the next hop read another message than we did.
const NEVER_HOP_BY_HOP = new Set(['host', 'content-length', 'transfer-encoding', 'trailer']);

/**
 * The lines that may go to the next hop (RFC 9110 §7.6.1): without `Connection` and everything it names, and without
 * the proxy's own headers. `TE: trailers`, `Trailer` and the framing headers stay. With `upgrade` the lines that ask for
 * (or grant) that protocol stay too.
 */
export function stripHopByHop(headers: HeaderLines, upgrade?: string): HeaderLines {
  const named = headerTokens(headers, 'connection');
  const kept: (readonly [string, string])[] = [];
  for (const line of headers) {
    if (named.length === 0 && !HOP_BY_HOP_LENGTHS.has(line[0].length)) {
      kept.push(line);
      continue;
    }
    const name = line[0].toLowerCase();
    if (HOP_BY_HOP.has(name)) {
      if (name === 'te' && keepsTrailers(line[1])) kept.push([line[0], 'trailers']);
      if (upgrade !== undefined && name === 'upgrade') kept.push([line[0], upgrade]);
    } else if (named.length === 0 || !named.includes(name) || NEVER_HOP_BY_HOP.has(name)) kept.push(line);
  }
  if (upgrade !== undefined) kept.push(['Connection', 'Upgrade']);
  return kept;
}

function keepsTrailers(te: string): boolean {
  return te.split(',').some((coding) => trimBlanks(coding).toLowerCase() === 'trailers');
}

/**
 * The one protocol an upgrade asks for or grants, as written; `undefined` when `Connection` does not name `Upgrade` or
 * the protocol is HTTP/2 over plain text, which is never relayed.
 */
export function upgradeProtocol(headers: HeaderLines): string | undefined {
  const protocol = headerValue(headers, 'upgrade');
  if (protocol === undefined || !headerTokens(headers, 'connection').includes('upgrade')) return undefined;
  return protocol.toLowerCase().startsWith('h2c') ? undefined : protocol;
}
