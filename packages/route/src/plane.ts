import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { GatewayContext } from '@sluice/core/gateway-context';
import type { Dialer, DialRequest } from '@sluice/core/ports/dialer';
import { type FlowMetadata, newFlow } from '@sluice/core/ports/flow';
import type { FlowTap } from '@sluice/core/ports/flow-tap';
import type { Service } from '@sluice/core/service';
import { refuseErrors } from './config/resolve-route.ts';
import type { RouteConfig } from './config.ts';
import { LiveRouteControl } from './control.ts';
import { createDnsService, type LiveDnsService } from './dns/live-dns-service.ts';
import { EtagStore } from './fetch/etag-store.ts';
import { SubscriptionInfoStore } from './fetch/subscription-info.ts';
import { TunnelFetcher } from './fetch/tunnel-fetcher.ts';
import { resolveGeo } from './geo/geo-schema.ts';
import { GeoStore } from './geo/geo-store.ts';
import { SelectionStore } from './group/selection-store.ts';
import { DelayTester } from './health/delay-tester.ts';
import { ScheduledHealthCheck } from './health/scheduled-health-check.ts';
import { describeInbounds } from './inbound/description.ts';
import { InboundSet } from './inbound/inbound-set.ts';
import { DEFAULT_CONFIG, geoKindsIn, type LoadedRoute, RouteLoader } from './load/route-loader.ts';
import { type ConnectSettings, connectTcp } from './net/connect.ts';
import { keepAliveOf } from './net/keep-alive.ts';
import { LoopbackGuard } from './net/loopback-guard.ts';
import { type Resolver, SystemResolver } from './net/system-resolver.ts';
import { DirectOutbound } from './outbound/direct/direct.ts';
import { NO_TRAITS } from './outbound/outbound.ts';
import { RebuiltVariants } from './outbound/outbound-variants.ts';
import { createOutbound, type OutboundParts } from './outbound/registry.ts';
import { carriedPackets, straightPackets } from './outbound/server-packets.ts';
import type { RouteControl, RouteSettingsPatch } from './port.ts';
import { ProcFsLookup } from './process/proc-fs-lookup.ts';
import { LiveProviderControl } from './provider/live-provider-control.ts';
import {
  NO_PROVIDERS,
  type ProviderSet,
  type ProviderSetParts,
  providersBeyond,
} from './provider/provider-set.ts';
import { SafePaths } from './provider/safe-paths.ts';
import { TemporaryRules } from './rule/temporary-rules.ts';
import { keepInbounds, type LiveSettings, patchedSettings } from './settings.ts';
import { StatisticsStore } from './statistics/statistics-store.ts';
import { openRouteDatabaseOrMemory } from './store/route-database.ts';
import { StorageStore } from './store/storage-store.ts';
import { WriteGuard } from './store/write-guard.ts';
import { RoutedDnsDialer } from './tunnel/dns-dialer.ts';
import { Explainer } from './tunnel/explainer.ts';
import { Router } from './tunnel/router.ts';
import { Tracker } from './tunnel/tracker.ts';
import { Tunnel } from './tunnel/tunnel.ts';
import { UdpSessions } from './tunnel/udp-sessions.ts';
import { UiUpdater } from './ui/ui-updater.ts';

/** The route plane: inbounds, rules, outbounds, and the way out for the other planes. */
export type RoutePlane = Service & {
  readonly dialer: Dialer;
  readonly control: RouteControl;
  /**
   * Puts another configuration in force; established connections, unchanged ports and unchanged providers stay. Resolves when
   * providers have loaded or failed. A failure changes nothing.
   */
  reconfigure(config: RouteConfig, scope?: ReconfigureScope): Promise<void>;
};

/** Whether the fixed inbounds follow: `false` leaves their ports, addresses and source filters as they are. */
export type ReconfigureScope = { readonly inbounds: boolean };

export type RoutePlaneOptions = {
  /** Asked for every flow that a rule wants inspected. */
  readonly tap: () => FlowTap | undefined;
  /** Where relative paths of the configuration start, and geo databases and provider copies are kept. */
  readonly homeDir: string;
  /** `User-Agent` of downloads that name none. */
  readonly userAgent: string;
};

/** How long the start waits for providers; those that take longer go on loading behind it, and clients wait for them. */
const START_PATIENCE_MS = 3_000;

/**
 * Builds the plane with a configuration in force; nothing listens before `start`. Missing geo databases are downloaded.
 * @throws GatewayError `route.config` and those of geo databases
 */
