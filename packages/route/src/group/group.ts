import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { GroupConfig } from '../config/proxy-config.ts';
import { HealthRecord } from '../health/health-record.ts';
import type { MemberTest } from '../health/scheduled-health-check.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { OutboundVariants } from '../outbound/outbound-variants.ts';
import type { MemberList } from './member-list.ts';
import type { GroupNode, GroupType, Member } from './node.ts';

/** What groups are built with. */
export type GroupParts = {
  readonly config: GroupConfig;
  readonly list: MemberList;
  readonly clock: Clock;
  readonly log: Logger;
  readonly test: MemberTest;
  readonly variants: OutboundVariants;
  /** The remembered choice, `''` for none. */
  readonly selected: string;
};

/** What all kinds of groups have in common. */
export abstract class Group implements GroupNode {
  readonly kind = 'group';
  readonly name: string;
  readonly config: GroupConfig;
  readonly health = new HealthRecord();
  readonly list: MemberList;
  readonly bind: ((outbound: Outbound) => Outbound) | undefined;
  abstract readonly type: GroupType;

  constructor({ config, list, variants }: GroupParts) {
    const { name, interfaceName, routingMark } = config;
    this.name = name;
    this.config = config;
    this.list = list;
    const isPlain = interfaceName === '' && routingMark === 0;
    this.bind = isPlain ? undefined : (outbound) => variants.bound(outbound, interfaceName, routingMark);
  }

  get fixed(): string | undefined {
    return undefined;
  }

  members(): readonly Member[] {
    return this.list.members();
  }

  abstract peek(flow?: FlowMetadata): Member;

  take(_member: Member, _flow?: FlowMetadata): void {
    // Most groups choose by what members are like, not by what was chosen before.
  }

  dialed(_member: Member, _error: unknown, _flow?: FlowMetadata): void {
    this.list.touch();
  }

  /** Chooses a member by hand. @throws GatewayError `route.not-a-group`, `route.not-a-member` */
  select(_member: string): Promise<void> {
    return Promise.reject(new GatewayError('invalid', 'route.not-a-group', 'Must be a Selector'));
  }

  /** Chooses by itself again. @throws GatewayError `route.not-fixable` */
  clearFixed(): void {
    throw new GatewayError('invalid', 'route.not-fixable', 'Body invalid');
  }

  /** The first member of that name. */
  protected find(name: string): Member | undefined {
    return this.members().find((member) => member.name === name);
  }

  /** @throws GatewayError `route.not-a-member` */
  protected require(name: string): Member {
    const member = this.find(name);
    if (member !== undefined) return member;
    throw new GatewayError('invalid', 'route.not-a-member', 'proxy not exist');
  }

  /** The member list is never empty. */
  protected get first(): Member {
    const [first] = this.members();
    if (first === undefined) throw new GatewayError('internal', 'route.group-empty', `${this.name} is empty`);
    return first;
  }

  protected isAlive(member: Member): boolean {
    return member.health.aliveFor(this.config.testUrl);
  }
}
