import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import type { PacketHandlers, PacketSocket } from '../../../outbound/outbound.ts';
import type { DnsDialer, DnsVia } from '../../dns-service.ts';

/** Dials loopback and remembers what was asked of it; names are taken for 127.0.0.1. */
export class LoopbackDialer implements DnsDialer {
  readonly dialed: string[] = [];
  readonly #open = new Set<{ destroy(): void }>();

  async dialTcp(target: Endpoint, via: DnsVia, signal: AbortSignal): Promise<Duplex> {
    this.dialed.push(`tcp ${target.host} ${via}`);
    const host = net.isIP(target.host) === 0 ? '127.0.0.1' : target.host;
    const socket = net.connect({ host, port: target.port, allowHalfOpen: true, signal });
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    socket.pause();
    return socket;
  }

  async openUdp(target: Endpoint, via: DnsVia, handlers: PacketHandlers): Promise<PacketSocket> {
    this.dialed.push(`udp ${target.host} ${via}`);
    const socket = dgram.createSocket('udp4');
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      this.#open.delete(opened);
      socket.close();
      handlers.onClose();
    };
    const opened = { destroy: close };
    this.#open.add(opened);
    socket.on('error', close);
    socket.on('message', (data, from) => handlers.onPacket(data, { host: from.address, port: from.port }));
    return {
      send: (data, to) => {
        if (isOpen) socket.send(data, to.port, to.host, () => undefined);
      },
      close,
    };
  }

  /** Sockets that are still open. */
  get openSockets(): number {
    return [...this.#open].filter((each) => !(each instanceof net.Socket) || !each.destroyed).length;
  }

  close(): void {
    for (const each of this.#open) each.destroy();
  }
}