export async function createRoutePlane(
  context: GatewayContext,
  config: RouteConfig,
  options: RoutePlaneOptions,
): Promise<RoutePlane> {
  const plane = new LiveRoutePlane(context, options);
  try {
    await plane.reconfigure(config);
    return plane;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

class LiveRoutePlane implements RoutePlane {
  readonly name = 'route';
  readonly dialer: Dialer;
  readonly control: RouteControl;
  readonly #context: GatewayContext;
  readonly #database: DatabaseSync;
  readonly #statistics: StatisticsStore;
  readonly #geo: GeoStore;
  readonly #dns: LiveDnsService;
  readonly #tester: DelayTester;
  readonly #outboundParts: OutboundParts;
  readonly #loader: RouteLoader;
  readonly #inbounds: InboundSet;
  readonly #udp: UdpSessions;
  readonly #tracker: Tracker;
  readonly #tunnel: Tunnel;
  readonly #temporary: TemporaryRules;
  readonly #ui: UiUpdater;
  #loaded: LoadedRoute;
  /** Those of the configuration in force, or of the one that is being put in force. */
  #providersInView: ProviderSet = NO_PROVIDERS;
  #running = false;
  /** Whether clients are let in. */
  #accepts = false;
  /** While a reload fetches lists of outbounds, new flows of clients are dropped: their groups would lead straight out. */
  #isSuspended = false;

  constructor(context: GatewayContext, options: RoutePlaneOptions) {
    const { clock, events, log, metrics } = context;
    this.#context = context;
    this.#database = openRouteDatabaseOrMemory(join(context.dataDir, 'route.sqlite'), log);
    const writes = new WriteGuard(log, clock);
    this.#statistics = new StatisticsStore(this.#database, clock, writes);
    this.#tester = new DelayTester({ clock, unified: () => this.#shown.unifiedDelay });

    const guard = new LoopbackGuard();
    const systemResolver = new SystemResolver(clock, () => this.#shown.ipv6);
    const connectWith = (resolver: Resolver): ConnectSettings => ({
      clock,
      resolver,
      concurrent: () => this.#shown.tcpConcurrent,
      keepAlive: () => keepAliveOf(this.#shown),
      socketOptions: () => this.#shown,
      convertIp4p: () => this.#loaded.config.experimental['dialer-ip4p-convert'],
      warn: (text) => log.warning(text),
    });
    const late = (pick: (dns: LiveDnsService) => Resolver): Resolver => ({
      resolve: (host) => pick(this.#dns).resolve(host),
    });
    const serverConnect = connectWith(late((dns) => dns.proxyServer));
    this.#outboundParts = {
      clock,
      connect: connectWith(late((dns) => dns.direct)),
      serverConnect,
      guard,
      connector: this.#connectorFor(serverConnect),
      packets: (traits) =>
        traits.dialerProxy === ''
          ? straightPackets(serverConnect, traits)
          : carriedPackets(
              () => this.#loaded.tables.outbounds.resolveDialer(traits.dialerProxy),
              serverConnect,
            ),
      answerDns: (message, client) => this.#dns.control.answer(message, client),
    };

    const systemConnect = connectWith(systemResolver);
    const fetcher = new TunnelFetcher({
      clock,
      userAgent: () => this.#shown.globalUa,
      open: (host, port, outbound, signal) => this.#openInner(host, port, outbound, signal),
    });
    const etags = new EtagStore(this.#database, writes);
    this.#geo = new GeoStore({
      directory: options.homeDir,
      settings: resolveGeo(DEFAULT_CONFIG, refuseErrors),
      fetcher,
      clock,
      logger: log,
    });
    const content = { clock, log, fetcher, etags: () => (this.#shown.etagSupport ? etags : undefined) };
    const providerParts: ProviderSetParts = {
      proxy: {
        ...content,
        subscriptions: new SubscriptionInfoStore(this.#database, writes),
        createOutbound: (proxy) => createOutbound(proxy, this.#outboundParts),
        createCheck: (checked, members) =>
          new ScheduledHealthCheck({
            options: checked,
            members,
            clock,
            test: (...request) => this.#tester.testMember(...request),
          }),
        onFirstLoad: (provider) => this.#tracker.closeProvider(provider),
      },
      rule: {
        ...content,
        ensureGeo: (kinds) => this.#geo.ensure(kinds),
        onChange: () => undefined,
      },
    };
    this.#ui = new UiUpdater({ fetcher, log, homeDir: options.homeDir, ui: () => this.#loaded.parts.ui });

    this.#loader = new RouteLoader({
      clock,
      log,
      paths: new SafePaths(options.homeDir, process.env),
      geo: this.#geo,
      selections: new SelectionStore(this.#database, writes),
      tester: this.#tester,
      variants: new RebuiltVariants(this.#outboundParts),
      outboundParts: this.#outboundParts,
      providerParts,
      userAgent: options.userAgent,
    });
    this.#temporary = new TemporaryRules(
      clock,
      this.#loader.compileTemporary(() => undefined),
    );
    this.#loaded = this.#loader.first();
    this.#tracker = new Tracker(clock, events, (flow) => this.#statistics.record(flow));
    const straight = (interfaceName: string) =>
      new DirectOutbound('DNS', 'Direct', 'dual', { ...NO_TRAITS, interfaceName }, systemConnect, guard);
    const names = () => this.#dns;
    const router = new Router({
      resolver: late((dns) => dns.main),
      processes: new ProcFsLookup({ clock }),
      findProcess: () => this.#shown.findProcessMode,
      temporary: this.#temporary,
      nowMs: () => clock.now(),
    });
    const failedDials = metrics.counter('route_dials_failed_total', 'Outbound dials that failed');
    const shared = {
      clock,
      log,
      router,
      tracker: this.#tracker,
      tables: () => this.#loaded.tables,
      mode: () => this.#shown.mode,
      names,
      sniffer: () => (this.#shown.sniffing ? this.#loaded.sniffer : undefined),
      onDialFailed: () => failedDials.inc(),
      isSuspended: () => this.#isSuspended,
    };
    this.#tunnel = new Tunnel({ ...shared, tap: options.tap });
    this.#udp = new UdpSessions({ ...shared, resolver: late((dns) => dns.main) });
    this.#dns = createDnsService(
      {
        clock,
        log,
        database: this.#database,
        dialer: new RoutedDnsDialer({ tunnel: this.#tunnel, tables: shared.tables, straight }),
        geo: this.#geo,
        findSet: (name) => this.#providersInView.rule.get(name),
        takesNames: (via) => this.#loaded.tables.outbounds.has(via),
        trustedCertificates: () => this.#loaded.certificates,
        hosts: () => this.#loaded.tables.hosts,
        ipv6: () => this.#shown.ipv6,
        systemResolver,
        environment: process.env,
      },
      this.#loaded.resolved.dns,
    );
    this.#inbounds = new InboundSet({
      clock,
      log,
      sink: this.#tunnel,
      access: () => this.#loaded.settings.access,
      keepAlive: () => keepAliveOf(this.#shown),
      onPacket: (packet) => this.#udp.handle(packet),
      homeDir: options.homeDir,
    });
    this.dialer = { dial: (request) => this.#tunnel.open(innerFlow(request), request.signal) };
    const mode = shared.mode;
    this.control = new LiveRouteControl({
      tracker: this.#tracker,
      tester: this.#tester,
      temporary: this.#temporary,
      explainer: new Explainer({ router, temporary: this.#temporary, tables: shared.tables, mode, names }),
      tables: shared.tables,
      providers: new LiveProviderControl({
        proxyProviders: () => this.#loaded.providers.proxy,
        ruleProviders: () => this.#loaded.providers.rule,
        implicitProviders: () => this.#loaded.tables.outbounds.ownProviders(),
        testDelay: (...request) => this.#tester.testMember(...request),
      }),
      dns: this.#dns.control,
      geo: this.#geo,
      storage: new StorageStore(this.#database),
      statistics: this.#statistics,
      settings: () => ({ ...this.#shown, ...this.#inbounds.boundPorts() }),
      patchSettings: (patch) => this.#patch(patch),
      listeners: () => this.#listeners(),
      updateUi: () => this.#ui.update(),
    });
    this.#registerMetrics();
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#tracker.start();
    this.#statistics.start();
    this.#udp.start();
    this.#geo.start();
    await this.#dns.start();
    const accepting = this.#startProviders().then(() => this.#accept());
    const { promise: patience, resolve } = Promise.withResolvers<void>();
    const timer = this.#context.clock.after(START_PATIENCE_MS, resolve);
    await Promise.race([accepting, patience]);
    timer.cancel();
    void this.#ui.ensure();
  }

  /** Resolves when every provider has loaded or failed; those that take long are named in the log. */
  async #startProviders(): Promise<void> {
    const pending = new Set(this.#loaded.providers.keys.keys());
    const timer = this.#context.clock.after(START_PATIENCE_MS, () => {
      const names = [...pending].map(({ name }) => name).join(', ');
      this.#context.log.warning(`clients are accepted when these providers have loaded or failed: ${names}`);
    });
    await Promise.all(
      [...pending].map((provider) => provider.start().finally(() => pending.delete(provider))),
    );
    timer.cancel();
  }

  /** Until providers are there, groups of them would lead straight out, which their users do not expect. */
  async #accept(): Promise<void> {
    if (!this.#running) return;
    this.#accepts = true;
    this.#loaded.tables.outbounds.start();
    await this.#applyInbounds();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#accepts = false;
    await this.#inbounds.close();
    this.#loaded.tables.outbounds.stop();
    for (const provider of this.#loaded.providers.keys.keys()) provider.stop();
    this.#udp.stop();
    await this.#tracker.stop();
    await this.#dns.stop();
    this.#geo.stop();
    this.#ui.stop();
    this.#temporary.close();
    this.#statistics.stop();
    this.#database.close();
  }

  async reconfigure(config: RouteConfig, scope: ReconfigureScope = { inbounds: true }): Promise<void> {
    const before = this.#loaded;
    const next = await this.#loader.load(config, before);
    this.#providersInView = next.providers;
    try {
      await this.#dns.reconfigure(next.resolved.dns);
    } catch (error) {
      this.#providersInView = before.providers;
      this.#geo.configure(before.settings.shown.geo);
      throw error;
    }
    trustCertificates(next.certificates);
    const settings = scope.inbounds ? next.settings : keepInbounds(before.settings, next.settings);
    this.#loaded = { ...next, settings };
    const { providers, tables } = this.#loaded;
    this.#temporary.reload(this.#loader.compileTemporary(() => this.#loaded));
    this.#geo.retain(geoKindsIn(config, settings));
    before.tables.outbounds.stop();
    for (const provider of providersBeyond(before.providers, providers)) provider.stop();
    if (!this.#running) return;
    const added = providersBeyond(providers, before.providers);
    this.#isSuspended = added.some((provider) => providers.proxy.get(provider.name) === provider);
    try {
      await Promise.all(added.map((provider) => provider.start()));
    } finally {
      this.#isSuspended = false;
    }
    tables.outbounds.start();
    await this.#applyInbounds();
    void this.#ui.ensure();
  }

  get #shown(): LiveSettings['shown'] {
    return this.#loaded.settings.shown;
  }

  async #patch(patch: RouteSettingsPatch): Promise<void> {
    this.#loaded = { ...this.#loaded, settings: patchedSettings(this.#loaded.settings, patch) };
    await this.#applyInbounds();
    this.#context.events.emit('config.changed', { section: 'route' });
  }

  async #applyInbounds(): Promise<void> {
    if (!this.#accepts) return;
    const { listeners, tunnels } = this.#loaded.parts;
    await this.#inbounds.apply(describeInbounds(this.#shown, listeners, tunnels));
  }

  /** Until the first configuration is in force nothing is routed, so what it needs is fetched straight. */
  async #openInner(host: string, port: number, outbound: string, signal: AbortSignal): Promise<Duplex> {
    if (this.#loaded.config === DEFAULT_CONFIG) {
      return connectTcp(host, port, 'dual', this.#outboundParts.connect, signal);
    }
    const purpose = 'download';
    const flow = innerFlow({ host, port, purpose, ...(outbound === '' ? {} : { outbound }) });
    return (await this.#tunnel.open(flow, signal)).stream;
  }

  #connectorFor(connect: ConnectSettings): OutboundParts['connector'] {
    return (ipVersion, traits) => async (server, signal) => {
      if (traits.dialerProxy === '') {
        const socket = await connectTcp(server.host, server.port, ipVersion, connect, signal, traits);
        return { stream: socket, remote: socket.remoteAddress ?? server.host };
      }
      const carrier = this.#loaded.tables.outbounds.resolveDialer(traits.dialerProxy);
      return carrier.dialTcp({ target: server, source: undefined, signal });
    };
  }

  #listeners(): ReturnType<RouteControl['listeners']> {
    const { listener } = this.#dns;
    const dns = listener === undefined ? [] : [{ name: 'DNS', kind: 'dns' as const, ...listener }];
    return [...this.#inbounds.listeners(), ...dns];
  }

  #registerMetrics(): void {
    const { metrics } = this.#context;
    metrics.gauge('route_connections', 'Established connections and UDP sessions', () => this.#tracker.size);
    metrics.gauge(
      'route_inbound_connections',
      'Open connections of inbounds',
      () => this.#inbounds.connections().open,
    );
    metrics.gauge(
      'route_inbound_connections_refused',
      'Connections refused because too many were open',
      () => this.#inbounds.connections().refused,
    );
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

const WELL_KNOWN_CERTIFICATES = tls.getCACertificates('default');

/** Makes every TLS client of the process trust these besides the well-known ones. */
function trustCertificates(certificates: readonly string[]): void {
  tls.setDefaultCACertificates([...WELL_KNOWN_CERTIFICATES, ...certificates]);
}

/** A request of the gateway itself as the flow it becomes. */
function innerFlow(request: DialRequest): FlowMetadata {
  const flow = newFlow({
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
  // The wire's fixed word for connections the gateway makes itself.
  flow.process = 'mihomo';
  return flow;
}
