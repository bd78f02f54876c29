import { GatewayError } from '@sluice/base/errors';
import type {
  ConnectionView,
  ExplainRequest,
  Explanation,
  OutboundView,
  RouteControl,
  RouteSettings,
  RouteSettingsPatch,
  RuleView,
  TemporaryRuleView,
} from '@sluice/route/port';
import { FakeProviders } from '../../test-support/fake-providers.ts';
import { FakeDns, FakeGeo, FakeStorage, noStatistics } from '../../test-support/fake-route-services.ts';
import { connection, group, leaf, NOW_MS, rule, settings } from '../../test-support/route-views.ts';

/** A route plane that remembers what it was asked for. */
export class FakeRoute implements RouteControl {
  readonly asked: string[] = [];
  /** Outcome of the next delay tests. */
  delay: () => number = () => 123;
  groupDelays: (signal: AbortSignal | undefined) => Promise<ReadonlyMap<string, number>> = async () =>
    new Map([
      ['Japan', 120],
      ['DIRECT', 35],
    ]);
  readonly providers = new FakeProviders(this.asked, () => this.delay());
  readonly dns = new FakeDns(this.asked);
  readonly geo = new FakeGeo(this.asked);
  readonly storage = new FakeStorage();
  readonly statistics = noStatistics;
  current: RouteSettings = settings;
  uiFailure: GatewayError | undefined;
  views: OutboundView[] = [
    leaf('DIRECT', 'Direct'),
    leaf('Japan', 'Shadowsocks', {
      history: [{ timeMs: NOW_MS, delayMs: 120 }],
      extra: { 'https://t.example/?a=1&b=2': { alive: true, history: [{ timeMs: NOW_MS, delayMs: 120 }] } },
    }),
    leaf('a/b', 'Http'),
    leaf('50%', 'Http'),
    leaf('a b', 'Http'),
    leaf('9', 'Http'),
    leaf('10', 'Http', {
      uot: true,
      xudp: true,
      tfo: true,
      mptcp: true,
      smux: true,
      interfaceName: 'eth0',
      routingMark: 7,
      dialerProxy: 'Japan',
    }),
    group('Proxy', 'Selector', ['Japan', 'DIRECT'], { now: 'Japan', testUrl: 'https://t.example/204' }),
    group('Auto', 'URLTest', ['Japan', 'DIRECT'], {
      now: 'Japan',
      fixed: 'Japan',
      expectedStatus: '200-299',
      icon: 'https://t.example/i.png',
    }),
    group('Spare', 'Fallback', ['Japan', 'DIRECT'], { now: 'Japan', fixed: '', hidden: true }),
    group('Spread', 'LoadBalance', ['Japan', 'DIRECT'], { emptyFallback: 'REJECT' }),
    group('Chain', 'Relay', ['Japan', 'DIRECT']),
    group('GLOBAL', 'Selector', ['DIRECT', 'Japan', 'Proxy', 'Auto', 'Spare', 'Spread'], { now: 'DIRECT' }),
  ];
  ruleViews: RuleView[] = [
    rule(0, 'DomainSuffix', 'example.com', {
      proxy: 'Proxy',
      hitCount: 2,
      hitAtMs: NOW_MS,
      missCount: 3,
      missAtMs: NOW_MS,
    }),
    rule(1, 'GeoIP', 'cn', { size: 4_000 }),
    rule(2, 'Match', '', { disabled: true }),
  ];
  open: ConnectionView[] = [connection];

  settings(): RouteSettings {
    return this.current;
  }

  async patchSettings(patch: RouteSettingsPatch): Promise<void> {
    this.asked.push(`patch ${JSON.stringify(patch)}`);
    this.current = { ...this.current, ...patch };
  }

  outbounds(): readonly OutboundView[] {
    return this.views;
  }

  outbound(name: string): OutboundView | undefined {
    return this.views.find((view) => view.name === name);
  }

  async select(name: string, member: string): Promise<void> {
    const view = this.outbound(name);
    if (view?.group?.now === undefined) throw new GatewayError('invalid', 'route.not-a-group', 'not a group');
    if (!view.group.all.includes(member))
      throw new GatewayError('invalid', 'route.not-a-member', 'not a member');
    this.asked.push(`select ${name} ${member}`);
  }

  clearFixed(name: string): void {
    if (this.outbound(name)?.group?.fixed === undefined)
      throw new GatewayError('invalid', 'route.not-fixable', 'nothing to clear');
    this.asked.push(`unfix ${name}`);
  }

  async testDelay(name: string, url: string, timeoutMs: number, expectedStatus: string): Promise<number> {
    this.asked.push(`delay ${name} ${url} ${timeoutMs} ${expectedStatus}`);
    return this.delay();
  }

  async testGroupDelay(
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    this.asked.push(`group-delay ${name} ${url} ${timeoutMs} ${expectedStatus}`);
    return this.groupDelays(signal);
  }

  rules(): readonly RuleView[] {
    return this.ruleViews;
  }

  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void {
    this.asked.push(`disable ${JSON.stringify([...flags])}`);
  }

  temporaryRules(): readonly TemporaryRuleView[] {
    return [];
  }

  addTemporaryRule(line: string): TemporaryRuleView {
    throw new GatewayError('invalid', 'route.rule', `rule [${line}] is not accepted`);
  }

  removeTemporaryRule(): boolean {
    return false;
  }

  async explain(request: ExplainRequest): Promise<Explanation> {
    return {
      request,
      steps: [],
      chains: [],
      rule: '',
      rulePayload: '',
      destinationIp: '',
      inspected: false,
    };
  }

  connections(): readonly ConnectionView[] {
    return this.open;
  }

  closeConnection(id: string): boolean {
    this.asked.push(`close ${id}`);
    return this.open.some((one) => one.id === id);
  }

  closeAllConnections(): void {
    this.asked.push('close all');
  }

  traffic() {
    return { up: 1, down: 2, upTotal: 3, downTotal: 4 };
  }

  listeners() {
    return [];
  }

  async updateUi(): Promise<void> {
    this.asked.push('ui');
    if (this.uiFailure !== undefined) throw this.uiFailure;
  }
}
