import { type Duplex, duplexPair } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { Dialed } from '@sluice/core/ports/dialer';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { FlowTap } from '@sluice/core/ports/flow-tap';
import type { OutboundRequest, OutboundStream, PacketHandlers, PacketSocket } from '../outbound/outbound.ts';
import type { RouteMode } from '../port.ts';
import type { Sniffer } from '../sniff/sniffer.ts';
import { type Decision, ruleText } from './decision.ts';
import { type AddressNames, randomOf, settleDestination } from './destination.ts';
import { dialWithRetry } from './dial-retry.ts';
import { sniffFirstBytes } from './first-bytes.ts';
import { failedLine, openedLine } from './log-lines.ts';
import { MeteredStream } from './metered-stream.ts';
import { startRelay } from './relay.ts';
import type { Router, RoutingTables } from './router.ts';
import { canTakeOver } from './takeover.ts';
import type { TrackedFlow, Tracker } from './tracker.ts';

/** What the tunnel is made of; the getters are read for every flow, so a reload takes effect with the next one. */
export type TunnelParts = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly router: Router;
  readonly tracker: Tracker;
  readonly tables: () => RoutingTables;
  readonly mode: () => RouteMode;
  readonly tap: () => FlowTap | undefined;
  readonly names: () => AddressNames;
  /** `undefined` while sniffing is off. */
  readonly sniffer: () => Sniffer | undefined;
  /** Called for every outbound that could not be opened. */
  readonly onDialFailed: () => void;
  /** While true, flows of clients are dropped; those of the gateway itself go on. */
  readonly isSuspended: () => boolean;
};

/** How a flow of the gateway's own is accounted for. */
export type FlowOptions = { readonly counted?: boolean };

