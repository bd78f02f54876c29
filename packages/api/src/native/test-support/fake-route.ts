import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { newFlow } from '@sluice/core/ports/flow';
import type {
  ConnectionView,
  ExplainRequest,
  ExplainStep,
  Explanation,
  OutboundView,
  RouteControl,
  RouteSettings,
  RouteSettingsPatch,
  RuleView,
  TemporaryRuleView,
  TrafficView,
} from '@sluice/route/port';
import { FakeProviders } from '../../test-support/fake-providers.ts';
import { FakeGeo, FakeStorage } from '../../test-support/fake-route-services.ts';
import { group, leaf, rule, settings } from '../../test-support/route-views.ts';
import { FakeDnsControl } from './fake-dns.ts';
import { proxyProviderViews, ruleProviderViews } from './fake-provider-views.ts';
import { FakeStatistics } from './fake-statistics.ts';
import { FakeTemporaryRules } from './fake-temporary-rules.ts';

const HOSTS = [
  'video.example.com',
  'api.example.org',
  'cdn.example.net',
  'mail.example.com',
  'registry.example.io',
];

export class FakeRoute implements RouteControl {
  readonly closed: string[] = [];
  /** What providers and geo databases were asked to do. */
  readonly asked: string[] = [];
  readonly providers = new FakeProviders(this.asked, () => 42);
  readonly dns: FakeDnsControl;
  readonly geo = new FakeGeo(this.asked);
  readonly storage = new FakeStorage();
  readonly statistics: FakeStatistics;
  readonly temporary: FakeTemporaryRules;
  readonly #clock: Clock;
  #mode: RouteSettings['mode'] = 'rule';
  #selected = 'edge-1';
  #fixed = '🇯🇵 Tokyo 02';
  #connections: ConnectionView[];
  #rules: RuleView[];

