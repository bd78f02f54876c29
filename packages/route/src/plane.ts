import { join } from 'node:path';
import type { GatewayContext } from '@sluice/core/gateway-context';
import type { Dialer, DialRequest } from '@sluice/core/ports/dialer';
import { type FlowMetadata, newFlow } from '@sluice/core/ports/flow';
import type { FlowTap } from '@sluice/core/ports/flow-tap';
import type { Service } from '@sluice/core/service';
import { type ResolvedRoute, resolveRoute } from './config/resolve-route.ts';
import type { RouteConfig } from './config.ts';
import { LiveRouteControl } from './control.ts';
import { OutboundTable } from './group/outbound-table.ts';
import { SelectionStore } from './group/selection-store.ts';
import { InboundSet } from './inbound/inbound-set.ts';
import { type ConnectSettings, connectTcp } from './net/connect.ts';
import { LoopbackGuard } from './net/loopback-guard.ts';
import { SystemResolver } from './net/system-resolver.ts';
import { createBuiltIns, createOutbound, type OutboundParts } from './outbound/registry.ts';
import type { RouteControl, RouteSettingsPatch } from './port.ts';
import { keepInbounds, type LiveSettings, patchedSettings, settingsOf } from './settings.ts';
import { Router, type RoutingTables } from './tunnel/router.ts';
import { Tracker } from './tunnel/tracker.ts';
import { Tunnel } from './tunnel/tunnel.ts';
import { UdpSessions } from './tunnel/udp-sessions.ts';

/** The route plane: inbounds, rules, outbounds, and the way out for the other planes. */
export type RoutePlane = Service & {
  readonly dialer: Dialer;
  readonly control: RouteControl;
  /** Puts another configuration in force; established connections and unchanged ports stay. A failure changes nothing. */
  reconfigure(config: RouteConfig, scope?: ReconfigureScope): Promise<void>;
};

/** Whether the inbounds follow: `false` leaves ports, addresses and source filters as they are. */
export type ReconfigureScope = { readonly inbounds: boolean };

const KEEP_ALIVE_MS = 15_000;

/**
 * Builds the plane without opening anything. `options.tap` is asked for every flow that a rule wants inspected.
 * @throws GatewayError `route.config` and those of `resolveRoute`
 */
export function createRoutePlane(
  context: GatewayContext,
  config: RouteConfig,
  options: { readonly tap: () => FlowTap | undefined },
): RoutePlane {
  return new LiveRoutePlane(context, config, options.tap);
}

class LiveRoutePlane implements RoutePlane {
  readonly name = 'route';
  readonly dialer: Dialer;
  readonly control: RouteControl;
  readonly #context: GatewayContext;
  readonly #store: SelectionStore;
  readonly #outboundParts: OutboundParts;
  readonly #inbounds: InboundSet;
  readonly #udp: UdpSessions;
  readonly #tracker: Tracker;
  #storesSelection: boolean;
  #settings: LiveSettings;
  #tables: RoutingTables;
  #running = false;

