import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { type ConnectSettings, connectTcp, type IpVersion } from '../../net/connect.ts';
import type { LoopbackGuard } from '../../net/loopback-guard.ts';
import { openDatagramsTo } from '../../net/udp-socket.ts';
import type {
  Outbound,
  OutboundRequest,
  OutboundStream,
  OutboundTraits,
  PacketHandlers,
  PacketSocket,
} from '../outbound.ts';
import { DirectUdp } from './direct-udp.ts';

/** Connects to the destination itself. `COMPATIBLE` and `PASS` behave the same under another type name. */
export class DirectOutbound implements Outbound {
  readonly name: string;
  readonly type: string;
  readonly udp = true;
  readonly traits: OutboundTraits;
  readonly #ipVersion: IpVersion;
  readonly #settings: ConnectSettings;
  readonly #guard: LoopbackGuard;

  constructor(
    name: string,
    type: 'Direct' | 'Compatible' | 'Pass',
    ipVersion: IpVersion,
    traits: OutboundTraits,
    settings: ConnectSettings,
    guard: LoopbackGuard,
  ) {
    this.name = name;
    this.type = type;
    this.traits = traits;
    this.#ipVersion = ipVersion;
    this.#settings = settings;
    this.#guard = guard;
  }

  async dialTcp(request: OutboundRequest): Promise<OutboundStream> {
    const { source, inbound, target, signal } = request;
    if (source !== undefined && this.#guard.isOwn(source, inbound)) throw loopError(target);
    const socket = await connectTcp(
      target.host,
      target.port,
      this.#ipVersion,
      this.#settings,
      signal,
      this.traits,
    );
    this.#guard.watch(socket);
    return { stream: socket, remote: socket.remoteAddress ?? target.host };
  }

  async openUdp(request: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket> {
    const { source, target } = request;
    if (source !== undefined && this.#guard.isOwnUdp(source)) throw loopError(target);
    return new DirectUdp(handlers, this.#guard, (ip, own) =>
      openDatagramsTo(ip, this.#settings, this.traits, own),
    );
  }
}

function loopError({ host, port }: Endpoint): GatewayError {
  const place = formatEndpoint(host, port);
  return new GatewayError('conflict', 'route.loopback', `reject loopback connection to: ${place}`);
}
