import { formatEndpoint } from '@sluice/base/address';
import type { GatewayError } from '@sluice/base/errors';
import { NO_TRAITS, type OutboundTraits } from '../outbound/outbound.ts';
import { LISTED_PROTOCOLS, type ListedProtocol } from './listed-protocols.ts';
import type { ProxyConfig, ProxyTls, ShadowsocksProxyConfig } from './proxy-config.ts';
import { proxyError } from './proxy-error.ts';
import type { RawProxy } from './proxy-schema.ts';

const SERVED_CIPHERS: readonly string[] = [
  'aes-128-gcm',
  'aes-192-gcm',
  'aes-256-gcm',
  'chacha20-ietf-poly1305',
] satisfies ShadowsocksProxyConfig['cipher'][];

/** Ciphers of the reference kernel that this version does not serve. */
const UNSERVED_CIPHER =
  /^(?:none|rc4-md5|x?chacha20(?:-ietf)?|aes-(?:128|192|256)-(?:ctr|cfb|ccm)|aes-(?:128|256)-gcm-siv|x?chacha8-ietf-poly1305|xchacha20-ietf-poly1305|aegis-(?:128l|256)|lea-(?:128|192|256)-gcm|rabbit128-poly1305|aez-384|deoxys-ii-256-128|2022-blake3-(?:aes-(?:128|256)-(?:gcm|ccm)|chacha(?:20|8)-poly1305))$/;

const IP_VERSIONS = ['dual', 'ipv4', 'ipv6', 'ipv4-prefer', 'ipv6-prefer'] as const;

/**
 * Checks one decoded node, from `proxies` or from a provider. Types that cannot be served, known or not, become unavailable.
 * @throws GatewayError `route.proxy` with the control API's text
 */
export function resolveProxy(raw: RawProxy): ProxyConfig {
  if (raw.type === undefined) throw proxyError('missing type');
  const common = {
    name: required(raw, 'name'),
    ipVersion: IP_VERSIONS.find((version) => version === raw['ip-version']) ?? 'dual',
    traits: traitsOf(raw),
  };
  switch (raw.type) {
    case 'direct':
    case 'reject':
    case 'dns':
      return { ...common, type: raw.type, udp: true };
    case 'http':
      return {
        ...common,
        ...serverOf(raw),
        type: 'http',
        ...credentials(raw),
        tls: tlsOf(raw, raw.sni),
        headers: raw.headers ?? {},
        udp: false,
      };
    case 'socks5':
      return {
        ...common,
        ...serverOf(raw),
        type: 'socks5',
        ...credentials(raw),
        tls: tlsOf(raw, undefined),
        udp: raw.udp ?? false,
      };
    case 'ss':
      return resolveShadowsocks(raw, common);
    default: {
      const protocol = LISTED_PROTOCOLS.get(raw.type);
      if (protocol !== undefined) return listed(raw, protocol, common);
      const reason = `unsupport proxy type: ${raw.type}`;
      return { ...common, type: 'unavailable', apiType: raw.type, udp: raw.udp ?? false, reason };
    }
  }
}

type Common = Pick<ProxyConfig, 'name' | 'ipVersion' | 'traits'>;

function traitsOf(raw: RawProxy): OutboundTraits {
  const muxed = raw.smux?.enabled === true;
  const protocol = LISTED_PROTOCOLS.get(raw.type ?? '');
  return {
    ...NO_TRAITS,
    interfaceName: raw['interface-name'] ?? '',
    routingMark: raw['routing-mark'] ?? 0,
    dialerProxy: raw['dialer-proxy'] ?? '',
    tfo: raw.tfo ?? false,
    mptcp: raw.mptcp ?? false,
    smux: muxed,
    uot:
      protocol?.udpOverTcp === true ||
      (raw.type === 'ss' && raw['udp-over-tcp'] === true) ||
      (muxed && raw.smux?.['only-tcp'] !== true),
    xudp: protocol?.xudp?.(raw) ?? false,
  };
}