  constructor(clock: Clock, connectionCount = 24) {
    this.#clock = clock;
    this.dns = new FakeDnsControl(clock);
    this.statistics = new FakeStatistics(clock);
    this.temporary = new FakeTemporaryRules(clock);
    this.providers.proxies = proxyProviderViews(clock.now());
    this.providers.rules = ruleProviderViews(clock.now());
    this.#connections = Array.from({ length: connectionCount }, (_unused, index) => this.#connection(index));
    this.#rules = [
      rule(0, 'DomainSuffix', 'example.com', { proxy: 'Proxy', hitCount: 1284, hitAtMs: clock.now() - 3000 }),
      rule(1, 'DomainSuffix', 'example.org', {
        proxy: 'DIRECT',
        hitCount: 57,
        hitAtMs: clock.now() - 90_000,
        inspect: true,
      }),
      rule(2, 'DomainKeyword', 'tracker', { proxy: 'REJECT', hitCount: 9 }),
      rule(3, 'IPCIDR', '10.0.0.0/8', { proxy: 'DIRECT' }),
      rule(4, 'DstPort', '25', { proxy: 'REJECT-DROP', disabled: true }),
      rule(5, 'Match', '', { proxy: 'Proxy', hitCount: 312, hitAtMs: clock.now() - 500 }),
    ];
  }

  settings(): RouteSettings {
    return { ...settings, mode: this.#mode };
  }

  async patchSettings(patch: RouteSettingsPatch): Promise<void> {
    if (patch.mode !== undefined) this.#mode = patch.mode;
  }

  outbounds(): readonly OutboundView[] {
    const now = this.#clock.now();
    return [
      outbound('DIRECT', 'Direct', [{ timeMs: now - 1000, delayMs: 12 }]),
      outbound('REJECT', 'Reject', []),
      outbound('edge-1', 'Shadowsocks', [{ timeMs: now - 1000, delayMs: 48 }]),
      outbound('edge-2', 'Socks5', [{ timeMs: now - 1000, delayMs: 312 }]),
      outbound('edge-3', 'Http', [{ timeMs: now - 1000, delayMs: 0 }], false),
      group('Proxy', 'Selector', ['edge-1', 'edge-2', 'edge-3', 'Auto', 'DIRECT'], {
        now: this.#selected,
        testUrl: 'http://probe.example/204',
      }),
      group(
        'Auto',
        'URLTest',
        ['🇯🇵 Tokyo 01', '🇯🇵 Tokyo 02', '🇸🇬 Singapore 01', '🇰🇷 Seoul 01', '🇩🇪 Frankfurt 01'],
        {
          now: this.#fixed === '' ? '🇯🇵 Tokyo 01' : this.#fixed,
          fixed: this.#fixed,
        },
      ),
      group('Spread', 'LoadBalance', ['edge-1', 'edge-2']),
    ];
  }

  outbound(name: string): OutboundView | undefined {
    return this.outbounds().find((candidate) => candidate.name === name);
  }

  async select(name: string, member: string): Promise<void> {
    const view = this.outbound(name);
    if (view === undefined)
      throw new GatewayError('not-found', 'route.outbound-not-found', `no outbound "${name}"`);
    if (!view.group?.all.includes(member)) {
      throw new GatewayError('invalid', 'route.not-a-member', `"${member}" is not in "${name}"`);
    }
    if (view.group.fixed === undefined) this.#selected = member;
    else this.#fixed = member;
  }

  clearFixed(name: string): void {
    if (this.outbound(name)?.group?.fixed === undefined) {
      throw new GatewayError('invalid', 'route.not-fixable', `"${name}" cannot be fixed`);
    }
    this.#fixed = '';
  }

  async testDelay(name: string, _url: string, timeoutMs: number): Promise<number> {
    if (name === 'edge-3')
      throw new GatewayError('timeout', 'route.delay-timeout', `no answer in ${timeoutMs} ms`);
    return 42;
  }

  async testGroupDelay(): Promise<ReadonlyMap<string, number>> {
    return new Map([
      ['edge-1', 51],
      ['edge-2', 287],
      ['DIRECT', 11],
    ]);
  }

  rules(): readonly RuleView[] {
    return this.#rules;
  }

  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void {
    this.#rules = this.#rules.map((view) => ({ ...view, disabled: flags.get(view.index) ?? view.disabled }));
  }

  temporaryRules(): readonly TemporaryRuleView[] {
    return this.temporary.views();
  }

  addTemporaryRule(line: string, ttlSeconds: number): TemporaryRuleView {
    return this.temporary.add(line, ttlSeconds);
  }

  removeTemporaryRule(id: string): boolean {
    return this.temporary.remove(id);
  }

  async explain(request: ExplainRequest): Promise<Explanation> {
    const place = `${request.network.toUpperCase()} to ${request.host}:${request.port}`;
    const steps: ExplainStep[] = [
      { stage: 'destination', outcome: 'chosen', text: place },
      { stage: 'rule', outcome: 'skipped', text: 'rule 2 DomainKeyword(tracker) is disabled', ruleIndex: 2 },
      {
        stage: 'rule',
        outcome: 'passed',
        text: "rule 3 IPCIDR(10.0.0.0/8) has to know the destination's IP",
        ruleIndex: 3,
      },
      { stage: 'dns', outcome: 'resolved', text: `${request.host} is 203.0.113.7` },
      { stage: 'rule', outcome: 'matched', text: 'rule 5 Match matches: Proxy', ruleIndex: 5 },
      { stage: 'group', outcome: 'chosen', text: 'Proxy (Selector) goes through edge-1' },
    ];
    const fails = request.network === 'udp';
    steps.push(
      fails
        ? { stage: 'outbound', outcome: 'failed', text: 'edge-1 (Http) carries no UDP' }
        : { stage: 'outbound', outcome: 'chosen', text: 'edge-1 (Shadowsocks) dials' },
    );
    return {
      request,
      steps,
      chains: fails ? [] : ['edge-1', 'Proxy'],
      rule: 'Match',
      rulePayload: '',
      destinationIp: '203.0.113.7',
      inspected: false,
    };
  }

  connections(): readonly ConnectionView[] {
    return this.#connections;
  }

  /** Moves the counters as a busy second would. */
  tick(): void {
    this.#connections = this.#connections.map((view, index) => {
      const down =
        index % 4 === 0 ? 40_000 + Math.floor(Math.random() * 900_000) : Math.floor(Math.random() * 3000);
      const up = Math.floor(down / 20);
      return {
        ...view,
        upload: view.upload + up,
        download: view.download + down,
        uploadPerSecond: up,
        downloadPerSecond: down,
      };
    });
  }

  closeConnection(id: string): boolean {
    const before = this.#connections.length;
    this.#connections = this.#connections.filter((view) => view.id !== id);
    if (this.#connections.length === before) return false;
    this.closed.push(id);
    return true;
  }

  closeAllConnections(): void {
    this.#connections = [];
  }

  traffic(): TrafficView {
    const sum = (pick: (view: ConnectionView) => number) =>
      this.#connections.reduce((total, view) => total + pick(view), 0);
    return {
      up: sum((view) => view.uploadPerSecond),
      down: sum((view) => view.downloadPerSecond),
      upTotal: 812_345_678 + sum((view) => view.upload),
      downTotal: 24_812_345_678 + sum((view) => view.download),
    };
  }

  listeners() {
    return [{ name: 'mixed', host: '127.0.0.1', port: 7890, kind: 'mixed' as const }];
  }

  async updateUi(): Promise<void> {}

  #connection(index: number): ConnectionView {
    const host = HOSTS[index % HOSTS.length] ?? '';
    return {
      id: `flow-${index}`,
      metadata: {
        ...newFlow({
          network: index % 7 === 6 ? 'udp' : 'tcp',
          type: index % 3 === 0 ? 'HTTP' : 'Socks5',
          sourceIp: `192.168.1.${10 + (index % 9)}`,
          sourcePort: 50_000 + index,
          host,
          destinationIp: `203.0.113.${(index * 7) % 250}`,
          destinationPort: 443,
          inboundIp: '127.0.0.1',
          inboundPort: 7890,
          inboundName: 'mixed',
        }),
        remoteDestination: `203.0.113.${(index * 7) % 250}`,
        dnsMode: index % 2 === 0 ? 'fake-ip' : 'normal',
        ...(index % 2 === 0 ? { process: 'browser', processPath: '/usr/bin/browser', uid: 1000 } : {}),
        ...(index % 4 === 0 ? { sniffHost: host } : {}),
        destinationGeoIp: ['zz'],
        destinationIpAsn: '64500 Example Networks',
      },
      upload: 1_000 * index,
      download: 250_000 * index,
      uploadPerSecond: 0,
      downloadPerSecond: index % 4 === 0 ? 120_000 * (index + 1) : 0,
      startMs: this.#clock.now() - index * 41_000,
      chains: host.endsWith('.org') ? ['DIRECT'] : ['edge-1', 'Proxy'],
      providerChains: host.endsWith('.org') ? [''] : ['northern-cloud', ''],
      rule: 'DomainSuffix',
      rulePayload: host.split('.').slice(1).join('.'),
      inspected: host.endsWith('.org'),
    };
  }
}

function outbound(name: string, type: string, history: OutboundView['history'], alive = true): OutboundView {
  return leaf(name, type, { id: name, udp: type !== 'Http', alive, history });
}
