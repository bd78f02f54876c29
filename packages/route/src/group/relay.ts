import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { OutboundVariants } from '../outbound/outbound-variants.ts';
import { followMember } from './follow.ts';
import { Group, type GroupParts } from './group.ts';
import type { Member, OutboundNode, Trail } from './node.ts';

/** What relays need besides what groups are built with. */
export type RelayParts = GroupParts & {
  /** Used when no member is left to go through. */
  readonly direct: () => OutboundNode;
};

/** Outbounds that add nothing to a chain. */
const SKIPPED_TYPES: ReadonlySet<string> = new Set(['Direct', 'Compatible']);

/** A group whose flows go through all members one after the other. */
export class RelayGroup extends Group {
  readonly type = 'Relay';
  readonly #direct: () => OutboundNode;
  readonly #variants: OutboundVariants;
  #isFollowing = false;

  constructor(parts: RelayParts) {
    super(parts);
    this.#variants = parts.variants;
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
      const leaf = this.#variants.carried(trail.leaf, before.leaf);
      return {
        leaf,
        node: trail.node,
        chains: [...trail.chains, ...before.chains],
        providerChains: [...trail.providerChains, ...before.providerChains],
        udp: trail.udp && before.udp,
        hops: [...before.hops, ...trail.hops],
      };
    }, first);
  }
}
