import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import type { RouteSettings } from '../port.ts';
import { bindHost } from '../settings.ts';
import type {
  InboundUser,
  ListenerConfig,
  ListenerKind,
  ListenerTls,
  TunnelConfig,
} from './config/listener-config.ts';

/** The ports that have keys of their own in the configuration. */
export type FixedPort = 'port' | 'socksPort' | 'mixedPort' | 'redirPort' | 'tproxyPort';

/** One place to listen on. Two descriptions that are equal in every member are the same inbound. */
export type InboundDescription = {
  /** Of fixed ports, which one; else whether it came from `listeners` or `tunnels`. */
  readonly origin: FixedPort | 'listener' | 'tunnel';
  readonly kind: ListenerKind;
  /** As rules and the connection table name it. */
  readonly name: string;
  /** IP literal, `''` for all interfaces of both families. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly tcp: boolean;
  readonly udp: boolean;
  readonly specialProxy: string;
  readonly specialRules: string;
  /** `undefined`: the global users and source filters apply; empty: nobody is asked. */
  readonly users: readonly InboundUser[] | undefined;
  readonly tls: ListenerTls | undefined;
  /** Of tunnels. */
  readonly target: Endpoint | undefined;
  readonly routingMark: number;
  readonly fastOpen: boolean;
  readonly multipath: boolean;
};

const FIXED: readonly {
  readonly origin: FixedPort;
  readonly kind: ListenerKind;
  readonly name: string;
  readonly udp: boolean;
}[] = [
  { origin: 'port', kind: 'http', name: 'DEFAULT-HTTP', udp: false },
  { origin: 'socksPort', kind: 'socks', name: 'DEFAULT-SOCKS', udp: true },
  { origin: 'mixedPort', kind: 'mixed', name: 'DEFAULT-MIXED', udp: true },
  { origin: 'redirPort', kind: 'redir', name: 'DEFAULT-REDIR', udp: true },
  { origin: 'tproxyPort', kind: 'tproxy', name: 'DEFAULT-TPROXY', udp: true },
];

const TUNNEL_NAME = 'DEFAULT-TUNNEL';

/**
 * Everything that is to be listened on. A reload that must not touch the fixed ports gives the settings in force with the
 * new listeners and tunnels.
 */
export function describeInbounds(
  settings: RouteSettings,
  listeners: readonly ListenerConfig[],
  tunnels: readonly TunnelConfig[],
): readonly InboundDescription[] {
  const socket = { fastOpen: settings.inboundTfo, multipath: settings.inboundMptcp };
  const fixed = FIXED.filter(({ origin }) => settings[origin] !== 0).map((each) => ({
    ...each,
    ...PLAIN,
    ...socket,
    host: bindHost(settings),
    port: settings[each.origin],
    users: undefined,
  }));
  const listed = listeners.flatMap((listener) =>
    listener.ports.map((port) => ({ ...fromListener(listener), ...socket, port })),
  );
  const forwards = tunnels.map((tunnel) => ({ ...fromTunnel(tunnel), ...socket }));
  return [...fixed, ...listed, ...forwards];
}

const PLAIN = {
  tcp: true,
  specialProxy: '',
  specialRules: '',
  tls: undefined,
  target: undefined,
  routingMark: 0,
} as const;

function fromListener(listener: ListenerConfig) {
  const { name, kind, host, tcp, udp, users, tls, target, routingMark } = listener;
  const special = { specialProxy: listener.proxy, specialRules: listener.rule };
  return {
    origin: 'listener' as const,
    name,
    kind,
    host,
    tcp,
    udp,
    users,
    tls,
    target,
    routingMark,
    ...special,
  };
}

function fromTunnel({ tcp, udp, address, target, proxy }: TunnelConfig) {
  const place = { host: address.host, port: address.port, tcp, udp, target };
  const users: readonly InboundUser[] = [];
  const who = { origin: 'tunnel' as const, kind: 'tunnel' as const, name: TUNNEL_NAME, users };
  return { ...PLAIN, ...who, ...place, specialProxy: proxy };
}

/** Equal for equal descriptions only. */
export function identityOf(description: InboundDescription): string {
  return JSON.stringify(Object.entries(description).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `host:port` for the log. */
export function placeOf(host: string, port: number): string {
  return formatEndpoint(host === '' ? '::' : host, port);
}

/** What the log calls an inbound. */
export function titleOf({ kind, origin, name }: InboundDescription): string {
  return origin === 'listener' ? `${TITLES[kind]} [${name}]` : TITLES[kind];
}

const TITLES: Readonly<Record<ListenerKind, string>> = {
  http: 'HTTP',
  socks: 'SOCKS',
  mixed: 'Mixed(http+socks)',
  redir: 'Redir',
  tproxy: 'TProxy',
  tunnel: 'Tunnel',
};
