import type { Clock } from '@sluice/base/clock';
import type { ProxyConfig } from '../config/proxy-config.ts';
import type { ConnectSettings, IpVersion } from '../net/connect.ts';
import type { LoopbackGuard } from '../net/loopback-guard.ts';
import { DirectOutbound } from './direct/direct.ts';
import { type AnswerDns, DnsOutbound } from './dns/dns-outbound.ts';
import { HttpOutbound } from './http/http.ts';
import { NO_TRAITS, type Outbound, type OutboundTraits } from './outbound.ts';
import { RejectDropOutbound, RejectOutbound } from './reject/reject.ts';
import type { ServerConnector } from './server-link.ts';
import type { ServerPackets } from './server-packets.ts';
import { ShadowsocksOutbound } from './shadowsocks/shadowsocks.ts';
import { Socks5Outbound } from './socks5/socks5.ts';
import { UnavailableOutbound } from './unavailable.ts';

/** What outbounds are built with. */
export type OutboundParts = {
  readonly clock: Clock;
  /** For destinations. */
  readonly connect: ConnectSettings;
  /** For servers of proxies. */
  readonly serverConnect: ConnectSettings;
  readonly guard: LoopbackGuard;
  /** The way to a proxy's server: straight, or through the outbound or group that `traits.dialerProxy` names. */
  readonly connector: (ipVersion: IpVersion, traits: OutboundTraits) => ServerConnector;
  /** The same way for datagrams. */
  readonly packets: (traits: OutboundTraits) => ServerPackets;
  readonly answerDns: AnswerDns;
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
    new DirectOutbound(config.name, 'Direct', config.ipVersion, config.traits, parts.connect, parts.guard),
  reject: (config) => new RejectOutbound(config.name, config.traits),
  dns: (config, parts) => new DnsOutbound(config.name, config.traits, parts.answerDns, parts.clock),
  http: (config, parts) => new HttpOutbound(config, parts.connector(config.ipVersion, config.traits)),
  socks5: (config, parts) =>
    new Socks5Outbound(
      config,
      parts.connector(config.ipVersion, config.traits),
      parts.packets(config.traits),
    ),
  ss: (config, parts) =>
    new ShadowsocksOutbound(
      config,
      parts.connector(config.ipVersion, config.traits),
      parts.packets(config.traits),
      parts.clock,
    ),
  unavailable: (config) => new UnavailableOutbound(config),
};

/** What outbounds were built from, for their variants. */
const configs = new WeakMap<Outbound, ProxyConfig>();

/** Builds the outbound that one entry of `proxies` describes. */
export function createOutbound(config: ProxyConfig, parts: OutboundParts): Outbound {
  const build = BUILDERS[config.type] as (config: ProxyConfig, parts: OutboundParts) => Outbound;
  const outbound = build(config, parts);
  configs.set(outbound, config);
  return outbound;
}

/** The same outbound over again, with some other traits; one that opens no sockets is its own variant. */
export function createVariant(
  outbound: Outbound,
  traits: Partial<OutboundTraits>,
  parts: OutboundParts,
): Outbound {
  const config = configs.get(outbound);
  if (config === undefined) return outbound;
  return createOutbound({ ...config, traits: { ...config.traits, ...traits } }, parts);
}

/** The outbounds that exist without being configured. */
export function createBuiltIns(parts: OutboundParts): readonly Outbound[] {
  const direct = (name: string, type: 'Direct' | 'Compatible' | 'Pass') => {
    const outbound = new DirectOutbound(name, type, 'dual', NO_TRAITS, parts.connect, parts.guard);
    // PASS is not gone through, so it has no variants.
    if (type !== 'Pass')
      configs.set(outbound, { name, type: 'direct', ipVersion: 'dual', udp: true, traits: NO_TRAITS });
    return outbound;
  };
  return [
    direct('DIRECT', 'Direct'),
    new RejectOutbound('REJECT'),
    new RejectDropOutbound('REJECT-DROP', parts.clock),
    direct('PASS', 'Pass'),
    direct('COMPATIBLE', 'Compatible'),
  ];
}
