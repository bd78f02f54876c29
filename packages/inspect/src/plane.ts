import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseEndpoint } from '@sluice/base/address';
import type { GatewayContext } from '@sluice/core/gateway-context';
import type { Dialer } from '@sluice/core/ports/dialer';
import type { FlowTap } from '@sluice/core/ports/flow-tap';
import type { Service } from '@sluice/core/service';
import type { InspectConfig } from './config.ts';
import { createInspectControl } from './control.ts';
import { CaptureBudget } from './exchange/body-capture.ts';
import type { ExchangeSink } from './exchange/exchange.ts';
import type { InspectControl } from './port.ts';
import { Deadlines } from './proxy/deadlines.ts';
import { ExplicitProxy } from './proxy/explicit-proxy.ts';
import { InspectTap } from './proxy/flow-tap.ts';
import { parseHostPatterns } from './proxy/host-pattern.ts';
import { namesListener } from './proxy/own-listener.ts';
import type { ProxyServices, ProxySettings, ResponseRewriter } from './proxy/services.ts';
import { ResponseRules } from './rule/response-rules.ts';
import { DEFAULT_STORE_SETTINGS, ExchangeStore, type ExchangeStoreSettings } from './store/exchange-store.ts';
import { type CertificateAuthority, openCa } from './tls/authority.ts';
import { LeafContexts } from './tls/leaf.ts';
import { createUpstreamContext } from './tls/upstream-context.ts';
import { UpstreamSessions } from './tls/upstream-sessions.ts';

/** Interception, capture and rewriting of HTTP(S). */
export type InspectPlane = Service & {
  /** Takes flows that a routing rule selected for inspection. */
  readonly tap: FlowTap;
  readonly control: InspectControl;
  /** Puts another configuration in force for new connections; a failure changes nothing. */
  reconfigure(config: InspectConfig): Promise<void>;
};

/** What the plane needs from the rest of the gateway. */
export type InspectPorts = {
  readonly dialer: Dialer;
  /** True for an address some other part of the gateway listens on, which clients must not reach through the proxy. */
  readonly isOwnListener?: (host: string, port: number) => boolean;
};

const CAPTURED_BYTES_LIMIT = 256 * 1024 * 1024;
const HOUR_MS = 3_600_000;

/**
 * Opens the authority, the rules and the store in the data directory; nothing listens before `start`.
 * @throws GatewayError `inspect.ca-unusable`, `inspect.upstream-ca`, `inspect.host-pattern`, `inspect.store`, `store.newer-schema`
 */
export async function createInspectPlane(
  context: GatewayContext,
  config: InspectConfig,
  ports: InspectPorts,
): Promise<InspectPlane> {
  const settings = resolveSettings(config);
  const authority = await openCa(join(context.dataDir, 'ca'), { keyType: config['ca-key'] });
  if (authority.expiresSoon(context.clock.now())) {
    context.log.warning('the local certificate authority expires soon', { path: authority.view.path });
  }
  const store = await ExchangeStore.open(context, storeSettings(config));
  const rules = new ResponseRules(context.dataDir, context.clock, context.log);
  return new LiveInspectPlane({ context, config, ports, settings, authority, store, rules });
}

type PlaneParts = {
  readonly context: GatewayContext;
  readonly config: InspectConfig;
  readonly ports: InspectPorts;
  readonly settings: ProxySettings;
  readonly authority: CertificateAuthority;
  readonly store: ExchangeStore;
  readonly rules: ResponseRules;
};

class LiveInspectPlane implements InspectPlane {
  readonly name = 'inspect';
  readonly tap: InspectTap;
  readonly control: InspectControl;
  readonly #context: GatewayContext;
  readonly #ports: InspectPorts;
  readonly #store: ExchangeStore;
  readonly #rules: ResponseRules;
  readonly #leaves: LeafContexts;
  readonly #budget: CaptureBudget;
  readonly #deadlines: Deadlines;
  readonly #proxy: ExplicitProxy;
  #config: InspectConfig;
  #services: ProxyServices;
  #running = false;

