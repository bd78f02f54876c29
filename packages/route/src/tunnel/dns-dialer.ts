import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import { type FlowMetadata, newFlow } from '@sluice/core/ports/flow';
import type { DnsDialer, DnsVia } from '../dns/dns-service.ts';
import type { Outbound, PacketHandlers, PacketSocket } from '../outbound/outbound.ts';
import type { RoutingTables } from './router.ts';
import type { Tunnel } from './tunnel.ts';

/** `via` that leaves the choice to the rules. */
const BY_RULES = 'RULES';

/** What DNS traffic is carried by. */
export type DnsDialerParts = {
  readonly tunnel: Tunnel;
  readonly tables: () => RoutingTables;
  /** A direct way out that uses a network interface, `''` for the system's choice. */
  readonly straight: (interfaceName: string) => Outbound;
};

/** Carries DNS queries straight, by the rules, or through an outbound; the latter two show in the connection table but in no total. */
export class RoutedDnsDialer implements DnsDialer {
  readonly #parts: DnsDialerParts;

  constructor(parts: DnsDialerParts) {
    this.#parts = parts;
  }

  async dialTcp(target: Endpoint, via: DnsVia, signal: AbortSignal): Promise<Duplex> {
    const { tunnel, straight } = this.#parts;
    const flow = this.#flow('tcp', target, via);
    if (flow !== undefined) return (await tunnel.open(flow, signal, { counted: false })).stream;
    return (await straight(via).dialTcp({ target, source: undefined, signal })).stream;
  }

  openUdp(
    target: Endpoint,
    via: DnsVia,
    handlers: PacketHandlers,
    signal: AbortSignal,
  ): Promise<PacketSocket> {
    const { tunnel, straight } = this.#parts;
    const flow = this.#flow('udp', target, via);
    if (flow !== undefined) return tunnel.openPackets(flow, handlers, signal, { counted: false });
    return straight(via).openUdp({ target, source: undefined, signal }, handlers);
  }

  /** The flow to route; `undefined` for what goes straight out. */
  #flow(network: 'tcp' | 'udp', target: Endpoint, via: DnsVia): FlowMetadata | undefined {
    const isOutbound = via !== '' && this.#parts.tables().outbounds.has(via);
    if (via !== BY_RULES && !isOutbound) return undefined;
    return newFlow({
      network,
      type: 'Inner',
      sourceIp: '',
      sourcePort: 0,
      host: target.host,
      destinationPort: target.port,
      inboundIp: '',
      inboundPort: 0,
      inboundName: 'dns',
      specialProxy: isOutbound ? via : '',
    });
  }
}
