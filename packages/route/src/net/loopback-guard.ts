import type dgram from 'node:dgram';
import { isIPv4, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatEndpoint, unmapIp } from '@sluice/base/address';

/**
 * Remembers the local ends of direct connections, so that a connection that comes back to one of our own inbounds is
 * recognised instead of being dialed round and round.
 */
export class LoopbackGuard {
  readonly #localEnds = new Set<string>();
  readonly #udpPorts = new Set<number>();

  /** Remembers a connected socket until it closes. */
  watch(socket: Socket): void {
    if (socket.localAddress === undefined || socket.localPort === undefined) return;
    const end = formatEndpoint(unmapIp(socket.localAddress), socket.localPort);
    this.#localEnds.add(end);
    socket.once('close', () => void this.#localEnds.delete(end));
  }

  /** Remembers a direct UDP socket, which sends from every address of this machine, until it closes. */
  watchUdp(socket: dgram.Socket): void {
    socket.once('listening', () => {
      const { port } = socket.address();
      this.#udpPorts.add(port);
      socket.once('close', () => void this.#udpPorts.delete(port));
    });
  }

  /** True when a client's address is the local end of one of our own direct connections. */
  isOwn(ip: string, port: number): boolean {
    return this.#localEnds.has(formatEndpoint(unmapIp(ip), port));
  }

  /** True when a datagram's source is one of our own direct sockets. */
  isOwnUdp(ip: string, port: number): boolean {
    return this.#udpPorts.has(port) && isLocal(unmapIp(ip));
  }
}

function isLocal(ip: string): boolean {
  if (isIPv4(ip) && ip.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === ip),
  );
}