function listed(raw: RawProxy, protocol: ListedProtocol, common: Common): ProxyConfig {
  if (protocol.hasServer) {
    required(raw, 'server');
    if (!protocol.portKeys.some((key) => raw[key] !== undefined)) throw missing('port');
  }
  for (const key of protocol.required) required(raw, key);
  checkFingerprint(raw);
  protocol.check?.(raw);
  return {
    ...common,
    type: 'unavailable',
    apiType: protocol.apiType,
    udp: protocol.udp === 'asked' ? (raw.udp ?? false) : protocol.udp === 'always',
    reason: `type ${raw.type} is not served by this version`,
  };
}

function resolveShadowsocks(raw: RawProxy, common: Common): ProxyConfig {
  const server = serverOf(raw);
  const password = required(raw, 'password');
  const asked = required(raw, 'cipher');
  const name = asked.toLowerCase();
  const fail = (text: string) => proxyError(`ss ${formatEndpoint(server.server, server.port)} ${text}`);
  const cipher = SERVED_CIPHERS.find((each): each is ShadowsocksProxyConfig['cipher'] => each === name);
  if (cipher === undefined && !UNSERVED_CIPHER.test(name))
    throw fail(`cipher: ${asked} initialize error: cipher not supported`);
  checkPlugin(raw, fail);
  const version = raw['udp-over-tcp-version'] ?? 1;
  if (version < 0 || version > 2) throw fail(`unknown udp over tcp protocol version: ${version}`);
  const udp = raw.udp ?? false;
  const unserved = unservedOption(raw);
  if (cipher !== undefined && unserved === undefined)
    return { ...common, ...server, type: 'ss', cipher, password, udp };
  const reason = `${unserved ?? `cipher ${name}`} is not served by this version`;
  return { ...common, type: 'unavailable', apiType: 'Shadowsocks', udp, reason };
}

function checkPlugin(raw: RawProxy, fail: (text: string) => GatewayError): void {
  const mode = raw['plugin-opts']?.mode ?? '';
  const isKnown =
    (raw.plugin === 'obfs' && (mode === 'http' || mode === 'tls')) ||
    (raw.plugin === 'v2ray-plugin' && mode === 'websocket');
  if ((raw.plugin === 'obfs' || raw.plugin === 'v2ray-plugin') && !isKnown) {
    throw mode === '' ? fail(`initialize obfs error: key 'mode' missing`) : fail(`obfs mode error: ${mode}`);
  }
}

function unservedOption(raw: RawProxy): string | undefined {
  if (raw.plugin !== undefined && raw.plugin !== '') return `plugin ${raw.plugin}`;
  return raw['udp-over-tcp'] === true ? 'udp-over-tcp' : undefined;
}

function serverOf(raw: RawProxy): { readonly server: string; readonly port: number } {
  return { server: required(raw, 'server'), port: required(raw, 'port') };
}

function credentials(raw: RawProxy): { readonly username: string; readonly password: string } {
  return { username: raw.username ?? '', password: raw.password ?? '' };
}

function tlsOf(raw: RawProxy, serverName: string | undefined): ProxyTls | undefined {
  if (raw.tls !== true) return undefined;
  return {
    serverName: serverName ?? raw.server ?? '',
    skipCertVerify: raw['skip-cert-verify'] ?? false,
    fingerprint: checkFingerprint(raw),
  };
}

/** Lower-case hexadecimal without colons, `''` for none. */
function checkFingerprint(raw: RawProxy): string {
  const fingerprint = (raw.fingerprint ?? '').replaceAll(':', '').toLowerCase();
  if (fingerprint !== '' && !/^[0-9a-f]{64}$/.test(fingerprint))
    throw proxyError('fingerprint string length error,need sha256 fingerprint');
  return fingerprint;
}

function required<K extends keyof RawProxy>(raw: RawProxy, key: K): NonNullable<RawProxy[K]> {
  const value = raw[key];
  if (value === undefined || value === null) throw missing(key);
  return value;
}

function missing(key: string): GatewayError {
  return proxyError(`key '${key}' missing`);
}
