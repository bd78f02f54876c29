import { randomUUID } from 'node:crypto';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { GLOBAL_GROUP, type GroupConfig, PLAIN_GROUP } from '../config/proxy-config.ts';
import type { DelayTester } from '../health/delay-tester.ts';
import type { HealthCheck } from '../health/health-check.ts';
import { HealthRecord } from '../health/health-record.ts';
import { type MemberTest, ScheduledHealthCheck } from '../health/scheduled-health-check.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { OutboundVariants } from '../outbound/outbound-variants.ts';
import type { OutboundView } from '../port.ts';
import type { ProxyProvider } from '../provider/provider.ts';
import { createGroup } from './create-group.ts';
import { followMember } from './follow.ts';
import type { Group } from './group.ts';
import { MemberList } from './member-list.ts';
import type { Member, OutboundNode, Resolved, Trail } from './node.ts';
import { memberView } from './outbound-view.ts';
import { OwnProvider } from './own-provider.ts';

/** What one load of the configuration brings together. */
export type OutboundTableParts = {
  /** Always there; a configured outbound of the same name wins. `DIRECT` and `COMPATIBLE` must be among them where groups can need them. */
  readonly builtIns: readonly Outbound[];
  readonly outbounds: readonly Outbound[];
  /** In file order. */
  readonly groups: readonly GroupConfig[];
  readonly providers: readonly ProxyProvider[];
  /** Remembered choices, group → member, `''` for none. */
  readonly selected: ReadonlyMap<string, string>;
  /** Called for every choice by hand; `''` when it was taken back. */
  readonly onSelected: (group: string, member: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tester: DelayTester;
  readonly variants: OutboundVariants;
};

const NIL_ID = '00000000-0000-0000-0000-000000000000';
/** The provider that backs `GLOBAL`. */
const DEFAULT_PROVIDER = 'default';

/** Every outbound and group by name, as one load of the configuration made them. */
export class OutboundTable {
  readonly #parts: OutboundTableParts;
  readonly #outbounds = new Map<string, OutboundNode>();
  readonly #groups = new Map<string, Group>();
  readonly #providers: ReadonlyMap<string, ProxyProvider>;
  readonly #ownProviders = new Map<string, OwnProvider>();
  readonly #checks: HealthCheck[] = [];
  readonly #test: MemberTest = (...request) => this.#parts.tester.testMember(...request);

  constructor(parts: OutboundTableParts) {
    this.#parts = parts;
    const { builtIns, outbounds, groups, providers } = parts;
    for (const outbound of [...builtIns, ...outbounds]) this.#outbounds.set(outbound.name, nodeOf(outbound));
    this.#providers = new Map(providers.map((provider) => [provider.name, provider]));
    const global = globalGroup(outbounds, groups);
    const everything = this.#ownProvider(DEFAULT_PROVIDER, global, '');
    for (const config of groups) {
      const hasOwn = config.proxies.length > 0;
      this.#addGroup(config, hasOwn ? this.#ownProvider(config.name, config, config.testUrl) : undefined);
    }
    if (!this.#groups.has(GLOBAL_GROUP)) this.#addGroup(global, everything);
  }

  /** Begins the periodic tests of the groups' own members, and tests them once. */
  start(): void {
    for (const check of this.#checks) {
      check.start();
      check.nodesChanged();
    }
  }

  stop(): void {
    for (const check of this.#checks) check.stop();
  }

  has(name: string): boolean {
    return this.#outbounds.has(name) || this.#groups.has(name);
  }

  /** A built-in, configured outbound or group; nodes of providers are known to their providers only. */
  member(name: string): Member | undefined {
    return this.#groups.get(name) ?? this.#outbounds.get(name);
  }

  group(name: string): Group | undefined {
    return this.#groups.get(name);
  }

  /** Where a name leads now; `undefined` for unknown names and for loops. Nobody's turn is taken before `dialed`. */
  resolve(name: string, flow?: FlowMetadata): Resolved | undefined {
    const trail = this.#follow(name, flow);
    return trail === undefined ? undefined : resolvedBy(trail, flow, false);
  }

  /** As `resolve`, for a flow that is about to be dialed: groups that take turns move on at once. */
  choose(name: string, flow?: FlowMetadata): Resolved | undefined {
    const trail = this.#follow(name, flow);
    return trail === undefined ? undefined : resolvedBy(trail, flow, true);
  }

  /** Whether UDP may go that way. */
  carriesUdp({ udp }: Resolved): boolean {
    return udp;
  }

  /**
   * The outbound that a `dialer-proxy` names at present.
   * @throws GatewayError `route.outbound-not-found`, or `route.dialer-loop` when it would be carried by itself
   */
  resolveDialer(name: string): Outbound {
    const first = this.choose(name)?.leaf;
    if (first === undefined) {
      throw new GatewayError('not-found', 'route.outbound-not-found', `proxyName[${name}] not found`);
    }
    const seen = new Set<Outbound>();
    for (let carrier: Outbound | undefined = first; carrier !== undefined; ) {
      if (seen.has(carrier))
        throw new GatewayError('conflict', 'route.dialer-loop', `dialer-proxy ${name} is a loop`);
      seen.add(carrier);
      const { dialerProxy }: Outbound['traits'] = carrier.traits;
      carrier = dialerProxy === '' ? undefined : this.#follow(dialerProxy)?.leaf;
    }
    return first;
  }

  /** Names in the control API's order: built-ins, configured outbounds, groups in file order, GLOBAL. */
  names(): readonly string[] {
    return [...this.#outbounds.keys(), ...this.#groups.keys()];
  }

  view(name: string): OutboundView | undefined {
    const member = this.member(name);
    return member === undefined ? undefined : this.viewOf(member);
  }

  viewOf(member: Member): OutboundView {
    return memberView(member);
  }

  /** `default` with the members of the automatic GLOBAL, then one for each group with members of its own. */
  ownProviders(): ReadonlyMap<string, OwnProvider> {
    return this.#ownProviders;
  }

  /**
   * Chooses a member by hand; a fallback tests a dead one first.
   * @throws GatewayError `route.outbound-not-found`, `route.not-a-group`, `route.not-a-member`
   */
  async select(group: string, member: string): Promise<void> {
    await this.#selectable(group, 'route.not-a-group', 'Must be a Selector').select(member);
    this.#parts.onSelected(group, member);
  }

  /** Lets a group choose by itself again. @throws GatewayError `route.outbound-not-found`, `route.not-fixable` */
  clearFixed(group: string): void {
    this.#selectable(group, 'route.not-fixable', 'Body invalid').clearFixed();
    this.#parts.onSelected(group, '');
  }

  /**
   * Delays of a group's members, see `DelayTester.testMembers`; what was fixed is let go before anything else.
   * @throws GatewayError `route.outbound-not-found` when there is no such group, and those of `testMembers`
   */
  async testGroup(
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
    cancel?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const group = this.#groups.get(name);
    if (group === undefined) throw notFound(name);
    if (group.fixed !== undefined) this.clearFixed(name);
    return this.#parts.tester.testMembers(group, url, timeoutMs, expectedStatus, cancel);
  }

  #follow(name: string, flow?: FlowMetadata): Trail | undefined {
    const member = this.member(name);
    return member === undefined ? undefined : followMember(member, flow);
  }

  #selectable(name: string, code: string, message: string): Group {
    const group = this.#groups.get(name);
    if (group !== undefined) return group;
    throw this.#outbounds.has(name) ? new GatewayError('invalid', code, message) : notFound(name);
  }

  #addGroup(config: GroupConfig, own: OwnProvider | undefined): void {
    const { clock, log, selected, variants } = this.#parts;
    const providers = config.use.flatMap((name) => this.#providers.get(name) ?? []);
    const { testUrl: url, expectedStatus, filters, intervalSeconds } = config;
    for (const { check } of providers) check.register({ url, expectedStatus, filters, intervalSeconds });
    const list = new MemberList(config, {
      own,
      providers,
      emptyFallback: () => this.#required(config.emptyFallback),
    });
    const group = createGroup({
      config,
      list,
      clock,
      log,
      test: this.#test,
      selected: selected.get(config.name) ?? '',
      variants,
      direct: () => this.#required('DIRECT'),
    });
    this.#groups.set(config.name, group);
  }

  /** Groups may name groups that come later, so members are looked up when all are there. */
  #ownProvider(name: string, config: GroupConfig, url: string): OwnProvider {
    const members = () => config.proxies.flatMap((member) => this.member(member) ?? []);
    const { expectedStatus, intervalSeconds, timeoutMs, lazy } = config;
    const check = new ScheduledHealthCheck({
      options: { url, expectedStatus, intervalSeconds, timeoutMs, lazy },
      members,
      clock: this.#parts.clock,
      test: this.#test,
    });
    this.#checks.push(check);
    const provider = new OwnProvider(name, members, check);
    // The reserved name wins over a group of that name.
    if (!this.#ownProviders.has(name)) this.#ownProviders.set(name, provider);
    return provider;
  }

  #required(name: string): OutboundNode {
    const node = this.#outbounds.get(name) ?? this.#outbounds.get('COMPATIBLE');
    if (node !== undefined) return node;
    throw new GatewayError('internal', 'route.outbound-not-found', `proxy ${name} not found`);
  }
}

function nodeOf(outbound: Outbound): OutboundNode {
  const id = outbound.type === 'Pass' ? NIL_ID : randomUUID();
  const { name } = outbound;
  return { kind: 'outbound', id, name, outbound, health: new HealthRecord(), providerName: '' };
}

/** `take`: the flow is about to be dialed, so groups that take turns move on at once, else when they hear of the dial. */
function resolvedBy({ hops, ...way }: Trail, flow: FlowMetadata | undefined, take: boolean): Resolved {
  const takeTurns = () => {
    for (const { group, member } of hops) group.take(member, flow);
  };
  if (take) takeTurns();
  const dialed = (error: unknown) => {
    if (!take) takeTurns();
    for (const { group, member } of hops) group.dialed(member, error, flow);
  };
  return { ...way, dialed };
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function isUsable({ type }: Outbound): boolean {
  return type !== 'Pass';
}

function notFound(name: string): GatewayError {
  return new GatewayError('not-found', 'route.outbound-not-found', `proxy ${name} not found`);
}

/** Everything there is, in file order. */
function globalGroup(outbounds: readonly Outbound[], groups: readonly GroupConfig[]): GroupConfig {
  const names = ['DIRECT', 'REJECT', ...outbounds.filter(isUsable).map(nameOf), ...groups.map(nameOf)];
  return {
    ...PLAIN_GROUP,
    name: GLOBAL_GROUP,
    proxies: [...new Set(names)],
  };
}
