import { randomUUID } from 'node:crypto';
import type { ProxyConfig } from '../config/proxy-config.ts';
import { warningsOf } from '../config/resolve-proxies.ts';
import { parseSubscriptionInfo, type SubscriptionInfoStore } from '../fetch/subscription-info.ts';
import type { OutboundNode } from '../group/node.ts';
import type { HealthCheck, HealthCheckOptions } from '../health/health-check.ts';
import { HealthRecord } from '../health/health-record.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { ProxyProviderView, SubscriptionInfo, VehicleType } from '../port.ts';
import type { ProxyProvider } from './provider.ts';
import type { ContentSource, ProxyProviderConfig } from './provider-config.ts';
import { type ContentParts, ProviderContent } from './provider-content.ts';
import { parseProxyList } from './proxy-list.ts';
import { selectNodes } from './select-nodes.ts';

/** What proxy providers are built with. */
export type ProxyProviderParts = ContentParts & {
  readonly subscriptions: SubscriptionInfoStore;
  readonly createOutbound: (config: ProxyConfig) => Outbound;
  /** `nodes` is asked at every run. */
  readonly createCheck: (options: HealthCheckOptions, nodes: () => readonly OutboundNode[]) => HealthCheck;
  /** Called once, when the first nodes are in place. */
  readonly onFirstLoad: (provider: string) => void;
};

const VEHICLE_TYPES: Readonly<Record<ContentSource['kind'], VehicleType>> = {
  http: 'HTTP',
  file: 'File',
  inline: 'Inline',
};

/** The control API's word for where content comes from. */
export function vehicleTypeOf({ kind }: ContentSource): VehicleType {
  return VEHICLE_TYPES[kind];
}

const SUBSCRIPTION_HEADER = 'subscription-userinfo';
/** A long list in which much is wrong must not fill the log. */
const MAX_WARNINGS = 20;

/** A proxy provider of the configuration. */
export class LiveProxyProvider implements ProxyProvider {
  readonly name: string;
  readonly check: HealthCheck;
  readonly #config: ProxyProviderConfig;
  readonly #parts: ProxyProviderParts;
  readonly #content: ProviderContent<readonly ProxyConfig[]>;
  readonly #listeners = new Set<() => void>();
  #nodes: readonly OutboundNode[] = [];
  #isLoaded = false;
  #subscription: SubscriptionInfo | undefined;

  constructor(config: ProxyProviderConfig, parts: ProxyProviderParts) {
    this.name = config.name;
    this.#config = config;
    this.#parts = parts;
    this.check = parts.createCheck(config.healthCheck, () => this.#nodes);
    const header = parts.subscriptions.find(config.name);
    this.#subscription = header === undefined ? undefined : parseSubscriptionInfo(header);
    const { name, source, payload } = config;
    const hasPayload = source.kind === 'inline' || payload.length > 0;
    this.#content = new ProviderContent(
      {
        name,
        kind: 'proxy',
        source,
        parse: (content) => this.#parse(content),
        accept: (proxies) => this.#accept(proxies),
        ...(hasPayload ? { fallback: () => this.#select(payload) } : {}),
        onHeaders: (headers) => this.#readHeaders(headers),
      },
      parts,
    );
  }

  nodes(): readonly OutboundNode[] {
    return this.#nodes;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    this.check.start();
    await this.#content.start();
  }

  stop(): void {
    this.check.stop();
    this.#content.stop();
    this.#listeners.clear();
  }

  update(): Promise<void> {
    return this.#content.update();
  }

  view(): Omit<ProxyProviderView, 'proxies'> {
    const { url, expectedStatus } = this.#config.healthCheck;
    return {
      name: this.name,
      vehicleType: vehicleTypeOf(this.#config.source),
      testUrl: url,
      expectedStatus,
      updatedAtMs: this.#content.updatedAtMs,
      subscription: this.#subscription,
      lastError: this.#content.lastError,
    };
  }

  #parse(content: Uint8Array): readonly ProxyConfig[] {
    const { warn, finish } = this.#warnings();
    const list = parseProxyList(content, warn);
    const selected = selectNodes(list, this.#config.selection, warn);
    finish();
    return selected;
  }

  #select(payload: ProxyProviderConfig['payload']): readonly ProxyConfig[] {
    const { warn, finish } = this.#warnings();
    const selected = selectNodes(payload, this.#config.selection, warn);
    finish();
    return selected;
  }

  #accept(proxies: readonly ProxyConfig[]): void {
    this.#nodes = proxies.map((proxy): OutboundNode => {
      const outbound = this.#parts.createOutbound(proxy);
      return {
        kind: 'outbound',
        id: randomUUID(),
        name: proxy.name,
        outbound,
        health: new HealthRecord(),
        providerName: this.name,
      };
    });
    const unusable = proxies.filter((proxy) => warningsOf(proxy).length > 0).length;
    if (unusable > 0)
      this.#parts.log.warning(
        `[Provider] ${this.name}: ${unusable} of ${proxies.length} proxies are not fully served by this version`,
      );
    for (const listener of [...this.#listeners]) listener();
    this.check.nodesChanged();
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#parts.onFirstLoad(this.name);
  }

  #readHeaders(headers: ReadonlyMap<string, string>): void {
    const header = headers.get(SUBSCRIPTION_HEADER);
    if (header === undefined) return;
    this.#subscription = parseSubscriptionInfo(header);
    this.#parts.subscriptions.save(this.name, header);
  }

  #warnings() {
    let count = 0;
    const warn = (index: number, message: string) => {
      if (++count <= MAX_WARNINGS)
        this.#parts.log.warning(`[Provider] ${this.name}: proxy ${index} error: ${message}`);
    };
    const finish = () => {
      if (count > MAX_WARNINGS)
        this.#parts.log.warning(`[Provider] ${this.name}: ${count - MAX_WARNINGS} more proxies left out`);
    };
    return { warn, finish };
  }
}
