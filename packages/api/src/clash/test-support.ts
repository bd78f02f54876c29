import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { createLogHub } from '@sluice/core/log/log-hub';
import type { LogHub } from '@sluice/core/log/logger';
import { newFlow } from '@sluice/core/ports/flow';
import type {
  ConnectionView,
  OutboundView,
  RouteControl,
  RouteSettings,
  RouteSettingsPatch,
  RuleView,
} from '@sluice/route/port';
import { silentLogger } from '../test-support/http-client.ts';
import { DEFAULT_CORS } from './cors.ts';
import type { ClashOptions, ReloadRequest } from './options.ts';

export const NOW_MS = Date.UTC(2026, 6, 1, 2, 30, 20, 500);
const TEST_URL = 'https://www.gstatic.com/generate_204';

function leaf(name: string, type: string, overrides: Partial<OutboundView> = {}): OutboundView {
  return {
    id: `id-${name}`,
    name,
    type,
    udp: true,
    alive: true,
    history: [],
    extra: {},
    interfaceName: '',
    dialerProxy: '',
    ...overrides,
  };
}

function group(name: string, all: readonly string[], testUrl: string): OutboundView {
  const now = all[0] ?? '';
  return leaf(name, 'Selector', {
    group: { all, now, testUrl, expectedStatus: '*', hidden: false, icon: '' },
  });
}

export const connection: ConnectionView = {
  id: '6f9b2c1e-7a44-4f0e-9d0b-2d1f6a1c5b7e',
  metadata: {
    ...newFlow({
      network: 'tcp',
      type: 'HTTPS',
      sourceIp: '192.168.1.2',
      sourcePort: 52341,
      host: 'example.com',
      destinationPort: 443,
      inboundIp: '192.168.1.1',
      inboundPort: 7890,
      inboundName: 'DEFAULT-MIXED',
    }),
    remoteDestination: '203.0.113.7',
  },
  upload: 10,
  download: 20,
  uploadPerSecond: 1,
  downloadPerSecond: 2,
  startMs: NOW_MS,
  chains: ['Japan', 'Proxy'],
  rule: 'DomainSuffix',
  rulePayload: 'example.com',
  inspected: false,
};

/** A route plane that remembers what it was asked for. */
export class FakeRoute implements RouteControl {
  readonly asked: string[] = [];
  current: RouteSettings = {
    port: 0,
    socksPort: 0,
    mixedPort: 7890,
    authentication: [],
    skipAuthPrefixes: [],
    lanAllowedIps: ['0.0.0.0/0', '::/0'],
    lanDisallowedIps: [],
    allowLan: false,
    bindAddress: '*',
    mode: 'rule',
    ipv6: true,
    tcpConcurrent: false,
    findProcessMode: 'strict',
    interfaceName: '',
    unifiedDelay: false,
  };
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
    leaf('10', 'Http'),
    group('Proxy', ['Japan', 'DIRECT'], 'https://t.example/204'),
    group('GLOBAL', ['DIRECT', 'Japan', 'Proxy'], TEST_URL),
  ];
  ruleViews: RuleView[] = [
    {
      index: 0,
      type: 'DomainSuffix',
      payload: 'example.com',
      proxy: 'Proxy',
      inspect: false,
      disabled: false,
      hitCount: 2,
      hitAtMs: NOW_MS,
    },
    {
      index: 1,
      type: 'Match',
      payload: '',
      proxy: 'DIRECT',
      inspect: false,
      disabled: true,
      hitCount: 0,
      hitAtMs: 0,
    },
  ];
  open: ConnectionView[] = [connection];
  /** Outcome of the next delay test. */
  delay: () => number = () => 123;
  groupDelays: () => ReadonlyMap<string, number> = () =>
    new Map([
      ['Japan', 120],
      ['DIRECT', 35],
    ]);

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

  select(name: string, member: string): void {
    const view = this.outbound(name);
    if (view?.group === undefined) throw new GatewayError('invalid', 'route.not-a-group', 'not a group');
    if (!view.group.all.includes(member))
      throw new GatewayError('invalid', 'route.not-a-member', 'not a member');
    this.asked.push(`select ${name} ${member}`);
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
  ): Promise<ReadonlyMap<string, number>> {
    this.asked.push(`group-delay ${name} ${url} ${timeoutMs} ${expectedStatus}`);
    return this.groupDelays();
  }

  rules(): readonly RuleView[] {
    return this.ruleViews;
  }

  setRulesDisabled(flags: ReadonlyMap<number, boolean>): void {
    this.asked.push(`disable ${JSON.stringify([...flags])}`);
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
}

export type ClashFixture = ClashOptions & {
  readonly route: FakeRoute;
  readonly clock: FakeClock;
  readonly logs: LogHub;
  readonly reloads: ReloadRequest[];
};

/** Options over fakes; `reload` remembers requests and refuses the payload `bad`. */
export function clashFixture(
  overrides: Partial<Pick<ClashOptions, 'secret' | 'cors' | 'uiDir'>> = {},
): ClashFixture {
  const reloads: ReloadRequest[] = [];
  return {
    route: new FakeRoute(),
    logs: createLogHub(
      'info',
      () => {},
      () => NOW_MS,
    ),
    log: silentLogger,
    clock: new FakeClock(NOW_MS),
    version: 'v1.19.27',
    secret: '',
    cors: DEFAULT_CORS,
    uiDir: undefined,
    homeDir: '/home/sluice',
    safePaths: ['/etc/sluice'],
    reloads,
    async reload(request) {
      if (request.payload === 'bad') throw new GatewayError('invalid', 'config.invalid', 'yaml: line 1: bad');
      reloads.push(request);
    },
    ...overrides,
  };
}
