import type { Clock } from '@sluice/base/clock';
import type { ProxyConfig } from '../config/proxy-config.ts';
import type { ConnectSettings, IpVersion } from '../net/connect.ts';
import type { LoopbackGuard } from '../net/loopback-guard.ts';
import { DirectOutbound } from './direct/direct.ts';
import { HttpOutbound } from './http/http.ts';
import type { Outbound } from './outbound.ts';
import { RejectDropOutbound, RejectOutbound } from './reject/reject.ts';
import type { ServerConnector } from './server-link.ts';
import { ShadowsocksOutbound } from './shadowsocks/shadowsocks.ts';
import { Socks5Outbound } from './socks5/socks5.ts';
import { UnavailableOutbound } from './unavailable.ts';

/** What outbounds are built with. */
export type OutboundParts = {
  readonly clock: Clock;
  readonly connect: ConnectSettings;
  readonly guard: LoopbackGuard;
  /** The way to a proxy's server: straight, or through the outbound or group named `dialerProxy`. */
  readonly connector: (ipVersion: IpVersion, dialerProxy: string) => ServerConnector;
};

type Builders = {
  readonly [T in ProxyConfig['type']]: (
    config: Extract<ProxyConfig, { readonly type: T }>,
    parts: OutboundParts,
  ) => Outbound;
};

/** One line per kind of outbound. */
const BUILDERS: Builders = {
  direct: (config, parts) =>
    new DirectOutbound(config.name, 'Direct', config.ipVersion, parts.connect, parts.guard),
  reject: (config) => new RejectOutbound(config.name),
  http: (config, parts) => new HttpOutbound(config, parts.connector(config.ipVersion, config.dialerProxy)),
  socks5: (config, parts) =>
    new Socks5Outbound(config, parts.connector(config.ipVersion, config.dialerProxy)),
  ss: (config, parts) =>
    new ShadowsocksOutbound(
      config,
      parts.connector(config.ipVersion, config.dialerProxy),
      parts.connect,
      parts.clock,
    ),
  unavailable: (config) => new UnavailableOutbound(config),
};

/** Builds the outbound that one entry of `proxies` describes. */
export function createOutbound(config: ProxyConfig, parts: OutboundParts): Outbound {
  const build = BUILDERS[config.type] as (config: ProxyConfig, parts: OutboundParts) => Outbound;
  return build(config, parts);
}

/** The outbounds that exist without being configured. */
export function createBuiltIns(parts: OutboundParts): readonly Outbound[] {
  const direct = (name: string, type: 'Direct' | 'Compatible' | 'Pass') =>
    new DirectOutbound(name, type, 'dual', parts.connect, parts.guard);
  return [
    direct('DIRECT', 'Direct'),
    new RejectOutbound('REJECT'),
    new RejectDropOutbound('REJECT-DROP', parts.clock),
    direct('PASS', 'Pass'),
    direct('COMPATIBLE', 'Compatible'),
  ];
}