  constructor(context: GatewayContext, config: RouteConfig, tap: () => FlowTap | undefined) {
    const { clock, events } = context;
    const log = context.log;
    this.#context = context;
    const resolved = resolveRoute(config);
    this.#settings = settingsOf(config, resolved);
    this.#storesSelection = config.profile['store-selected'];
    this.#store = new SelectionStore(join(context.dataDir, 'route.sqlite'));
    const resolver = new SystemResolver(clock, () => this.#settings.shown.ipv6);
    const connect: ConnectSettings = {
      clock,
      resolver,
      concurrent: () => this.#settings.shown.tcpConcurrent,
      keepAliveMs: () => KEEP_ALIVE_MS,
    };
    this.#outboundParts = {
      clock,
      connect,
      guard: new LoopbackGuard(),
      connector: this.#connectorFor(connect),
    };
    this.#tables = this.#build(resolved);
    this.#tracker = new Tracker(clock, events, () => undefined);
    const failedDials = context.metrics.counter('route_dials_failed_total', 'Outbound dials that failed');
    const shared = {
      clock,
      log,
      router: new Router(resolver, () => clock.now()),
      tracker: this.#tracker,
      tables: () => this.#tables,
      mode: () => this.#settings.shown.mode,
      names: () => ({ enabled: false, mode: 'normal' as const, reverse: () => undefined, isFakeIp: () => false }),
      sniffer: () => undefined,
      onDialFailed: () => failedDials.inc(),
    };
    const tunnel = new Tunnel({ ...shared, tap });
    this.#udp = new UdpSessions({ ...shared, resolver });
    this.#inbounds = new InboundSet({
      clock,
      log,
      sink: tunnel,
      access: () => this.#settings.access,
      onPacket: (packet) => this.#udp.handle(packet),
    });
    this.dialer = { dial: (request) => tunnel.open(innerMetadata(request), request.signal) };
    this.control = new LiveRouteControl({
      clock,
      tracker: this.#tracker,
      tables: () => this.#tables,
      settings: () => ({ ...this.#settings.shown, ...this.#inbounds.boundPorts() }),
      patchSettings: (patch) => this.#patch(patch),
      saveSelection: (group, member) => {
        if (this.#storesSelection) this.#store.save(group, member);
      },
      listeners: () => this.#inbounds.listeners(),
    });
    this.#registerMetrics();
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#tracker.start();
    this.#udp.start();
    await this.#inbounds.apply(this.#settings.shown);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#inbounds.close();
    this.#udp.stop();
    this.#tracker.stop();
    this.#store.close();
  }

  async reconfigure(config: RouteConfig, scope: ReconfigureScope = { inbounds: true }): Promise<void> {
    const resolved = resolveRoute(config);
    const tables = this.#build(resolved, config.profile['store-selected']);
    this.#tables = tables;
    this.#storesSelection = config.profile['store-selected'];
    const loaded = settingsOf(config, resolved);
    this.#settings = scope.inbounds ? loaded : keepInbounds(this.#settings, loaded);
    if (this.#running) await this.#inbounds.apply(this.#settings.shown);
  }

  async #patch(patch: RouteSettingsPatch): Promise<void> {
    this.#settings = patchedSettings(this.#settings, patch);
    if (this.#running) await this.#inbounds.apply(this.#settings.shown);
    this.#context.events.emit('config.changed', { section: 'route' });
  }

  #build(resolved: ResolvedRoute, storesSelection = this.#storesSelection): RoutingTables {
    const { proxies, groups, rules, hosts } = resolved;
    const outbounds = proxies.map((proxy) => createOutbound(proxy, this.#outboundParts));
    const selected = storesSelection ? this.#store.load() : new Map<string, string>();
    const table = new OutboundTable(createBuiltIns(this.#outboundParts), outbounds, groups, selected);
    return { outbounds: table, rules, hosts };
  }

  #connectorFor(connect: ConnectSettings): OutboundParts['connector'] {
    return (ipVersion, dialerProxy) => async (server, signal) => {
      if (dialerProxy === '') {
        const socket = await connectTcp(server.host, server.port, ipVersion, connect, signal);
        return { stream: socket, remote: socket.remoteAddress ?? server.host };
      }
      const carrier = this.#tables.outbounds.resolveDialer(dialerProxy);
      return carrier.dialTcp({ target: server, source: undefined, signal });
    };
  }

  #registerMetrics(): void {
    const { metrics } = this.#context;
    metrics.gauge('route_connections', 'Established connections and UDP sessions', () => this.#tracker.size);
    metrics.gauge(
      'route_upload_bytes',
      'Bytes from clients since the start',
      () => this.#tracker.traffic().upTotal,
    );
    metrics.gauge(
      'route_download_bytes',
      'Bytes to clients since the start',
      () => this.#tracker.traffic().downTotal,
    );
  }
}

/** A request of another plane as the flow it becomes. */
function innerMetadata(request: DialRequest): FlowMetadata {
  return newFlow({
    network: 'tcp',
    type: 'Inner',
    sourceIp: request.client?.ip ?? '',
    sourcePort: request.client?.port ?? 0,
    host: request.host,
    destinationPort: request.port,
    inboundIp: '',
    inboundPort: 0,
    inboundName: request.purpose,
    specialProxy: request.outbound ?? '',
  });
}
