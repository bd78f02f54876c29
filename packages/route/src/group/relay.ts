import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { Outbound } from '../outbound/outbound.ts';
import { followMember } from './follow.ts';
import { Group, type GroupParts } from './group.ts';
import type { Member, OutboundNode, Trail } from './node.ts';

/** The same outbound, its connections to the server carried by another. */
export type CarryOutbound = (outbound: Outbound, carrier: Outbound) => Outbound;

/** What relays need besides what groups are built with. */
export type RelayParts = GroupParts & {
  readonly carry: CarryOutbound;
  /** Used when no member is left to go through. */
  readonly direct: () => OutboundNode;
};

/** Outbounds that add nothing to a chain. */
const SKIPPED_TYPES: ReadonlySet<string> = new Set(['Direct', 'Compatible']);

/** A group whose flows go through all members one after the other. */
export class RelayGroup extends Group {
  readonly type = 'Relay';
  readonly #carry: CarryOutbound;
  readonly #direct: () => OutboundNode;
  /** Carrier → carried: a chain that stays the same keeps its outbounds and their open sessions. */
  readonly #carried = new WeakMap<Outbound, WeakMap<Outbound, Outbound>>();
  #isFollowing = false;

  constructor(parts: RelayParts) {
    super(parts);
    this.#carry = parts.carry;
    this.#direct = parts.direct;
  }

  /** The last member, which the destination sees. */
  override peek(): Member {
    return this.members().at(-1) ?? this.first;
  }

  chain(flow?: FlowMetadata): Trail | undefined {
    if (this.#isFollowing) return undefined;
    this.#isFollowing = true;
    try {
      const trails = this.members().map((member) => followMember(member, flow));
      if (!trails.every((trail) => trail !== undefined)) return undefined;
      const used = trails.filter(({ leaf }) => !SKIPPED_TYPES.has(leaf.type));
      return this.#joined(used) ?? followMember(this.#direct());
    } finally {
      this.#isFollowing = false;
    }
  }

  #joined([first, ...others]: readonly Trail[]): Trail | undefined {
    if (first === undefined) return undefined;
    return others.reduce((before, trail) => {
      const leaf = this.#carriedBy(before.leaf, trail.leaf);
      return {
        leaf,
        node: trail.node,
        chains: [...trail.chains, ...before.chains],
        providerChains: [...trail.providerChains, ...before.providerChains],
        // Datagrams of other protocols would go past the chain.
        udp: trail.udp && leaf.traits.uot,
        hops: [...before.hops, ...trail.hops],
      };
    }, first);
  }

  #carriedBy(carrier: Outbound, outbound: Outbound): Outbound {
    const byCarrier = this.#carried.get(carrier) ?? new WeakMap<Outbound, Outbound>();
    this.#carried.set(carrier, byCarrier);
    const carried = byCarrier.get(outbound) ?? this.#carry(outbound, carrier);
    byCarrier.set(outbound, carried);
    return carried;
  }
}
