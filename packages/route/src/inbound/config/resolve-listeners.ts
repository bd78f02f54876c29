import { type Endpoint, parseEndpoint } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import type {
  ClientAuth,
  InboundUser,
  ListenerConfig,
  ListenerKind,
  ListenerTls,
} from './listener-config.ts';
import type { RawListener } from './listener-schema.ts';

const SERVED: readonly ListenerKind[] = ['http', 'socks', 'mixed', 'tunnel', 'redir', 'tproxy'];
const NOT_SERVED: ReadonlySet<string> = new Set([
  'tun',
  'shadowsocks',
  'vmess',
  'vless',
  'trojan',
  'anytls',
  'hysteria2',
  'tuic',
  'snell',
  'mieru',
  'sudoku',
  'trusttunnel',
  'shadowquic',
  'hysteria2-realm',
]);
const CLIENT_AUTH: readonly ClientAuth[] = [
  '',
  'request',
  'require-any',
  'verify-if-given',
  'require-and-verify',
];
const DEFAULT_HOST = '0.0.0.0';
const MAX_PORTS = 256;

/**
 * Checks `listeners`; entries in error, and those that this version does not serve, are reported and left out.
 * `isOutbound` knows the names of outbounds and groups.
 */
export function resolveListeners(
  listeners: readonly RawListener[],
  isOutbound: (name: string) => boolean,
  report: ReportIssue,
): ListenerConfig[] {
  const resolved: ListenerConfig[] = [];
  const names = new Set<string>();
  for (const [index, raw] of listeners.entries()) {
    const path = ['listeners', index];
    try {
      const kind = kindOf(raw);
      const name = required(raw.name, 'name');
      if (names.has(name)) {
        report('error', [...path, 'name'], `listener ${name} is the duplicate name`);
        continue;
      }
      names.add(name);
      if (kind === undefined) {
        report('warning', path, `listener ${name}: ${raw.type} is not served by this version`);
        continue;
      }
      const listener = resolveListener(raw, name, kind);
      resolved.push(listener);
      for (const warning of warningsOf(raw, listener, isOutbound)) report('warning', path, warning);
    } catch (error) {
      // The reference kernel says "proxy" here, and its users search for that.
      report('error', path, `proxy ${index}: ${errorText(error)}`);
    }
  }
  return resolved;
}

/** `undefined` for kinds that are known but not served. */
function kindOf({ type }: RawListener): ListenerKind | undefined {
  if (type === undefined) throw listenerError('missing type');
  const kind = SERVED.find((each) => each === type);
  if (kind === undefined && !NOT_SERVED.has(type)) throw listenerError(`unsupport proxy type: ${type}`);
  return kind;
}

function resolveListener(raw: RawListener, name: string, kind: ListenerKind): ListenerConfig {
  const networks = kind === 'tunnel' ? tunnelNetworks(raw.network) : undefined;
  const takesUsers = kind === 'http' || kind === 'socks' || kind === 'mixed';
  const takesUdp = kind === 'socks' || kind === 'mixed' || kind === 'tproxy';
  return {
    name,
    kind,
    host: listenHost(raw.listen ?? DEFAULT_HOST),
    ports: parsePorts(required(raw.port, 'port')),
    tcp: networks?.has('tcp') ?? true,
    udp: networks?.has('udp') ?? (takesUdp && (raw.udp ?? true)),
    rule: raw.rule ?? '',
    proxy: raw.proxy ?? '',
    routingMark: raw['routing-mark'] ?? 0,
    users: takesUsers ? usersOf(raw.users) : [],
    tls: takesUsers ? tlsOf(raw) : undefined,
    target: kind === 'tunnel' ? targetOf(required(raw.target, 'target')) : undefined,
  };
}

function usersOf(users: RawListener['users']): readonly InboundUser[] | undefined {
  if (users === undefined) return undefined;
  if (!Array.isArray(users)) throw listenerError("'users' is not a slice");
  return users.map(({ username, password }) => ({ username, password }));
}

function tlsOf(raw: RawListener): ListenerTls | undefined {
  const { certificate = '', 'private-key': privateKey = '' } = raw;
  if (certificate === '' || privateKey === '') return undefined;
  const wanted = raw['client-auth-type'] ?? '';
  const clientAuth = CLIENT_AUTH.find((each) => each === wanted);
  if (clientAuth === undefined) throw listenerError(`unsupported client-auth-type: ${wanted}`);
  return { certificate, privateKey, clientAuth, clientCertificates: raw['client-auth-cert'] ?? '' };
}

function tunnelNetworks(networks: readonly string[] = ['tcp', 'udp']): ReadonlySet<string> {
  for (const network of networks)
    if (network !== 'tcp' && network !== 'udp') throw listenerError(`unsupported network type: ${network}`);
  return new Set(networks);
}

function targetOf(text: string): Endpoint {
  const target = parseEndpoint(text);
  if (target.host === '') throw listenerError(`invalid target ${text}`);
  return target;
}

/** `*` and `::` are all interfaces of both families; brackets round a literal are not part of it. */
function listenHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  return host === '*' || host === '::' ? '' : host;
}

function parsePorts(port: number | string): readonly number[] {
  if (typeof port === 'number') return [port];
  const ports = new Set<number>();
  for (const item of port.split(/[,/]/)) {
    const [, first = '', last = first] = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(item) ?? [];
    const from = Math.min(Number(first), Number(last));
    const to = Math.max(Number(first), Number(last));
    if (first === '' || to > 65_535)
      throw listenerError(`cannot parse 'port' as int: ${JSON.stringify(port)}`);
    for (let each = from; each <= to && ports.size <= MAX_PORTS; each++) ports.add(each);
  }
  if (ports.size > MAX_PORTS) throw listenerError(`a listener takes at most ${MAX_PORTS} ports`);
  return [...ports];
}

function warningsOf(
  raw: RawListener,
  { name, proxy, tls }: ListenerConfig,
  isOutbound: (name: string) => boolean,
): readonly string[] {
  const warnings: string[] = [];
  if (proxy !== '' && !isOutbound(proxy))
    warnings.push(`listener ${name}: proxy ${proxy} not found, so its connections will fail`);
  const written = [raw.certificate, raw['private-key']].filter((each) => each !== undefined && each !== '');
  if (tls === undefined && written.length === 1)
    warnings.push(`listener ${name}: speaks no TLS without both certificate and private-key`);
  if ('ech-key' in raw) warnings.push(`listener ${name}: ech-key is not served by this version`);
  return warnings;
}

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw listenerError(`key '${key}' missing`);
  return value;
}

function listenerError(message: string): GatewayError {
  return new GatewayError('invalid', 'route.listener', message);
}
