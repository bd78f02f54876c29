import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { abortable, type ConnectSettings } from '../net/connect.ts';
import type { SocketOptions } from '../net/socket-options.ts';
import { firstAddress } from '../net/system-resolver.ts';
import { openUdpTo } from '../net/udp-socket.ts';
import type { Outbound } from './outbound.ts';

/** An open way for datagrams to one server and back. Sending after `close` is ignored. */
export type PacketLink = { send(data: Uint8Array): void; close(): void };

/** What an open way tells its owner; `onClose` is called once, also after `close`. */
export type PacketLinkHandlers = {
  readonly onPacket: (data: Uint8Array) => void;
  readonly onClose: () => void;
};

/** Opens the way for datagrams to a proxy's server, straight or through another outbound. */
export type ServerPackets = (
  server: Endpoint,
  handlers: PacketLinkHandlers,
  signal: AbortSignal,
) => Promise<PacketLink>;

/** Datagrams from a socket of ours, which takes only what comes from the server. */
export function straightPackets(settings: ConnectSettings, own: Partial<SocketOptions>): ServerPackets {
  return async (server, handlers, signal) => {
    const host = await addressOf(server, settings, signal);
    const socket = openUdpTo(host, settings, own);
    let closed = false;
    const close = () => {
      if (closed) return;
      closed = true;
      socket.close();
      handlers.onClose();
    };
    socket.on('message', (packet) => handlers.onPacket(packet));
    return new Promise((resolve, reject) => {
      socket.on('error', (error) => {
        close();
        reject(error);
      });
      socket.once('connect', () => {
        const send = (data: Uint8Array) => {
          if (!closed) socket.send(data);
        };
        resolve({ send, close });
      });
      socket.connect(server.port, host);
    });
  };
}

/** Datagrams through the outbound that `carrier` gives; what does not come from the server is dropped. */
export function carriedPackets(carrier: () => Outbound, settings: ConnectSettings): ServerPackets {
  return async ({ host: name, port }, handlers, signal) => {
    const outbound = carrier();
    if (!outbound.udp) {
      const message = `proxy adapter [${outbound.name}] UDP is not supported`;
      throw new GatewayError('invalid', 'route.udp-unsupported', message);
    }
    const host = await addressOf({ host: name, port }, settings, signal);
    const server = { host, port };
    const association = await outbound.openUdp(
      { target: server, source: undefined, signal },
      {
        onPacket: (data, from) => {
          if (from.host === host && from.port === port) handlers.onPacket(data);
        },
        onClose: handlers.onClose,
      },
    );
    return {
      send: (data) => association.send(data, server),
      close: () => association.close(),
    };
  };
}

async function addressOf(
  { host }: Endpoint,
  settings: ConnectSettings,
  signal: AbortSignal,
): Promise<string> {
  return firstAddress(await abortable(settings.resolver.resolve(host), signal));
}
