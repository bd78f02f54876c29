import { errorText, GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import {
  BUILT_IN_OUTBOUNDS,
  type ProxyConfig,
  type ProxyTls,
  type ShadowsocksProxyConfig,
} from './proxy-config.ts';
import type { RawProxy } from './proxy-schema.ts';

/** Types of the reference kernel that this version lists but cannot dial, with the control API's name. */
const UNSERVED_TYPES: ReadonlyMap<string, string> = new Map([
  ['dns', 'Dns'],
  ['ssr', 'ShadowsocksR'],
  ['vmess', 'Vmess'],
  ['vless', 'Vless'],
  ['trojan', 'Trojan'],
  ['snell', 'Snell'],
  ['hysteria', 'Hysteria'],
  ['hysteria2', 'Hysteria2'],
  ['tuic', 'Tuic'],
  ['wireguard', 'WireGuard'],
  ['ssh', 'Ssh'],
  ['mieru', 'Mieru'],
  ['anytls', 'AnyTLS'],
  ['rematch', 'Rematch'],
  ['sudoku', 'Sudoku'],
  ['masque', 'Masque'],
  ['openvpn', 'OpenVPN'],
  ['tailscale', 'Tailscale'],
  ['zerotier', 'ZeroTier'],
  ['trusttunnel', 'TrustTunnel'],
  ['shadowquic', 'ShadowQuic'],
]);

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

/** Checks `proxies`; entries in error are reported and left out. */
export function resolveProxies(proxies: readonly RawProxy[], report: ReportIssue): ProxyConfig[] {
  const resolved: ProxyConfig[] = [];
  const names = new Set<string>(BUILT_IN_OUTBOUNDS);
  for (const [index, raw] of proxies.entries()) {
    const path = ['proxies', index];
    try {
      const proxy = resolveProxy(raw);
      if (names.has(proxy.name)) throw invalid(`proxy ${proxy.name} is the duplicate name`);
      names.add(proxy.name);
      resolved.push(proxy);
      if (proxy.type === 'unavailable') report('warning', path, `proxy ${proxy.name}: ${proxy.reason}`);
    } catch (error) {
      const text = errorText(error);
      report('error', path, text.endsWith('is the duplicate name') ? text : `proxy ${index}: ${text}`);
    }
  }
  return resolved;
}

function resolveProxy(raw: RawProxy): ProxyConfig {
  if (raw.type === undefined) throw invalid('missing type');
  const name = required(raw.name, 'name');
  const common = {
    name,
    ipVersion: IP_VERSIONS.find((version) => version === raw['ip-version']) ?? 'dual',
    interfaceName: raw['interface-name'] ?? '',
    dialerProxy: raw['dialer-proxy'] ?? '',
  };
  const server = () => ({
    ...common,
    server: required(raw.server, 'server'),
    port: required(raw.port, 'port'),
  });
  switch (raw.type) {
    case 'direct':
      return { ...common, type: 'direct' };
    case 'reject':
      return { ...common, type: 'reject' };
    case 'http':
      return {
        ...server(),
        type: 'http',
        ...credentials(raw),
        tls: tlsOf(raw),
        headers: raw.headers ?? {},
        udp: false,
      };
    case 'socks5':
      return { ...server(), type: 'socks5', ...credentials(raw), tls: tlsOf(raw), udp: raw.udp ?? false };
    case 'ss':
      return resolveShadowsocks(raw, server());
    default: {
      const apiType = UNSERVED_TYPES.get(raw.type);
      if (apiType === undefined) throw invalid(`unsupport proxy type: ${raw.type}`);
      return {
        ...common,
        type: 'unavailable',
        apiType,
        reason: `type ${raw.type} is not served by this version`,
      };
    }
  }
}

type ServerPart = Omit<ShadowsocksProxyConfig, 'type' | 'cipher' | 'password' | 'udp'>;

function resolveShadowsocks(raw: RawProxy, server: ServerPart): ProxyConfig {
  const password = required(raw.password, 'password');
  const name = required(raw.cipher, 'cipher').toLowerCase();
  const cipher = SERVED_CIPHERS.find((each): each is ShadowsocksProxyConfig['cipher'] => each === name);
  const unserved = unservedOption(raw) ?? (UNSERVED_CIPHER.test(name) ? `cipher ${name}` : undefined);
  if (unserved !== undefined) {
    const { name: own, ipVersion, interfaceName, dialerProxy } = server;
    const reason = `${unserved} is not served by this version`;
    return {
      name: own,
      ipVersion,
      interfaceName,
      dialerProxy,
      type: 'unavailable',
      apiType: 'Shadowsocks',
      reason,
    };
  }
  if (cipher === undefined) {
    throw invalid(
      `ss ${server.server}:${server.port} cipher: ${raw.cipher} initialize error: cipher not supported`,
    );
  }
  return { ...server, type: 'ss', cipher, password, udp: raw.udp ?? false };
}

function unservedOption(raw: RawProxy): string | undefined {
  if (raw.plugin !== undefined && raw.plugin !== '') return `plugin ${raw.plugin}`;
  return raw['udp-over-tcp'] === true ? 'udp-over-tcp' : undefined;
}

function credentials(raw: RawProxy): { readonly username: string; readonly password: string } {
  return { username: raw.username ?? '', password: raw.password ?? '' };
}

function tlsOf(raw: RawProxy): ProxyTls | undefined {
  if (raw.tls !== true) return undefined;
  const fingerprint = (raw.fingerprint ?? '').replaceAll(':', '').toLowerCase();
  if (fingerprint !== '' && !/^[0-9a-f]{64}$/.test(fingerprint)) {
    throw invalid('fingerprint string length error,need sha256 fingerprint');
  }
  const named = raw.type === 'http' ? raw.sni : undefined;
  return {
    serverName: named ?? raw.server ?? '',
    skipCertVerify: raw['skip-cert-verify'] ?? false,
    fingerprint,
  };
}

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw invalid(`key '${key}' missing`);
  return value;
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid', 'route.proxy', message);
}
