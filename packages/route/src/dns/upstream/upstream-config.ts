import { isIP } from 'node:net';
import { type Endpoint, formatEndpoint, parseEndpoint } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import { formatIp, parseIp } from '@sluice/base/ip';
import { type ClientSubnet, parseSubnetText } from '@sluice/codec/dns/edns';
import type { DnsVia } from '../dns-service.ts';

/** What a server's fragment adds to its queries and takes from its answers. */
export type UpstreamOptions = {
  readonly via: DnsVia;
  readonly skipCertVerify: boolean;
  /** Sent with every query; `ecsOverride` replaces one that a client sent. */
  readonly ecs: ClientSubnet | undefined;
  readonly ecsOverride: boolean;
  /** Questions of these types get an empty answer without being asked. */
  readonly disabledTypes: readonly number[];
  /** HTTP/3 only. */
  readonly h3: boolean;
};

/** One DNS server of a list. `text` is its canonical form: equal texts are the same server. */
export type UpstreamConfig = {
  readonly text: string;
  readonly options: UpstreamOptions;
} & (
  | { readonly kind: 'udp' | 'tcp' | 'tls' | 'quic'; readonly server: Endpoint }
  | { readonly kind: 'https' | 'http'; readonly server: Endpoint; readonly path: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'dhcp'; readonly interfaceName: string }
  | { readonly kind: 'rcode'; readonly rcode: number }
);

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  udp: 53,
  tcp: 53,
  tls: 853,
  quic: 853,
  https: 443,
  http: 80,
};

const RCODE_TYPES: Readonly<Record<string, number>> = {
  success: 0,
  format_error: 1,
  server_failure: 2,
  name_error: 3,
  not_implemented: 4,
  refused: 5,
};

const TYPE_A = 1;
const TYPE_AAAA = 28;

/**
 * Reads one server as a configuration writes it: `1.1.1.1`, `tls://dns.example:853#proxy`, `https://…/dns-query#h3=true`, `system`,
 * `dhcp://eth0`, `rcode://refused`. With `respectRules` a server without a way of its own takes the rules.
 * @throws GatewayError `dns.server`; its message completes `DNS NameServer[<i>] `
 */
export function parseUpstream(text: string, respectRules = false): UpstreamConfig {
  const hash = text.indexOf('#');
  const address = (hash < 0 ? text : text.slice(0, hash)).trim();
  const fragment = hash < 0 ? '' : decodeFragment(text.slice(hash + 1));
  const options = parseOptions(fragment, respectRules);
  if (address === 'system' || address === 'system://' || address === 'dhcp://system')
    return { kind: 'system', text: withFragment('system://', options), options };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(address);
  const kind = scheme?.[1]?.toLowerCase() ?? 'udp';
  const rest = scheme?.[2] ?? address;
  switch (kind) {
    case 'udp':
    case 'tcp':
    case 'tls':
    case 'quic': {
      const server = parseServer(rest.replace(/\/$/, ''), kind);
      const place = `${kind}://${formatEndpoint(server.host, server.port)}`;
      return { kind, server, text: withFragment(place, options), options };
    }
    case 'https':
    case 'http':
      return parseHttpServer(kind, rest, options);
    case 'dhcp':
      if (rest === '') throw formatError('missing interface name');
      return { kind, interfaceName: rest, text: withFragment(`dhcp://${rest}`, options), options };
    case 'rcode': {
      const rcode = RCODE_TYPES[rest];
      if (rcode === undefined) throw invalid(`unsupported RCode type: ${rest}`);
      return { kind, rcode, text: withFragment(`rcode://${rest}`, options), options };
    }
    default:
      throw invalid(`unsupport scheme: ${scheme?.[1] ?? ''}`);
  }
}

/**
 * Reads a list of servers, exact duplicates once.
 * @throws GatewayError `dns.server` with the reference's words, for example `DNS NameServer[1] unsupport scheme: foo`; for an
 * unknown rcode without the place in the list
 */
export function parseUpstreams(texts: readonly string[], respectRules = false): readonly UpstreamConfig[] {
  const servers = new Map<string, UpstreamConfig>();
  for (const [index, text] of texts.entries()) {
    try {
      const server = parseUpstream(text, respectRules);
      if (!servers.has(server.text)) servers.set(server.text, server);
    } catch (error) {
      const message = errorText(error);
      throw message.startsWith('unsupported RCode') ? error : invalid(`DNS NameServer[${index}] ${message}`);
    }
  }
  return [...servers.values()];
}

