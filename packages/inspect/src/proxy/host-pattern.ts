import { BlockList, isIP } from 'node:net';
import { GatewayError } from '@sluice/base/errors';
import { compileGlob } from '../glob.ts';

/** Tells whether a host (lower case, IPv6 without brackets) with its port is named by a pattern. */
export type HostPattern = (host: string, port: number) => boolean;

/**
 * Reads one pattern: `a.example` (that host), `*.a.example` (hosts below it), any other glob with `*`, `10.0.0.0/8` or a
 * literal address; each with an optional `:port` (IPv6 in brackets then).
 * @throws GatewayError `inspect.host-pattern`
 */
export function parseHostPattern(text: string): HostPattern {
  const { host, port } = splitPort(text.trim().toLowerCase());
  const matches = parseHost(host, text);
  if (port === undefined) return matches;
  return (candidate, candidatePort) => candidatePort === port && matches(candidate, candidatePort);
}

/** One predicate over all patterns. @throws GatewayError `inspect.host-pattern` */
export function parseHostPatterns(texts: readonly string[]): HostPattern {
  const patterns = texts.map(parseHostPattern);
  return (host, port) => patterns.some((matches) => matches(host, port));
}

function splitPort(text: string): { readonly host: string; readonly port: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed)
    return { host: bracketed[1] ?? '', port: bracketed[2] === undefined ? undefined : Number(bracketed[2]) };
  const plain = /^([^:]+):(\d{1,5})$/.exec(text);
  return plain ? { host: plain[1] ?? '', port: Number(plain[2]) } : { host: text, port: undefined };
}

function parseHost(host: string, text: string): HostPattern {
  const slash = host.indexOf('/');
  if (slash >= 0) return parseNetwork(host.slice(0, slash), host.slice(slash + 1), text);
  if (isIP(host) > 0) return (candidate) => candidate === host;
  if (!/^[^\s/:@[\]]+$/.test(host)) throw invalid(text);
  if (!host.includes('*')) return (candidate) => candidate === host;
  if (host === '*') return () => true;
  return compileGlob(host);
}

function parseNetwork(address: string, prefix: string, text: string): HostPattern {
  const family = isIP(address);
  const bits = Number(prefix);
  if (family === 0 || !/^\d{1,3}$/.test(prefix) || bits > (family === 4 ? 32 : 128)) throw invalid(text);
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, bits, type);
  return (candidate) => isIP(candidate) === family && list.check(candidate, type);
}

function invalid(text: string): GatewayError {
  return new GatewayError(
    'invalid',
    'inspect.host-pattern',
    `"${text}" is not a host, a glob, an address or a network`,
  );
}
