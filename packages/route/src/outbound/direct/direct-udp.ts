import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '@sluice/base/address';
import { unmapIp } from '@sluice/base/address';
import type { LoopbackGuard } from '../../net/loopback-guard.ts';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';

/** Datagrams waiting in one socket beyond this are dropped, as a full socket buffer would. */
const SEND_QUEUE_LIMIT_BYTES = 1 << 20;

/** A UDP association from this machine; one socket per address family, opened when first needed. */
export function openDirectUdp(handlers: PacketHandlers, guard: LoopbackGuard): PacketSocket {
  return new DirectUdp(handlers, guard);
}

class DirectUdp implements PacketSocket {
  readonly #handlers: PacketHandlers;
  readonly #guard: LoopbackGuard;
  readonly #sockets = new Map<'udp4' | 'udp6', dgram.Socket>();
  #closed = false;

  constructor(handlers: PacketHandlers, guard: LoopbackGuard) {
    this.#handlers = handlers;
    this.#guard = guard;
  }

  send(data: Uint8Array, to: Endpoint): void {
    if (this.#closed) return;
    const socket = this.#socketFor(isIPv6(to.host) ? 'udp6' : 'udp4');
    if (socket.getSendQueueSize() > SEND_QUEUE_LIMIT_BYTES) return;
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

  #socketFor(family: 'udp4' | 'udp6'): dgram.Socket {
    const existing = this.#sockets.get(family);
    if (existing !== undefined) return existing;
    const socket = dgram.createSocket({ type: family, ...(family === 'udp6' ? { ipv6Only: true } : {}) });
    this.#sockets.set(family, socket);
    this.#guard.watchUdp(socket);
    socket.on('message', (data, from) =>
      this.#handlers.onPacket(data, { host: unmapIp(from.address), port: from.port }),
    );
    socket.on('error', () => this.close());
    return socket;
  }
}