/** Whether a server can be reached without resolving a name first. */
export function isPureIp(server: UpstreamConfig): boolean {
  return 'server' in server ? isIP(server.server.host) !== 0 : server.kind === 'system';
}

/** What a user should know about a server that loads but cannot answer, `undefined` when there is nothing to say. */
export function upstreamWarning(server: UpstreamConfig): string | undefined {
  if (server.kind === 'quic')
    return `DNS over QUIC is not served by this version, ${server.text} never answers`;
  if (server.options.h3) return `DNS over HTTP/3 is not served by this version, ${server.text} never answers`;
  return undefined;
}

function parseServer(text: string, kind: string): Endpoint {
  const defaultPort = DEFAULT_PORTS[kind] ?? 53;
  // A bare IPv6 literal needs no brackets when there is no port.
  const server =
    isIP(text) === 6 ? { host: text.toLowerCase(), port: defaultPort } : parsed(text, defaultPort);
  if (server.host === '' || server.port === 0) throw formatError(`missing host or port in "${text}"`);
  const ip = parseIp(server.host);
  return ip === undefined ? server : { host: formatIp(ip), port: server.port };
}

function parsed(text: string, defaultPort: number): Endpoint {
  try {
    return parseEndpoint(text, defaultPort);
  } catch (error) {
    throw formatError(errorText(error));
  }
}

function parseHttpServer(kind: 'https' | 'http', rest: string, options: UpstreamOptions): UpstreamConfig {
  const url = URL.parse(`${kind}://${rest}`);
  if (url === null || url.hostname === '') throw formatError(`invalid URL "${kind}://${rest}"`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const server = { host, port: url.port === '' ? (DEFAULT_PORTS[kind] ?? 443) : Number(url.port) };
  const path = `${url.pathname}${url.search}`;
  const place = `${kind}://${formatEndpoint(server.host, server.port)}${path}`;
  return { kind, server, path, text: withFragment(place, options), options };
}

/** `&`-separated: a bare word is the way to take, `key=value` a parameter; unknown parameters mean nothing. */
function parseOptions(fragment: string, respectRules: boolean): UpstreamOptions {
  let via = '';
  const parameters = new Map<string, string>();
  for (const part of fragment.split('&')) {
    const equals = part.indexOf('=');
    if (equals < 0) via = part === '' ? via : part;
    else parameters.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const isOn = (key: string) => parameters.get(key) === 'true';
  const ecs = parameters.get('ecs');
  const subnet = ecs === undefined || ecs === '' ? undefined : parseSubnetText(ecs);
  if (ecs !== undefined && ecs !== '' && subnet === undefined) throw formatError(`invalid ecs "${ecs}"`);
  return {
    via: via === '' && respectRules ? 'RULES' : via,
    skipCertVerify: isOn('skip-cert-verify'),
    ecs: subnet,
    ecsOverride: isOn('ecs-override'),
    disabledTypes: disabledTypes(parameters, isOn),
    h3: isOn('h3'),
  };
}

function disabledTypes(
  parameters: ReadonlyMap<string, string>,
  isOn: (key: string) => boolean,
): readonly number[] {
  const types = new Set<number>();
  if (isOn('disable-ipv4')) types.add(TYPE_A);
  if (isOn('disable-ipv6')) types.add(TYPE_AAAA);
  for (const key of parameters.keys()) {
    const type = /^disable-qtype-(\d{1,5})$/.exec(key)?.[1];
    if (type !== undefined && isOn(key)) types.add(Number(type));
  }
  return [...types].sort((a, b) => a - b);
}

function withFragment(place: string, options: UpstreamOptions): string {
  const parts = [
    ...(options.via === '' ? [] : [options.via]),
    ...(options.h3 ? ['h3=true'] : []),
    ...(options.skipCertVerify ? ['skip-cert-verify=true'] : []),
    ...(options.ecs === undefined ? [] : [`ecs=${options.ecs.address}/${options.ecs.prefixLength}`]),
    ...(options.ecsOverride ? ['ecs-override=true'] : []),
    ...options.disabledTypes.map((type) => `disable-qtype-${type}=true`),
  ];
  return parts.length === 0 ? place : `${place}#${parts.join('&')}`;
}

/** Fragments of URLs may be percent-encoded; names of groups often are not. */
function decodeFragment(fragment: string): string {
  if (!/%[0-9a-f]{2}/i.test(fragment)) return fragment;
  try {
    return decodeURIComponent(fragment);
  } catch (error) {
    throw formatError(errorText(error));
  }
}

function formatError(message: string): GatewayError {
  return invalid(`format error: ${message}`);
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid', 'dns.server', message);
}
