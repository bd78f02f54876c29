import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { OutboundTable } from './group/outbound-table.ts';
import { measureDelay, type TestDial } from './health/delay-test.ts';
import type {
  ConnectionView,
  OutboundView,
  RouteControl,
  RouteSettings,
  RouteSettingsPatch,
  RuleView,
  TrafficView,
} from './port.ts';
import { parseIntRanges, rangesInclude } from './rule/int-ranges.ts';
import type { RoutingTables } from './tunnel/router.ts';
import type { Tracker } from './tunnel/tracker.ts';

/** What the use cases work on. */
export type ControlParts = {
  readonly clock: Clock;
  readonly tracker: Tracker;
  readonly tables: () => RoutingTables;
  readonly settings: () => RouteSettings;
  readonly patchSettings: (patch: RouteSettingsPatch) => Promise<void>;
  /** Remembers a choice, when choices are remembered. */
  readonly saveSelection: (group: string, member: string) => void;
  readonly listeners: RouteControl['listeners'];
};

const MAX_STATUS = 65_535;
const PARALLEL_TESTS = 50;

/** The use cases of the route plane over its live parts. */
export class LiveRouteControl implements RouteControl {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
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

  select(group: string, member: string): void {
    const node = this.#table().group(group);
    if (node === undefined) {
      if (!this.#table().has(group)) throw notFound(group);
      throw new GatewayError('invalid', 'route.not-a-group', 'Must be a Selector');
    }
    node.group.select(member);
    this.#parts.saveSelection(group, member);
  }

  async testDelay(name: string, url: string, timeoutMs: number, expectedStatus: string): Promise<number> {
    const table = this.#table();
    const accepted = parseIntRanges(expectedStatus, MAX_STATUS);
    const health = table.health(name);
    if (health === undefined) throw notFound(name);
    const { clock } = this.#parts;
    const timeMs = clock.now();
    try {
      const unified = this.#parts.settings().unifiedDelay;
      const { delayMs, status } = await measureDelay(
        url,
        timeoutMs,
        unified,
        clock,
        dialThrough(table, name),
      );
      health.record(url, timeMs, delayMs, rangesInclude(accepted, status));
      return delayMs;
    } catch (error) {
      health.record(url, timeMs, undefined, false);
      throw error;
    }
  }

  async testGroupDelay(
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
  ): Promise<ReadonlyMap<string, number>> {
    const members = this.#table().group(name)?.group.config.members;
    if (members === undefined) throw notFound(name);
    parseIntRanges(expectedStatus, MAX_STATUS);
    const delays = new Map<string, number>();
    const waiting = [...new Set(members)];
    const work = async () => {
      for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
        const [result] = await Promise.allSettled([this.testDelay(member, url, timeoutMs, expectedStatus)]);
        if (result.status === 'fulfilled') delays.set(member, result.value);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_TESTS }, work));
    if (delays.size > 0) return delays;
    throw new GatewayError('timeout', 'route.delay-timeout', 'get delay: all proxies timeout');
  }

  rules(): readonly RuleView[] {
    return this.#parts.tables().rules.views();
  }

  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void {
    this.#parts.tables().rules.setDisabled(flags);
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

  #table(): OutboundTable {
    return this.#parts.tables().outbounds;
  }
}

function dialThrough(table: OutboundTable, name: string): TestDial {
  return async (target, signal) => {
    const resolved = table.resolve(name);
    if (resolved === undefined) throw notFound(name);
    return (await resolved.leaf.dialTcp({ target, source: undefined, signal })).stream;
  };
}

function notFound(name: string): GatewayError {
  return new GatewayError('not-found', 'route.outbound-not-found', `proxy ${name} not found`);
}
