import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import type { Resolver } from '../net/system-resolver.ts';
import type { PacketHandlers, PacketSocket } from '../outbound/outbound.ts';
import type { DnsControl } from '../port.ts';

/** Which way DNS traffic takes: `''` straight, `RULES` by the rules, else the name of an outbound, group or network interface. */
export type DnsVia = string;

/** Opens connections for DNS upstreams; those with a name are `Inner` flows of the gateway. */
export interface DnsDialer {
  /** `target.host` is an IP literal unless `via` names an outbound that resolves itself. @throws GatewayError `route.*` */
  dialTcp(target: Endpoint, via: DnsVia, signal: AbortSignal): Promise<Duplex>;
  /** @throws GatewayError `route.*`, for example when the outbound carries no UDP */
  openUdp(
    target: Endpoint,
    via: DnsVia,
    handlers: PacketHandlers,
    signal: AbortSignal,
  ): Promise<PacketSocket>;
}

/** What an address that a client connects to stands for. */
export type ReverseName = {
  readonly name: string;
  readonly mode: 'fake-ip' | 'redir-host';
  /** True when the address was handed out as a fake one. */
  readonly fake: boolean;
};

/** The resolvers, the fake-ip pool and the DNS server of one gateway; lives through reloads. */
export interface DnsService {
  readonly control: DnsControl;
  /** False: names are resolved by the operating system and addresses have no names. */
  readonly enabled: boolean;
  readonly mode: 'normal' | 'fake-ip' | 'redir-host';
  /** For rules and everything without a resolver of its own; hosts first, never fake addresses. */
  readonly main: Resolver;
  /** For dials of DIRECT outbounds. */
  readonly direct: Resolver;
  /** For server names of proxies. */
  readonly proxyServer: Resolver;
  /** The name behind an address; fake addresses first, then what DNS answers said. */
  reverse(ip: string): ReverseName | undefined;
  /** Whether an address is in the fake range and could be handed out (neither gateway nor broadcast). */
  isFakeIp(ip: string): boolean;
}