  constructor({ context, config, ports, settings, authority, store, rules }: PlaneParts) {
    this.#context = context;
    this.#ports = ports;
    this.#config = config;
    this.#store = store;
    this.#rules = rules;
    this.#leaves = new LeafContexts(authority, context.clock);
    this.#budget = new CaptureBudget(CAPTURED_BYTES_LIMIT, store);
    this.#deadlines = new Deadlines(context.clock);
    this.#services = this.#servicesFor(settings);
    this.#proxy = new ExplicitProxy(
      () => this.#services,
      ports.dialer,
      () => this.#config.outbound,
    );
    this.tap = new InspectTap(() => (this.#running ? this.#services : undefined));
    this.control = createInspectControl({
      clock: context.clock,
      store,
      rules,
      authority: () => authority,
      listeners: () => {
        const { address } = this.#proxy;
        return address === undefined ? [] : [{ name: 'capture', ...address }];
      },
    });
    this.#registerMetrics();
  }

  async start(): Promise<void> {
    this.#running = true;
    await this.#listen(this.#config.listen);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#running = false;
    this.#proxy.close();
    this.#proxy.destroyConnections();
    this.tap.destroyConnections();
    const { promise, resolve } = Promise.withResolvers<void>();
    deadline.addEventListener('abort', () => resolve(), { once: true });
    if (deadline.aborted) resolve();
    await Promise.race([this.#store.close(), promise]);
    this.#rules.close();
  }

  async reconfigure(config: InspectConfig): Promise<void> {
    const services = this.#servicesFor(resolveSettings(config));
    if (this.#running && config.listen !== this.#config.listen) await this.#listen(config.listen);
    if (
      !isDeepStrictEqual(config.retention, this.#config.retention) ||
      config['ca-key'] !== this.#config['ca-key']
    ) {
      this.#context.log.warning('inspect: retention and ca-key take effect at the next start');
    }
    this.#services = services;
    this.#config = config;
  }

  async #listen(listen: string): Promise<void> {
    if (listen === '') {
      this.#proxy.close();
      return;
    }
    const { host, port } = parseEndpoint(listen);
    await this.#proxy.listen(host, port);
  }

  #servicesFor(settings: ProxySettings): ProxyServices {
    const { clock, log } = this.#context;
    return {
      clock,
      log,
      deadlines: this.#deadlines,
      sink: settings.intercept ? this.#store : DISCARD,
      budget: this.#budget,
      rewriter: settings.intercept ? this.#rules : NO_REWRITES,
      leaves: this.#leaves,
      settings,
      isOwnListener: (host, port) => this.#isOwnListener(host, port),
    };
  }

  #isOwnListener(host: string, port: number): boolean {
    const { address } = this.#proxy;
    if (address !== undefined && address.port === port && namesListener(host, address.host)) return true;
    if (this.#config.admin !== '') {
      const admin = parseEndpoint(this.#config.admin);
      if (admin.port === port && namesListener(host, admin.host)) return true;
    }
    return this.#ports.isOwnListener?.(host, port) === true;
  }

  #registerMetrics(): void {
    const { metrics } = this.#context;
    this.#store.expose(metrics);
    metrics.gauge(
      'inspect_connections',
      'Connections of the capturing proxy.',
      () => this.#proxy.connections,
    );
    metrics.gauge('inspect_tapped_flows', 'Routed flows being inspected.', () => this.tap.flows);
    metrics.gauge(
      'inspect_leaf_contexts',
      'TLS contexts kept for intercepted hosts.',
      () => this.#leaves.size,
    );
    metrics.gauge(
      'inspect_capture_bytes',
      'Body bytes held for unfinished exchanges.',
      () => this.#budget.inFlightBytes,
    );
  }
}

const DISCARD: ExchangeSink = { pendingBytes: 0, record: () => undefined };
const NO_REWRITES: ResponseRewriter = { active: false, find: () => undefined };

function resolveSettings(config: InspectConfig): ProxySettings {
  return {
    intercept: config.enabled,
    bodyLimitBytes: config.enabled ? config['body-limit-bytes'] : 0,
    passthrough: parseHostPatterns(config.passthrough),
    verifyUpstream: config['verify-upstream'],
    upstreamContext: createUpstreamContext(config['upstream-ca']),
    upstreamSessions: new UpstreamSessions(),
  };
}

function storeSettings({ retention }: InspectConfig): ExchangeStoreSettings {
  const hours = retention['max-age-hours'];
  return {
    ...DEFAULT_STORE_SETTINGS,
    retention: {
      ...DEFAULT_STORE_SETTINGS.retention,
      maxExchanges: retention['max-exchanges'],
      maxBytes: retention['max-bytes'],
      maxAgeMs: hours === 0 ? Number.POSITIVE_INFINITY : hours * HOUR_MS,
    },
  };
}