/** Takes flows from inbounds and other planes, chooses their way, opens it and connects both ends. */
export class Tunnel {
  readonly #parts: TunnelParts;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
  }

  /** Routes a client's byte stream; owns `client` (paused) from now on. Resolves when the flow has ended, never rejects. */
  relay(metadata: FlowMetadata, client: Duplex): Promise<void> {
    // From here on the close that follows an error is what counts.
    client.on('error', () => client.destroy());
    // A waiting async function keeps its arguments, and a relay leaves the sockets it was given; so nothing that has
    // them waits for the end.
    return this.#start(metadata, client).then(({ ended }) => ended);
  }

  async #start(metadata: FlowMetadata, client: Duplex): Promise<{ readonly ended: Promise<void> }> {
    try {
      if (!(await this.#knowDestination(metadata, client))) {
        client.destroy();
        return { ended: Promise.resolve() };
      }
      const decision = await this.#decide(metadata);
      const tap = this.#tapFor(metadata, decision);
      if (tap === undefined) {
        const { stream } = await this.#dial(metadata, decision);
        return { ended: this.#join(metadata, decision, client, stream) };
      }
      const { ended } = this.#handToTap(tap, metadata, decision, client);
      return { ended: ended.catch(() => void client.destroy()) };
    } catch {
      // Every failure has been logged where the flow was known best.
      client.destroy();
      return { ended: Promise.resolve() };
    }
  }

  /**
   * Opens a routed stream for a caller inside the gateway. An inspected destination yields one end of a stream in memory
   * whose other end the tap serves.
   * @throws GatewayError `route.*` when no outbound could connect
   */
  async open(
    metadata: FlowMetadata,
    signal?: AbortSignal,
    { counted = true }: FlowOptions = {},
  ): Promise<Dialed> {
    this.#settle(metadata);
    const decision = await this.#decide(metadata);
    const tap = this.#tapFor(metadata, decision);
    if (tap !== undefined) {
      const [near, far] = duplexPair();
      far.on('error', () => far.destroy());
      const { flow } = this.#handToTap(tap, metadata, decision, far);
      return { stream: near, flowId: flow.id, chain: decision.chains };
    }
    const { stream } = await this.#dial(metadata, decision, signal);
    const { tracker } = this.#parts;
    const close = () => stream.destroy();
    const flow = tracker.add({ metadata, decision, inspected: false, counted, close });
    return this.#accounted(stream, flow, decision, () => tracker.remove(flow));
  }

  /**
   * Opens a routed UDP association for a caller inside the gateway.
   * @throws GatewayError `route.*` when no outbound could be opened
   */
  async openPackets(
    metadata: FlowMetadata,
    handlers: PacketHandlers,
    signal: AbortSignal,
    { counted = true }: FlowOptions = {},
  ): Promise<PacketSocket> {
    this.#settle(metadata);
    const decision = await this.#decide(metadata);
    const { clock, tracker, tables, onDialFailed } = this.#parts;
    const request = dialRequest(metadata, tables());
    let flow: TrackedFlow | undefined;
    const metered: PacketHandlers = {
      onPacket: (data, from) => {
        flow?.countDownload(data.length);
        handlers.onPacket(data, from);
      },
      onClose: () => {
        if (flow !== undefined) tracker.remove(flow);
        handlers.onClose();
      },
    };
    try {
      const open = (within: AbortSignal) => decision.leaf.openUdp({ ...request, signal: within }, metered);
      const socket = await dialWithRetry(clock, open, signal);
      decision.dialed(undefined);
      const opened = tracker.add({
        metadata,
        decision,
        inspected: false,
        counted,
        close: () => socket.close(),
      });
      flow = opened;
      return {
        send(data, to) {
          opened.countUpload(data.length);
          socket.send(data, to);
        },
        close: () => socket.close(),
      };
    } catch (error) {
      onDialFailed();
      decision.dialed(error);
      throw asGatewayError(error);
    }
  }

  #join(metadata: FlowMetadata, decision: Decision, client: Duplex, upstream: Duplex): Promise<void> {
    const { tracker } = this.#parts;
    const flow = tracker.add({ metadata, decision, inspected: false, close: () => relay.close() });
    const relay = startRelay(client, upstream, flow);
    return relay.finished.then(() => tracker.remove(flow));
  }

  /**
   * Names the destination of a client's flow, by what its first bytes say where that is asked for. False ends the flow: nothing
   * is known, or the client was waited for in vain.
   */
  async #knowDestination(metadata: FlowMetadata, client: Duplex): Promise<boolean> {
    const { sniffer, clock, log, isSuspended } = this.#parts;
    let failure: unknown;
    try {
      this.#settle(metadata);
    } catch (error) {
      failure = error;
    }
    // A name that is found cures a bad address, but not a reload.
    const active = isSuspended() ? undefined : sniffer();
    if (active?.wantsStream(metadata) === true) {
      const outcome = await sniffFirstBytes(client, metadata, active, clock);
      if (outcome === 'found') failure = undefined;
      if (outcome === 'silent') return false;
    }
    if (failure === undefined) return true;
    log.debug(`[TCP] ${errorText(failure)}`);
    return false;
  }

  /** @throws GatewayError `route.suspended`, `route.no-destination`, `route.fake-ip-missing` */
  #settle(metadata: FlowMetadata): void {
    const { tables, names, isSuspended } = this.#parts;
    if (metadata.type !== 'Inner' && isSuspended()) {
      throw new GatewayError('unavailable', 'route.suspended', 'a reload is under way');
    }
    settleDestination(metadata, tables().hosts, names());
  }

  /** @throws GatewayError after logging it */
  async #decide(metadata: FlowMetadata): Promise<Decision> {
    const { router, mode, tables, log } = this.#parts;
    try {
      return await router.decide(metadata, mode(), tables());
    } catch (error) {
      log.warning(`[${metadata.network.toUpperCase()}] ${errorText(error)}`);
      throw asGatewayError(error);
    }
  }

  /** The other planes' own connections are never inspected: they would come back for ever. */
  #tapFor(metadata: FlowMetadata, decision: Decision): FlowTap | undefined {
    if (decision.rule?.inspect !== true || metadata.type === 'Inner') return undefined;
    const tap = this.#parts.tap();
    return tap?.active === true ? tap : undefined;
  }

  #handToTap(tap: FlowTap, metadata: FlowMetadata, decision: Decision, client: Duplex) {
    const { tracker, log } = this.#parts;
    const open = new Set<Duplex>();
    const close = () => {
      client.destroy();
      for (const stream of open) stream.destroy();
    };
    const flow = tracker.add({ metadata, decision, inspected: true, close });
    log.info(openedLine(metadata, decision));
    const rule = decision.rule === undefined ? '' : ruleText(decision.rule);
    const dial = async (signal?: AbortSignal): Promise<Dialed> => {
      const { stream, remote } = await this.#connect(metadata, decision, signal);
      metadata.remoteDestination = remote;
      open.add(stream);
      return this.#accounted(stream, flow, decision, () => open.delete(stream));
    };
    const ended = tap.accept({ id: flow.id, metadata, client, rule, dial }).finally(() => {
      close();
      tracker.remove(flow);
    });
    return { flow, ended };
  }

  /** The stream itself where its bytes can be read off, else a stream that counts. */
  #accounted(stream: Duplex, flow: TrackedFlow, decision: Decision, onClose: () => void): Dialed {
    const dialed = { flowId: flow.id, chain: decision.chains };
    if (canTakeOver(stream)) {
      const finish = flow.observe(stream);
      stream.once('close', () => {
        finish();
        onClose();
      });
      return { stream, ...dialed };
    }
    const metered = new MeteredStream(stream, flow);
    metered.once('close', onClose);
    return { stream: metered, ...dialed };
  }

  /** Opens the decided outbound. @throws GatewayError after logging it */
  async #dial(metadata: FlowMetadata, decision: Decision, signal?: AbortSignal): Promise<OutboundStream> {
    const { log } = this.#parts;
    try {
      const upstream = await this.#connect(metadata, decision, signal);
      metadata.remoteDestination = upstream.remote;
      if (log.enabled('info')) log.info(openedLine(metadata, decision));
      return upstream;
    } catch (error) {
      log.warning(failedLine(metadata, decision, errorText(error)));
      throw asGatewayError(error);
    }
  }

  async #connect(metadata: FlowMetadata, decision: Decision, cancel?: AbortSignal): Promise<OutboundStream> {
    const { clock, tables, onDialFailed } = this.#parts;
    const request = dialRequest(metadata, tables());
    try {
      const dial = (signal: AbortSignal) => decision.leaf.dialTcp({ ...request, signal });
      const upstream = await dialWithRetry(clock, dial, cancel);
      decision.dialed(undefined);
      return upstream;
    } catch (error) {
      onDialFailed();
      decision.dialed(error);
      throw error;
    }
  }
}

/** What an outbound is asked for; a name that `hosts` maps to addresses is dialed by address. */
export function dialRequest(metadata: FlowMetadata, tables: RoutingTables): Omit<OutboundRequest, 'signal'> {
  const mapped = metadata.host === '' ? undefined : randomOf(tables.hosts.lookupIps(metadata.host));
  const host = mapped ?? (metadata.host === '' ? metadata.destinationIp : metadata.host);
  const source =
    metadata.sourceIp === '' ? undefined : { host: metadata.sourceIp, port: metadata.sourcePort };
  // The packet filter took it on its way elsewhere, so where it was taken is not where it was sent.
  const isTransparent = metadata.type === 'Redir' || metadata.type === 'TProxy';
  const inbound =
    metadata.inboundIp === '' || isTransparent
      ? {}
      : { inbound: { host: metadata.inboundIp, port: metadata.inboundPort } };
  return { target: { host, port: metadata.destinationPort }, source, ...inbound };
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError('unavailable', 'route.dial-failed', errorText(error), { cause: error });
}
