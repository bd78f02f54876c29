import { isIPv4, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Endpoint, formatEndpoint, unmapIp } from '@sluice/base/address';

/**
 * Remembers both ends of direct connections, so that a connection that comes back to one of our own inbounds is
 * recognised instead of being dialed round and round. The local end alone would not do: the system gives one port to
 * connections to different places, so that a client on this machine may well have the same.
 */
export class LoopbackGuard {
  /** Local end → remote end, or ends: the system hardly ever gives one port to several connections. */
  readonly #open = new Map<string, string | readonly string[]>();
  readonly #udpPorts = new Set<number>();

  /** Remembers a connected socket until it closes. */
  watch(socket: Socket): void {
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    if (localAddress === undefined || localPort === undefined) return;
    const local = formatEndpoint(unmapIp(localAddress), localPort);
    const remote = formatEndpoint(unmapIp(remoteAddress ?? ''), remotePort ?? 0);
    const known = this.#open.get(local);
    this.#open.set(local, known === undefined ? remote : [known, remote].flat());
    socket.once('close', () => this.#forget(local, remote));
  }

  /** Remembers the port of a direct UDP socket, which sends from every address of this machine, until the result is called. */
  rememberUdp(port: number): () => void {
    this.#udpPorts.add(port);
    return () => void this.#udpPorts.delete(port);
  }

  /** True when a connection that an inbound took from `source` at `inbound` (any place when unknown) is one of our own. */
  isOwn(source: Endpoint, inbound: Endpoint | undefined): boolean {
    const remotes = this.#open.get(endText(source));
    if (remotes === undefined || inbound === undefined) return remotes !== undefined;
    const remote = endText(inbound);
    return typeof remotes === 'string' ? remotes === remote : remotes.includes(remote);
  }

  /** True when a datagram's source is one of our own direct sockets. */
  isOwnUdp({ host, port }: Endpoint): boolean {
    return this.#udpPorts.has(port) && isLocalAddress(unmapIp(host));
  }

  #forget(local: string, remote: string): void {
    const known = this.#open.get(local);
    const others = typeof known === 'string' ? [] : (known?.filter((each) => each !== remote) ?? []);
    if (others.length === 0) this.#open.delete(local);
    else this.#open.set(local, others);
  }
}

function endText({ host, port }: Endpoint): string {
  return formatEndpoint(unmapIp(host), port);
}

/** Whether an IP literal is an address of this machine, now. */
export function isLocalAddress(ip: string): boolean {
  if (isIPv4(ip) && ip.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === ip),
  );
}
