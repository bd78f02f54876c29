import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import {
  COMMAND_CONNECT,
  COMMAND_UDP_ASSOCIATE,
  encodeCredentials,
  encodeGreeting,
  encodeRequest,
  METHOD_NONE,
  METHOD_PASSWORD,
  parseCredentialsStatus,
  parseMethodChoice,
  parseReply,
  REPLY_SUCCEEDED,
  SOCKS5_MESSAGE_LIMIT_BYTES,
} from '@sluice/codec/socks/socks5';
import type { Socks5ProxyConfig } from '../../config/proxy-config.ts';
import { HandshakeReader } from '../../net/handshake-reader.ts';
import type {
  Outbound,
  OutboundRequest,
  OutboundStream,
  OutboundTraits,
  PacketHandlers,
  PacketSocket,
} from '../outbound.ts';
import { type ServerConnector, startTls, withServer } from '../server-link.ts';
import type { ServerPackets } from '../server-packets.ts';
import { openSocks5Udp } from './socks5-udp.ts';

/** Tunnels TCP and UDP through a SOCKS5 server (RFC 1928, RFC 1929). */
export class Socks5Outbound implements Outbound {
  readonly name: string;
  readonly type = 'Socks5';
  readonly udp: boolean;
  readonly traits: OutboundTraits;
  readonly #config: Socks5ProxyConfig;
  readonly #connect: ServerConnector;
  readonly #packets: ServerPackets;

  constructor(config: Socks5ProxyConfig, connect: ServerConnector, packets: ServerPackets) {
    this.name = config.name;
    this.udp = config.udp;
    this.traits = config.traits;
    this.#config = config;
    this.#connect = connect;
    this.#packets = packets;
  }

  dialTcp({ target, signal }: OutboundRequest): Promise<OutboundStream> {
    return withServer(this.#connect, this.#server(), signal, async (link) => {
      const { stream } = await this.#negotiate(link, COMMAND_CONNECT, target, signal);
      return { stream, remote: link.remote };
    });
  }

  openUdp({ signal }: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket> {
    return withServer(this.#connect, this.#server(), signal, async (link) => {
      const unspecified = { host: '0.0.0.0', port: 0 };
      const { stream, bound } = await this.#negotiate(link, COMMAND_UDP_ASSOCIATE, unspecified, signal);
      const host = bound.host === '0.0.0.0' || bound.host === '::' ? link.remote : bound.host;
      return openSocks5Udp(stream, { host, port: bound.port }, handlers, this.#packets, signal);
    });
  }

  #server(): Endpoint {
    return { host: this.#config.server, port: this.#config.port };
  }

  async #negotiate(link: OutboundStream, command: number, target: Endpoint, signal: AbortSignal) {
    const { tls, username, password } = this.#config;
    const stream = tls === undefined ? link.stream : await startTls(link.stream, tls, signal);
    const reader = new HandshakeReader(stream, SOCKS5_MESSAGE_LIMIT_BYTES, signal);
    const method = username === '' ? METHOD_NONE : METHOD_PASSWORD;
    stream.write(encodeGreeting([method]));
    if ((await reader.read(parseMethodChoice)) !== method) throw refused('SOCKS need auth');
    if (method === METHOD_PASSWORD) {
      stream.write(encodeCredentials({ user: username, password }));
      if (!(await reader.read(parseCredentialsStatus))) throw refused('rejected username/password');
    }
    stream.write(encodeRequest({ command, target }));
    const reply = await reader.read(parseReply);
    if (reply.code !== REPLY_SUCCEEDED) throw refused(`SOCKS request refused with code ${reply.code}`);
    reader.release();
    return { stream, bound: reply.bound };
  }
}

function refused(message: string): GatewayError {
  return new GatewayError('unavailable', 'route.dial-failed', message);
}
