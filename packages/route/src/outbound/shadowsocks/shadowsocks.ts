import { randomBytes } from 'node:crypto';
import type { Endpoint } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { deriveMasterKey, shadowsocksSaltBytes } from '@sluice/codec/shadowsocks/keys';
import { type ShadowsocksCipher, ShadowsocksEncoder } from '@sluice/codec/shadowsocks/stream';
import { encodeSocksAddress } from '@sluice/codec/socks/address';
import { aeadFactory } from '@sluice/core/native/aead';
import type { ShadowsocksProxyConfig } from '../../config/proxy-config.ts';
import { abortable, type ConnectSettings } from '../../net/connect.ts';
import { firstAddress } from '../../net/system-resolver.ts';
import { openUdpTo } from '../../net/udp-socket.ts';
import type {
  Outbound,
  OutboundRequest,
  OutboundStream,
  OutboundTraits,
  PacketHandlers,
  PacketSocket,
} from '../outbound.ts';
import { type ServerConnector, withServer } from '../server-link.ts';
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
  readonly #settings: ConnectSettings;
  readonly #connect: ServerConnector;

  constructor(
    config: ShadowsocksProxyConfig,
    connect: ServerConnector,
    settings: ConnectSettings,
    clock: Clock,
  ) {
    this.name = config.name;
    this.udp = config.udp;
    this.traits = config.traits;
    this.#server = { host: config.server, port: config.port };
    const masterKey = deriveMasterKey(config.cipher, config.password);
    this.#cipher = { algorithm: config.cipher, masterKey, aead: aeadFactory() };
    this.#clock = clock;
    this.#settings = settings;
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

  async openUdp({ signal }: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket> {
    if (this.traits.dialerProxy !== '') {
      throw new GatewayError(
        'invalid',
        'route.udp-unsupported',
        `${this.name}: no UDP through a dialer-proxy`,
      );
    }
    const host = firstAddress(await abortable(this.#settings.resolver.resolve(this.#server.host), signal));
    const socket = openUdpTo(host, this.#settings, this.traits);
    return openShadowsocksUdp(this.#cipher, { host, port: this.#server.port }, handlers, socket);
  }
}
