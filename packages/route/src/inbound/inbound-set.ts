import type { Socket } from 'node:net';
import { errorText } from '@sluice/base/errors';
import type { InboundPorts } from '../config/resolve-route.ts';
import type { RouteSettings } from '../port.ts';
import { bindHost } from '../settings.ts';
import type { ClientPacket } from '../tunnel/udp-session.ts';
import { serveHttp } from './http-inbound.ts';
import type { ConnectionHandler, InboundParts } from './inbound.ts';
import { serveMixed } from './mixed-inbound.ts';
import { serveSocks } from './socks-inbound.ts';
import { SocksUdpListener } from './socks-udp-listener.ts';
import { TcpListener } from './tcp-listener.ts';

type Serve = (...args: [...Parameters<ConnectionHandler>, InboundParts]) => Promise<void>;

type InboundKind = {
  /** As rules and the connection table name it. */
  readonly name: string;
  /** As the log names it when it cannot start. */
  readonly title: string;
  readonly setting: keyof InboundPorts;
  readonly serve: Serve;
  readonly udp: boolean;
};

/** One line per fixed inbound. */
const KINDS: readonly InboundKind[] = [
  { name: 'DEFAULT-HTTP', title: 'HTTP', setting: 'port', serve: serveHttp, udp: false },
  { name: 'DEFAULT-SOCKS', title: 'SOCKS', setting: 'socksPort', serve: serveSocks, udp: true },
  {
    name: 'DEFAULT-MIXED',
    title: 'Mixed(http+socks)',
    setting: 'mixedPort',
    serve: serveMixed,
    udp: true,
  },
];

type OpenInbound = {
  readonly host: string;
  /** As configured. */
  readonly wantedPort: number;
  /** As bound. */
  readonly port: number;
  readonly tcp: TcpListener;
  readonly udp: SocksUdpListener | undefined;
};

/** Where inbounds deliver, without their own names. */
export type InboundSetParts = Omit<InboundParts, 'name'> & {
  readonly onPacket: (packet: ClientPacket) => void;
};

/** The fixed inbound ports: opened, moved and closed as the settings ask. */
export class InboundSet {
  readonly #parts: InboundSetParts;
  readonly #open = new Map<string, OpenInbound>();
  /** Connections that have not become flows: in their handshake, or HTTP clients between requests. */
  readonly #unfinished = new Set<Socket>();
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: InboundSetParts) {
    this.#parts = parts;
  }

  /** Makes the open ports those of the settings; ports that stay are not touched, one that cannot bind is logged. */
  apply(settings: RouteSettings): Promise<void> {
    this.#turn = this.#turn.then(() => this.#apply(settings));
    return this.#turn;
  }

  /** Stops accepting on every port and drops connections that have not become flows. */
  async close(): Promise<void> {
    await this.#turn;
    for (const kind of KINDS) this.#closeOne(kind.name);
    for (const socket of this.#unfinished) socket.destroy();
  }

  /** Addresses really listened on. */
  listeners(): readonly { readonly name: string; readonly host: string; readonly port: number }[] {
    return Array.from(this.#open, ([name, { host, port }]) => ({ name, host, port }));
  }

  /** The ports really listened on, 0 for an inbound that is off or could not bind. */
  boundPorts(): InboundPorts {
    const ports = { port: 0, socksPort: 0, mixedPort: 0 };
    for (const { name, setting } of KINDS) ports[setting] = this.#open.get(name)?.port ?? 0;
    return ports;
  }

  async #apply(settings: RouteSettings): Promise<void> {
    const host = bindHost(settings);
    for (const { name, setting } of KINDS) {
      const open = this.#open.get(name);
      if (open !== undefined && (open.host !== host || open.wantedPort !== settings[setting]))
        this.#closeOne(name);
    }
    for (const kind of KINDS) {
      const wantedPort = settings[kind.setting];
      if (wantedPort !== 0 && !this.#open.has(kind.name)) await this.#openOne(kind, host, wantedPort);
    }
  }

  async #openOne(kind: InboundKind, host: string, wantedPort: number): Promise<void> {
    const { log, onPacket } = this.#parts;
    const parts: InboundParts = { ...this.#parts, name: kind.name };
    const tcp = new TcpListener(parts, (socket) => kind.serve(socket, parts), this.#unfinished);
    const udp = kind.udp ? new SocksUdpListener(host, kind.name, log, onPacket) : undefined;
    try {
      const { port } = await tcp.listen(host, wantedPort);
      await udp?.listen(host, port);
      this.#open.set(kind.name, { host, wantedPort, port, tcp, udp });
      log.info(`${kind.title} proxy listening at: ${host === '' ? '[::]' : host}:${port}`);
    } catch (error) {
      tcp.close();
      udp?.close();
      log.error(`Start ${kind.title} server error: ${errorText(error)}`);
    }
  }

  #closeOne(name: string): void {
    const open = this.#open.get(name);
    if (open === undefined) return;
    this.#open.delete(name);
    open.tcp.close();
    open.udp?.close();
  }
}
