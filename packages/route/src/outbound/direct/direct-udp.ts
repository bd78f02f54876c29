import type dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '@sluice/base/address';
import { unmapIp } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { LoopbackGuard } from '../../net/loopback-guard.ts';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';

/** Datagrams waiting in one socket beyond this are dropped, as a full socket buffer would. */
const SEND_QUEUE_LIMIT_BYTES = 1 << 20;

/** A UDP association from this machine; one socket per address family, opened by `openSocket` for its first destination. */
export function openDirectUdp(
  handlers: PacketHandlers,
  guard: LoopbackGuard,
  openSocket: (ip: string) => dgram.Socket,
): PacketSocket {
  return new DirectUdp(handlers, guard, openSocket);
}

class DirectUdp implements PacketSocket {
  readonly #handlers: PacketHandlers;
  readonly #guard: LoopbackGuard;
  readonly #openSocket: (ip: string) => dgram.Socket;
  readonly #sockets = new Map<'udp4' | 'udp6', dgram.Socket>();
  #closed = false;

  constructor(handlers: PacketHandlers, guard: LoopbackGuard, openSocket: (ip: string) => dgram.Socket) {
    this.#handlers = handlers;
    this.#guard = guard;
    this.#openSocket = openSocket;
  }

  send(data: Uint8Array, to: Endpoint): void {
    if (this.#closed) return;
    const socket = this.#socketFor(to.host);
    if (socket === undefined || socket.getSendQueueSize() > SEND_QUEUE_LIMIT_BYTES) return;
    // A refused or unreachable destination concerns that datagram, not the association.
    socket.send(data, to.port, to.host, () => undefined);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    this.#handlers.onClose();
  }

  /** `undefined` when none can be had, and then the association has ended. */
  #socketFor(ip: string): dgram.Socket | undefined {
    const family = isIPv6(ip) ? 'udp6' : 'udp4';
    const existing = this.#sockets.get(family);
    if (existing !== undefined) return existing;
    let socket: dgram.Socket;
    try {
      socket = this.#openSocket(ip);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.close();
      return undefined;
    }
    this.#sockets.set(family, socket);
    this.#guard.watchUdp(socket);
    socket.on('message', (data, from) =>
      this.#handlers.onPacket(data, { host: unmapIp(from.address), port: from.port }),
    );
    socket.on('error', () => this.close());
    return socket;
  }
}
