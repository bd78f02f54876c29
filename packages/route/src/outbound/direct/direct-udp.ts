import { isIPv6 } from 'node:net';
import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { DatagramHandlers, DatagramPeer, DatagramSocket } from '@sluice/core/native/datagram-engine';
import type { LoopbackGuard } from '../../net/loopback-guard.ts';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';

const NO_HEADER = new Uint8Array(0);

/** Opens a socket to send to an address with. @throws GatewayError when none can be had */
type OpenSocket = (ip: string, handlers: DatagramHandlers) => DatagramSocket;

/** Where the last datagram went; a client mostly talks to one place for a while. */
type Way = { readonly to: Endpoint; readonly socket: DatagramSocket; readonly peer: DatagramPeer };

/** A UDP association from this machine; one socket per address family, opened for its first destination. */
export class DirectUdp implements PacketSocket {
  readonly sendsAtOnce = true;
  readonly #handlers: PacketHandlers;
  readonly #guard: LoopbackGuard;
  readonly #openSocket: OpenSocket;
  #ipv4: DatagramSocket | undefined;
  #ipv6: DatagramSocket | undefined;
  readonly #forget: (() => void)[] = [];
  #last: Way | undefined;
  #closed = false;

  constructor(handlers: PacketHandlers, guard: LoopbackGuard, openSocket: OpenSocket) {
    this.#handlers = handlers;
    this.#guard = guard;
    this.#openSocket = openSocket;
  }

  send(data: Uint8Array, to: Endpoint): void {
    if (this.#closed) return;
    if (this.#last?.to !== to) this.#last = this.#wayTo(to);
    const last = this.#last;
    if (last !== undefined) last.socket.send(data, last.peer, NO_HEADER);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#last = undefined;
    this.#ipv4?.close();
    this.#ipv6?.close();
    for (const forget of this.#forget) forget();
    this.#handlers.onClose();
  }

  /** `undefined` when there is no socket to be had, and then the association has ended. */
  #wayTo(to: Endpoint): Way | undefined {
    const last = this.#last;
    if (last !== undefined && last.to.host === to.host && last.to.port === to.port) return { ...last, to };
    const socket = this.#socketFor(to.host);
    return socket === undefined ? undefined : { to, socket, peer: socket.peer(to) };
  }

  #socketFor(ip: string): DatagramSocket | undefined {
    try {
      if (isIPv6(ip)) this.#ipv6 ??= this.#open(ip);
      else this.#ipv4 ??= this.#open(ip);
      return isIPv6(ip) ? this.#ipv6 : this.#ipv4;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.close();
      return undefined;
    }
  }

  #open(ip: string): DatagramSocket {
    const { onPacket, readsAtOnce } = this.#handlers;
    return this.#openSocket(ip, {
      onDatagram:
        readsAtOnce === true
          ? onPacket
          : (data, { host, port }) => onPacket(Buffer.from(data), { host, port }),
      onBound: ({ port }) => void this.#forget.push(this.#guard.rememberUdp(port)),
      onError: () => this.close(),
    });
  }
}
