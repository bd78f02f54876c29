import type { Socket } from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import { nativeSockets } from '@sluice/core/native/native-sockets';
import type { ClientPacket, PacketWay } from '../tunnel/udp-session.ts';
import { type AccessRules, ownAccess } from './access.ts';
import { type InboundDescription, titleOf } from './description.ts';
import { serveRedir, serveTproxy, serveTunnel } from './forward-inbound.ts';
import { serveHttp } from './http-inbound.ts';
import type { InboundParts } from './inbound.ts';
import { type ListenerOptions, requireNative } from './listener-socket.ts';
import { serveMixed } from './mixed-inbound.ts';
import { serveSocks } from './socks-inbound.ts';
import { TcpListener, type TcpListenerParts } from './tcp-listener.ts';
import { loadTls, overTls } from './tls-listener.ts';
import { TproxyUdpListener } from './tproxy-udp-listener.ts';
import { SOCKS_DATAGRAMS, tunnelDatagrams, UdpListener } from './udp-listener.ts';

/** What every inbound is opened with. */
export type OpenInboundParts = Omit<InboundParts, 'name' | 'specialProxy' | 'specialRules'> &
  TcpListenerParts & {
    /** The global users and source filters. */
    readonly access: () => AccessRules;
    readonly onPacket: (packet: ClientPacket) => PacketWay | undefined;
    /** Where relative paths of certificates begin. */
    readonly homeDir: string;
  };

type Closable = { close(): void };
type Serve = (socket: Socket) => Promise<void>;

/** One inbound with its listening sockets. */
export class OpenInbound {
  readonly description: InboundDescription;
  readonly #shared: OpenInboundParts;
  readonly #parts: InboundParts;
  readonly #opened: Closable[] = [];
  #tcp: TcpListener | undefined;
  #port: number;

  constructor(description: InboundDescription, shared: OpenInboundParts) {
    const { name, specialProxy, specialRules, users } = description;
    const { clock, log, sink, deadlines } = shared;
    const own = users === undefined ? undefined : ownAccess(users);
    const access = own === undefined ? shared.access : () => own;
    this.description = description;
    this.#shared = shared;
    this.#parts = { name, specialProxy, specialRules, clock, log, sink, deadlines, access };
    this.#port = description.port;
  }

  /** As bound. */
  get port(): number {
    return this.#port;
  }

  /** @throws the reason why it cannot listen; `close` must follow then, too */
  async open(): Promise<void> {
    const { tcp, udp, kind } = this.description;
    if (tcp) await this.#openTcp();
    if (udp && (kind === 'redir' || kind === 'tproxy')) this.#openTransparentUdp();
    else if (udp) await this.#openUdp();
  }

  /** Puts changed settings in force for connections to come. */
  refresh(): void {
    this.#tcp?.refresh();
  }

  /** Stops accepting; connections and sessions go on. */
  close(): void {
    for (const each of this.#opened.splice(0)) each.close();
  }

  async #openTcp(): Promise<void> {
    const { host, port } = this.description;
    const serve = await this.#handler();
    const tcp = new TcpListener(this.#parts, serve, this.#shared, this.#socketOptions());
    this.#tcp = tcp;
    this.#opened.push(tcp);
    this.#port = (await tcp.listen(host, port)).port;
  }

  async #handler(): Promise<Serve> {
    const { tls } = this.description;
    const serve = this.#protocol();
    if (tls === undefined) return (socket) => serve(socket);
    return overTls(await loadTls(tls, this.#shared.homeDir), this.#parts, serve);
  }

  #protocol(): Serve {
    const { kind } = this.description;
    const parts = this.#parts;
    switch (kind) {
      case 'http':
        return (socket) => serveHttp(socket, parts);
      case 'socks':
        return (socket) => serveSocks(socket, parts);
      case 'mixed':
        return (socket) => serveMixed(socket, parts);
      case 'tunnel': {
        const target = this.#target();
        return (socket) => serveTunnel(socket, parts, target);
      }
      case 'redir': {
        const sockets = requireNative();
        return (socket) => serveRedir(socket, parts, sockets);
      }
      case 'tproxy':
        return (socket) => serveTproxy(socket, parts, this.#place());
    }
  }

  async #openUdp(): Promise<void> {
    const { kind, host } = this.description;
    const { log, onPacket } = this.#shared;
    const format = kind === 'tunnel' ? tunnelDatagrams(this.#target()) : SOCKS_DATAGRAMS;
    const udp = new UdpListener(this.#parts, format, log, onPacket);
    this.#opened.push(udp);
    this.#port = await udp.listen(host, this.#port);
  }

  /** A redirecting inbound serves TCP also where transparent sockets are not allowed. */
  #openTransparentUdp(): void {
    const { kind, host } = this.description;
    const udp = new TproxyUdpListener(requireNative(), this.#parts, this.#shared);
    this.#opened.push(udp);
    try {
      udp.listen(host, this.#port);
    } catch (error) {
      if (kind === 'tproxy') throw error;
      this.#shared.log.warning(`Start ${titleOf(this.description)} UDP server error: ${errorText(error)}`);
    }
  }

  /** Options that only make things faster are left out where the system cannot be told. */
  #socketOptions(): ListenerOptions {
    const { kind, fastOpen, multipath, routingMark } = this.description;
    const transparent = kind === 'tproxy';
    const native = nativeSockets();
    if (native.available) return { transparent, fastOpen, multipath, routingMark };
    if (fastOpen || multipath || routingMark !== 0) {
      const wanted = 'fast open, multipath and marks of listening sockets';
      this.#shared.log.warning(`${this.description.name}: ${wanted} are ignored: ${native.reason}`);
    }
    return { transparent, fastOpen: false, multipath: false, routingMark: 0 };
  }

  #target(): Endpoint {
    const { target } = this.description;
    if (target === undefined)
      throw new GatewayError('internal', 'route.listener', 'a tunnel without a target');
    return target;
  }

  #place(): Endpoint {
    const { host } = this.description;
    return { host: host === '' ? '::' : unmapIp(host), port: this.#port };
  }
}
