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
  /** In order and never empty; follows provider updates. */
  members(): readonly Member[];
  /** The member that a flow would use now. Without a flow: what views show. Never changes anything. */
  peek(flow?: FlowMetadata): Member;
}

export type Member = OutboundNode | GroupNode;

/** Where a name finally leads for one flow. */
export type Resolved = {
  readonly leaf: Outbound;
  readonly node: OutboundNode;
  /** Leaf first, outermost group last. */
  readonly chains: readonly string[];
  /** Proxy provider of each element of `chains`, `''` for none. */
  readonly providerChains: readonly string[];
  /** Must be told how dialing went, once per dial: groups count failures, move on and note that they are used. */
  readonly dialed: (error: unknown) => void;
};
