import { randomBytes } from 'node:crypto';
import type { Endpoint } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { deriveMasterKey, shadowsocksSaltBytes } from '@sluice/codec/shadowsocks/keys';
import { type ShadowsocksCipher, ShadowsocksEncoder } from '@sluice/codec/shadowsocks/stream';
import { encodeSocksAddress } from '@sluice/codec/socks/address';
import { aeadFactory } from '@sluice/core/native/aead';
import type { ShadowsocksProxyConfig } from '../../config/proxy-config.ts';
import type {
  Outbound,
  OutboundRequest,
  OutboundStream,
  OutboundTraits,
  PacketHandlers,
  PacketSocket,
} from '../outbound.ts';
import { type ServerConnector, withServer } from '../server-link.ts';
import type { ServerPackets } from '../server-packets.ts';
import { ShadowsocksStream } from './shadowsocks-stream.ts';
import { openShadowsocksUdp } from './shadowsocks-udp.ts';

/** Tunnels TCP and UDP through a Shadowsocks server with an AEAD cipher (SIP004). */
export class ShadowsocksOutbound implements Outbound {
  readonly name: string;
  readonly type = 'Shadowsocks';
  readonly udp: boolean;
  readonly traits: OutboundTraits;
  readonly #server: Endpoint;
  readonly #cipher: ShadowsocksCipher;
  readonly #clock: Clock;
  readonly #connect: ServerConnector;
  readonly #packets: ServerPackets;

  constructor(
    config: ShadowsocksProxyConfig,
    connect: ServerConnector,
    packets: ServerPackets,
    clock: Clock,
  ) {
    this.name = config.name;
    this.udp = config.udp;
    this.traits = config.traits;
    this.#server = { host: config.server, port: config.port };
    const masterKey = deriveMasterKey(config.cipher, config.password);
    this.#cipher = { algorithm: config.cipher, masterKey, aead: aeadFactory() };
    this.#clock = clock;
    this.#packets = packets;
    this.#connect = connect;
  }

  dialTcp({ target, signal }: OutboundRequest): Promise<OutboundStream> {
    return withServer(this.#connect, this.#server, signal, async ({ stream: link, remote }) => {
      const encoder = new ShadowsocksEncoder(
        this.#cipher,
        randomBytes(shadowsocksSaltBytes(this.#cipher.algorithm)),
      );
      const address = encodeSocksAddress(target);
      return { stream: new ShadowsocksStream(link, this.#cipher, encoder, address, this.#clock), remote };
    });
  }

  openUdp({ signal }: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket> {
    return openShadowsocksUdp(this.#cipher, this.#server, handlers, this.#packets, signal);
  }
}
