import { formatEndpoint } from '@sluice/base/address';
import type { Clock, Timer } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { Resolver } from '../net/system-resolver.ts';
import type { PacketHandlers } from '../outbound/outbound.ts';
import type { RouteMode } from '../port.ts';
import type { Sniffer } from '../sniff/sniffer.ts';
import type { Decision } from './decision.ts';
import { type AddressNames, settleDestination } from './destination.ts';
import { dialWithRetry } from './dial-retry.ts';
import { applySniffed } from './first-bytes.ts';
import { failedLine, openedLine } from './log-lines.ts';
import type { Router, RoutingTables } from './router.ts';
import type { Tracker } from './tracker.ts';
import { dialRequest } from './tunnel.ts';
import { type ClientPacket, type PacketWay, UdpSession, WaitingBudget } from './udp-session.ts';

const IDLE_LIMIT_MS = 60_000;
const SWEEP_MS = 5_000;
const SESSION_LIMIT = 4_096;
/** Datagrams of one hello after the first, and how long each may take. */
const MAX_HELLO_DATAGRAMS = 3;
const HELLO_PATIENCE_MS = 200;

/** What UDP sessions are made with. */
export type UdpParts = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly router: Router;
  readonly resolver: Resolver;
  readonly tracker: Tracker;
  readonly tables: () => RoutingTables;
  readonly mode: () => RouteMode;
  readonly names: () => AddressNames;
  readonly sniffer: () => Sniffer | undefined;
  readonly onDialFailed: () => void;
  readonly isSuspended: () => boolean;
};

/** The NAT table: one session per client socket, closed after a minute of silence. */
export class UdpSessions {
  readonly #parts: UdpParts;
  /** The longest unused first. */
  readonly #sessions = new Map<string, UdpSession>();
  readonly #budget = new WaitingBudget();
  #sweeper: Timer | undefined;

  constructor(parts: UdpParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#sweeper ??= this.#parts.clock.every(SWEEP_MS, () => this.#sweep());
  }

  stop(): void {
    this.#sweeper?.cancel();
    this.#sweeper = undefined;
    for (const key of [...this.#sessions.keys()]) this.#end(key);
  }

  /**
   * Takes a datagram from an inbound; packets of one client go through one session. The result, where there is one, is the way
   * for further datagrams of that client to the same place.
   */
  handle(packet: ClientPacket): PacketWay | undefined {
    const { clock, resolver, tables, names, log } = this.#parts;
    const { metadata } = packet;
    const key = `${metadata.inboundName} ${formatEndpoint(metadata.sourceIp, metadata.sourcePort)}`;
    const asked = metadata.host === '' ? metadata.destinationIp : metadata.host;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      if (this.#parts.isSuspended()) return undefined;
      const [oldest] = this.#sessions.keys();
      if (this.#sessions.size >= SESSION_LIMIT && oldest !== undefined) this.#end(oldest);
      const shared = { resolver, tables, names, budget: this.#budget, clock };
      session = new UdpSession(key, packet, { ...shared, onUsed: (used) => this.#moveBack(used) });
      this.#sessions.set(key, session);
      void this.#open(key, session, packet);
    } else {
      session.onDatagram?.(packet.data);
    }
    session.lastActiveMs = clock.monotonicMs();
    this.#moveBack(session);
    const report = (error: unknown) => log.warning(`[UDP] Resolve Ip error: ${errorText(error)}`);
    const settled = { ...metadata };
    try {
      session.send({ ...packet, metadata: settled }, asked, report);
    } catch (error) {
      log.debug(`[UDP] ${errorText(error)}`);
      return undefined;
    }
    return session.wayOf(settled);
  }

  #moveBack(session: UdpSession): void {
    const { key } = session;
    if (this.#sessions.get(key) !== session) return;
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
  }

  async #open(key: string, session: UdpSession, first: ClientPacket): Promise<void> {
    const { clock, log, tables, tracker, onDialFailed } = this.#parts;
    const { metadata } = first;
    const decision = await this.#decide(session, first);
    if (decision === undefined) {
      this.#end(key, session);
      return;
    }
    const handlers: PacketHandlers = {
      onPacket: (data, from) => session.receive(data, from),
      readsAtOnce: true,
      onClose: () => this.#end(key, session),
    };
    const request = dialRequest({ ...metadata, host: '' }, tables());
    try {
      const upstream = await dialWithRetry(clock, (signal) =>
        decision.leaf.openUdp({ ...request, signal }, handlers),
      );
      decision.dialed(undefined);
      if (this.#sessions.get(key) !== session) {
        upstream.close();
        return;
      }
      log.info(openedLine(metadata, decision));
      const close = () => this.#end(key, session);
      session.opened(upstream, tracker.add({ metadata, decision, inspected: false, close }));
    } catch (error) {
      onDialFailed();
      decision.dialed(error);
      log.warning(failedLine(metadata, decision, errorText(error)));
      this.#end(key, session);
    }
  }

  async #decide(session: UdpSession, { metadata, data }: ClientPacket): Promise<Decision | undefined> {
    const { log, router, tables, mode, names } = this.#parts;
    try {
      settleDestination(metadata, tables().hosts, names());
      await this.#sniff(session, metadata, data);
      metadata.destinationIp = await session.addressOf(metadata);
    } catch (error) {
      log.warning(`[UDP] Resolve Ip error: ${errorText(error)}`);
      return undefined;
    }
    try {
      return await router.decide(metadata, mode(), tables());
    } catch (error) {
      log.warning(`[UDP] ${errorText(error)}`);
      return undefined;
    }
  }

  /** Looks for the destination's name; a long hello goes on in the client's next datagrams, which are waited for a moment. */
  async #sniff(session: UdpSession, metadata: FlowMetadata, first: Uint8Array): Promise<void> {
    const sniffer = this.#parts.sniffer();
    if (sniffer === undefined) return;
    let sniffed = sniffer.readDatagram(metadata, first);
    for (let more = 0; sniffed === undefined && sniffer.awaitsDatagram(metadata); more++) {
      const next = more < MAX_HELLO_DATAGRAMS ? await this.#nextDatagram(session) : undefined;
      if (next === undefined) return;
      sniffed = sniffer.readDatagram(metadata, next);
    }
    if (sniffed !== undefined) applySniffed(metadata, sniffed);
  }

  #nextDatagram(session: UdpSession): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const finish = (data: Uint8Array | undefined) => {
        timer.cancel();
        session.onDatagram = undefined;
        resolve(data);
      };
      const timer = this.#parts.clock.after(HELLO_PATIENCE_MS, () => finish(undefined));
      session.onDatagram = finish;
    });
  }

  /** Ends a session; with `only`, just when it is still the one under that key. */
  #end(key: string, only?: UdpSession): void {
    const session = this.#sessions.get(key);
    if (session === undefined || (only !== undefined && only !== session)) return;
    this.#sessions.delete(key);
    const flow = session.close();
    if (flow !== undefined) this.#parts.tracker.remove(flow);
  }

  #sweep(): void {
    const deadMs = this.#parts.clock.monotonicMs() - IDLE_LIMIT_MS;
    for (const [key, session] of this.#sessions) if (session.lastActiveMs <= deadMs) this.#end(key);
  }
}
