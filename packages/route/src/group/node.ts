import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { GroupConfig } from '../config/proxy-config.ts';
import type { HealthRecord } from '../health/health-record.ts';
import type { Outbound } from '../outbound/outbound.ts';

/** An outbound with its id and delay history; groups that share a node share its history. */
export type OutboundNode = {
  readonly kind: 'outbound';
  /** UUID, new with every load. */
  readonly id: string;
  readonly name: string;
  readonly outbound: Outbound;
  readonly health: HealthRecord;
  /** The proxy provider it comes from, `''` for none. */
  readonly providerName: string;
};

export type GroupType = 'Selector' | 'URLTest' | 'Fallback' | 'LoadBalance' | 'Relay';

/** A group of outbounds and groups. */
export interface GroupNode {
  readonly kind: 'group';
  readonly name: string;
  readonly type: GroupType;
  readonly config: GroupConfig;
  readonly health: HealthRecord;
  /** The member fixed by hand, `''` for none; `undefined` where nothing can be fixed. */
  readonly fixed: string | undefined;
  /** In order and never empty; follows provider updates. */
  members(): readonly Member[];
  /**
   * The member that a flow would use now; without a flow, what views show. It takes nobody's turn, but a fallback forgets
   * a fixed member that it finds dead.
   */
  peek(flow?: FlowMetadata): Member;
  /** The flow goes to that member: a group that takes turns moves on. */
  take(member: Member, flow?: FlowMetadata): void;
  /** The outbound with the group's interface and mark where it has none itself; `undefined` when the group names none. */
  readonly bind: ((outbound: Outbound) => Outbound) | undefined;
  /** The way through all members one after the other; only relays have one. */
  readonly chain?: (flow?: FlowMetadata) => Trail | undefined;
  /** A flow was dialed through `member`, with this error or `undefined`. */
  dialed(member: Member, error: unknown, flow?: FlowMetadata): void;
}

export type Member = OutboundNode | GroupNode;

/** A group on the way, with the member it gave. */
export type Hop = { readonly group: GroupNode; readonly member: Member };

/** The way from a member down to an outbound. */
export type Trail = {
  readonly leaf: Outbound;
  /** The node of the leaf; of a relay that of its last outbound. */
  readonly node: OutboundNode;
  /** Leaf first, outermost group last. */
  readonly chains: readonly string[];
  /** Proxy provider of each element of `chains`, `''` for none. */
  readonly providerChains: readonly string[];
  /** Whether UDP may go this way: the outbound carries it and no group on the way forbids it. */
  readonly udp: boolean;
  /** Outermost group first. */
  readonly hops: readonly Hop[];
};

/** Where a name finally leads for one flow. */
export type Resolved = Omit<Trail, 'hops'> & {
  /** Must be told how dialing went (`undefined`: well), once per dial: groups count failures and note that they are used. */
  readonly dialed: (error: unknown) => void;
};
