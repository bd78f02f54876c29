import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import { type FlowMetadata, type FlowSeed, newFlow } from '@sluice/core/ports/flow';
import { type GroupConfig, PLAIN_GROUP } from '../../config/proxy-config.ts';
import { DelayTester } from '../../health/delay-tester.ts';
import type { HealthCheckOptions } from '../../health/health-check.ts';
import { HealthRecord } from '../../health/health-record.ts';
import { ScheduledHealthCheck } from '../../health/scheduled-health-check.ts';
import { NO_TRAITS, type Outbound, type OutboundStream } from '../../outbound/outbound.ts';
import type { ProxyProvider } from '../../provider/provider.ts';
import type { OutboundNode } from '../node.ts';
import { OutboundTable, type OutboundTableParts } from '../outbound-table.ts';

export const TEST_URL = 'http://test.example/';

/** A group as the configuration gives it, with what a test says about it. */
export function groupConfig(
  name: string,
  type: GroupConfig['type'],
  proxies: readonly string[],
  more: Partial<GroupConfig> = {},
): GroupConfig {
  return {
    ...PLAIN_GROUP,
    name,
    type,
    proxies,
    testUrl: TEST_URL,
    ...more,
  };
}

/** A TCP flow with what a test says about it. */
export function flowTo(host: string, more: Partial<FlowSeed> = {}): FlowMetadata {
  return newFlow({
    network: 'tcp',
    type: 'HTTP',
    sourceIp: '192.0.2.1',
    sourcePort: 1,
    host,
    destinationPort: 443,
    inboundIp: '127.0.0.1',
    inboundPort: 7890,
    inboundName: 'test',
    ...more,
  });
}

/** A provider whose nodes a test sets. */
export type FakeProvider = ProxyProvider & { load(...names: string[]): void };

/** Groups over outbounds whose delays are scripted; nothing touches a network. */
export class GroupRig {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  /** Choices by hand, as they were to be stored. */
  readonly stored: [group: string, member: string][] = [];
  /** Tests in order, as `outbound url`. */
  readonly tests: string[] = [];
  /** Outbound → delay; one that is absent fails. */
  readonly delays = new Map<string, number>();
  /** Outbound → status; 204 where absent. */
  readonly statuses = new Map<string, number>();
  readonly tester = new DelayTester({
    clock: this.clock,
    unified: () => false,
    measure: async (url, _timeoutMs, _unified, _clock, dial) => {
      const signal = AbortSignal.abort();
      const probe = await dial({ host: 'probe', port: 80 }, signal).catch((error: unknown) => String(error));
      const name = String(probe).replace('Error: ', '');
      this.tests.push(`${name} ${url}`);
      const delayMs = this.delays.get(name);
      if (delayMs === undefined) throw new GatewayError('unavailable', 'route.delay-failed', 'scripted');
      return { delayMs, status: this.statuses.get(name) ?? 204 };
    },
  });

  outbound(name: string, type = 'Socks5', more: Partial<Outbound> = {}): Outbound {
    return {
      name,
      type,
      udp: true,
      traits: NO_TRAITS,
      // Tells a scripted test which outbound was dialed.
      dialTcp: (): Promise<OutboundStream> => Promise.reject(new Error(name)),
      openUdp: () => Promise.reject(new Error(name)),
      ...more,
    };
  }

  table(
    groups: readonly GroupConfig[],
    outbounds: readonly (string | Outbound)[] = ['a', 'b', 'c'],
    more: Partial<OutboundTableParts> = {},
  ): OutboundTable {
    return new OutboundTable({
      builtIns: [
        this.outbound('DIRECT', 'Direct'),
        this.outbound('REJECT', 'Reject'),
        this.outbound('PASS', 'Pass'),
        this.outbound('COMPATIBLE', 'Compatible'),
      ],
      outbounds: outbounds.map((each) => (typeof each === 'string' ? this.outbound(each) : each)),
      groups,
      providers: [],
      selected: new Map(),
      onSelected: (group, member) => void this.stored.push([group, member]),
      clock: this.clock,
      log: this.#logger(),
      tester: this.tester,
      variants: { carried: (outbound) => outbound, bound: (outbound) => outbound },
      ...more,
    });
  }

  provider(name: string, names: readonly string[], options: Partial<HealthCheckOptions> = {}): FakeProvider {
    let nodes: readonly OutboundNode[] = [];
    const load = (...loaded: string[]) => {
      nodes = loaded.map((each) => ({
        kind: 'outbound',
        id: each,
        name: each,
        outbound: this.outbound(each, each.startsWith('ss-') ? 'Shadowsocks' : 'Socks5'),
        health: new HealthRecord(),
        providerName: name,
      }));
    };
    load(...names);
    const check = new ScheduledHealthCheck({
      options: { url: '', expectedStatus: '*', intervalSeconds: 0, timeoutMs: 5_000, lazy: true, ...options },
      members: () => nodes,
      clock: this.clock,
      test: (...request) => this.tester.testMember(...request),
    });
    return {
      name,
      check,
      load,
      nodes: () => nodes,
      onChange: () => () => undefined,
      start: () => Promise.resolve(),
      stop: () => undefined,
      update: () => Promise.resolve(),
      view: () => ({
        name,
        vehicleType: 'Inline',
        testUrl: '',
        expectedStatus: '*',
        updatedAtMs: undefined,
        subscription: undefined,
        lastError: '',
      }),
    };
  }

  /** Lets everything that waits for promises only go on. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #logger(): Logger {
    const write = (message: string) => void this.lines.push(message);
    const logger: Logger = {
      enabled: () => true,
      debug: write,
      info: write,
      warning: write,
      error: write,
      child: () => logger,
    };
    return logger;
  }
}

/** The name that a group uses now. */
export function nowOf(table: OutboundTable, group: string): string | undefined {
  return table.view(group)?.group?.now;
}
