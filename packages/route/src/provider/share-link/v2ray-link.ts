import { decodeBase64Text } from './base64.ts';
import {
  given,
  hasPlace,
  isTrue,
  type LinkedNode,
  listOf,
  nameOf,
  percentDecoded,
  type ShareLink,
} from './link.ts';
import { transportKeys } from './v2ray-transport.ts';

const DEFAULT_CLIENT = 'chrome';
const BROWSER =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36';

/** `vmess://`: base64 of JSON, or the form of a URL. */
export function parseVmessLink(link: ShareLink): LinkedNode | undefined {
  const text = link.userInfo === '' ? decodeBase64Text(link.body) : undefined;
  if (text !== undefined) return parseVmessJson(text);
  const node = parseUrl(link, 'vmess');
  if (node === undefined) return undefined;
  const cipher = link.query.get('encryption');
  return { ...node, alterId: 0, cipher: cipher === null || cipher === '' ? 'auto' : cipher };
}

/** `vless://`. */
export function parseVlessLink(link: ShareLink): LinkedNode | undefined {
  const node = parseUrl(link, 'vless');
  if (node === undefined) return undefined;
  const encryption = link.query.get('encryption');
  return {
    ...node,
    ...given('flow', link.query.get('flow')?.toLowerCase()),
    ...given('encryption', encryption === 'none' ? '' : encryption),
  };
}

/** `trojan://`. */
export function parseTrojanLink(link: ShareLink): LinkedNode | undefined {
  const { host, port, query, userInfo } = link;
  if (!hasPlace(link) || userInfo === '') return undefined;
  const network = query.get('type')?.toLowerCase() ?? '';
  const fingerprint = query.get('fp');
  return {
    name: nameOf(link),
    type: 'trojan',
    server: host,
    port,
    password: percentDecoded(userInfo),
    udp: true,
    'skip-cert-verify': isTrue(query.get('allowInsecure')),
    ...given('sni', query.get('sni')),
    ...given('alpn', listOf(query.get('alpn'))),
    'client-fingerprint': fingerprint === null || fingerprint === '' ? DEFAULT_CLIENT : fingerprint,
    ...given('fingerprint', query.get('pcs')),
    ...trojanTransport(network, query),
  };
}

function trojanTransport(network: string, query: URLSearchParams): Record<string, unknown> {
  if (network === 'grpc')
    return { network, 'grpc-opts': given('grpc-service-name', query.get('serviceName')) };
  if (network !== 'ws') return {};
  const headers = { 'User-Agent': BROWSER, ...given('Host', query.get('host')) };
  return { network, 'ws-opts': { ...given('path', query.get('path')), headers } };
}

function parseUrl(link: ShareLink, type: 'vmess' | 'vless'): LinkedNode | undefined {
  const { host, port, query, userInfo } = link;
  if (!hasPlace(link) || userInfo === '') return undefined;
  const asked = query.get('type')?.toLowerCase() ?? '';
  const isHttp = query.get('headerType')?.toLowerCase() === 'http';
  const network = isHttp ? 'http' : asked === 'http' ? 'h2' : asked === '' ? 'tcp' : asked;
  return {
    name: nameOf(link),
    type,
    server: host,
    port,
    uuid: percentDecoded(userInfo),
    udp: true,
    ...tlsKeys(query),
    ...given('servername', query.get('sni')),
    ...packetEncoding(query.get('packetEncoding')),
    ...transportKeys({
      network,
      host: query.get('host') ?? '',
      path: query.get('path') ?? '',
      serviceName: query.get('serviceName') ?? '',
      method: query.get('method') ?? '',
      earlyData: query.get('ed') ?? '',
      earlyDataHeader: query.get('eh') ?? '',
    }),
  };
}

function tlsKeys(query: URLSearchParams): Record<string, unknown> {
  const security = query.get('security')?.toLowerCase() ?? '';
  if (!security.endsWith('tls') && security !== 'reality') return {};
  const publicKey = query.get('pbk');
  const client = query.get('fp');
  return {
    tls: true,
    'client-fingerprint': client === null || client === '' ? DEFAULT_CLIENT : client,
    ...given('alpn', listOf(query.get('alpn'))),
    ...(publicKey === null || publicKey === ''
      ? {}
      : { 'reality-opts': { 'public-key': publicKey, 'short-id': query.get('sid') ?? '' } }),
  };
}

function packetEncoding(encoding: string | null): Record<string, boolean> {
  if (encoding === 'none') return {};
  return encoding === 'packet' ? { 'packet-addr': true } : { xudp: true };
}

function parseVmessJson(text: string): LinkedNode | undefined {
  const values = parseJsonObject(text);
  if (values === undefined) return undefined;
  const field = (key: string) => {
    const value = values[key];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const name = field('ps');
  if (name === '') return undefined;
  const asked = field('net').toLowerCase();
  const isHttp = field('type').toLowerCase() === 'http';
  const network = isHttp ? 'http' : asked === 'http' ? 'h2' : asked === '' ? 'tcp' : asked;
  const hasTls = field('tls').toLowerCase().endsWith('tls');
  return {
    name,
    type: 'vmess',
    server: field('add'),
    port: field('port'),
    uuid: field('id'),
    alterId: field('aid') === '' ? 0 : field('aid'),
    cipher: field('scy') === '' ? 'auto' : field('scy'),
    udp: true,
    xudp: true,
    tls: hasTls,
    'skip-cert-verify': false,
    ...(hasTls ? given('alpn', listOf(field('alpn'))) : {}),
    ...given('servername', field('sni')),
    ...transportKeys({
      network,
      host: field('host'),
      path: field('path'),
      serviceName: field('path'),
      method: '',
      earlyData: '',
      earlyDataHeader: '',
    }),
  };
}

function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
