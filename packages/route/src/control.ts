import { GatewayError } from '@sluice/base/errors';
import type { OutboundTable } from './group/outbound-table.ts';
import type { DelayTester } from './health/delay-tester.ts';
import type {
  ConnectionView,
  DnsControl,
  ExplainRequest,
  Explanation,
  GeoControl,
  OutboundView,
  ProviderControl,
  RouteControl,
  RouteSettings,
  RouteSettingsPatch,
  RuleView,
  StatisticsControl,
  StorageControl,
  TemporaryRuleView,
  TrafficView,
} from './port.ts';
import type { TemporaryRules } from './rule/temporary-rules.ts';
import type { Explainer } from './tunnel/explainer.ts';
import type { RoutingTables } from './tunnel/router.ts';
import type { Tracker } from './tunnel/tracker.ts';

/** What the use cases work on. */
export type ControlParts = {
  readonly tracker: Tracker;
  readonly tester: DelayTester;
  readonly temporary: TemporaryRules;
  readonly explainer: Explainer;
  readonly tables: () => RoutingTables;
  readonly providers: ProviderControl;
  readonly dns: DnsControl;
  readonly geo: GeoControl;
  readonly storage: StorageControl;
  readonly statistics: StatisticsControl;
  readonly settings: () => RouteSettings;
  readonly patchSettings: (patch: RouteSettingsPatch) => Promise<void>;
  readonly listeners: RouteControl['listeners'];
  readonly updateUi: () => Promise<void>;
};

/** The use cases of the route plane over its live parts. */
export class LiveRouteControl implements RouteControl {
  readonly providers: ProviderControl;
  readonly dns: DnsControl;
  readonly geo: GeoControl;
  readonly storage: StorageControl;
  readonly statistics: StatisticsControl;
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.providers = parts.providers;
    this.dns = parts.dns;
    this.geo = parts.geo;
    this.storage = parts.storage;
    this.statistics = parts.statistics;
  }

  settings(): RouteSettings {
    return this.#parts.settings();
  }

  patchSettings(patch: RouteSettingsPatch): Promise<void> {
    return this.#parts.patchSettings(patch);
  }

  outbounds(): readonly OutboundView[] {
    const table = this.#table();
    return table.names().flatMap((name) => table.view(name) ?? []);
  }

  outbound(name: string): OutboundView | undefined {
    return this.#table().view(name);
  }

  select(group: string, member: string): Promise<void> {
    return this.#table().select(group, member);
  }

  clearFixed(group: string): void {
    this.#table().clearFixed(group);
  }

  async testDelay(name: string, url: string, timeoutMs: number, expectedStatus: string): Promise<number> {
    const member = this.#table().member(name);
    if (member === undefined) {
      throw new GatewayError('not-found', 'route.outbound-not-found', `proxy ${name} not found`);
    }
    return this.#parts.tester.testMember(member, url, timeoutMs, expectedStatus);
  }

  testGroupDelay(
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    return this.#table().testGroup(name, url, timeoutMs, expectedStatus, signal);
  }

  rules(): readonly RuleView[] {
    return this.#parts.tables().rules.views();
  }

  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void {
    this.#parts.tables().rules.setDisabled(flags);
  }

  temporaryRules(): readonly TemporaryRuleView[] {
    return this.#parts.temporary.views();
  }

  addTemporaryRule(line: string, ttlSeconds: number): TemporaryRuleView {
    return this.#parts.temporary.add(line, ttlSeconds);
  }

  removeTemporaryRule(id: string): boolean {
    return this.#parts.temporary.remove(id);
  }

  explain(request: ExplainRequest): Promise<Explanation> {
    return this.#parts.explainer.explain(request);
  }

  connections(): readonly ConnectionView[] {
    return this.#parts.tracker.views();
  }

  closeConnection(id: string): boolean {
    return this.#parts.tracker.close(id);
  }

  closeAllConnections(): void {
    this.#parts.tracker.closeAll();
  }

  traffic(): TrafficView {
    return this.#parts.tracker.traffic();
  }

  listeners(): ReturnType<RouteControl['listeners']> {
    return this.#parts.listeners();
  }

  updateUi(): Promise<void> {
    return this.#parts.updateUi();
  }

  #table(): OutboundTable {
    return this.#parts.tables().outbounds;
  }
}
