import type { Socket } from 'node:net';
import { formatEndpoint, unmapIp } from '@sluice/base/address';

/**
 * Remembers the local ends of direct connections, so that a connection that comes back to one of our own inbounds is
 * recognised instead of being dialed round and round.
 */
export class LoopbackGuard {
  readonly #localEnds = new Set<string>();

  /** Remembers a connected socket until it closes. */
  watch(socket: Socket): void {
    if (socket.localAddress === undefined || socket.localPort === undefined) return;
    const release = this.watchEndpoint(socket.localAddress, socket.localPort);
    socket.once('close', release);
  }

  /** Remembers a local end; the result forgets it. */
  watchEndpoint(ip: string, port: number): () => void {
    const end = formatEndpoint(unmapIp(ip), port);
    this.#localEnds.add(end);
    return () => void this.#localEnds.delete(end);
  }

  /** True when a client's address is the local end of one of our own direct connections. */
  isOwn(ip: string, port: number): boolean {
    return this.#localEnds.has(formatEndpoint(unmapIp(ip), port));
  }
}
