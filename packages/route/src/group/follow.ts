import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { Hop, Member, OutboundNode, Trail } from './node.ts';

/** Follows groups to an outbound; `undefined` when they lead back to themselves. */
export function followMember(start: Member, flow?: FlowMetadata): Trail | undefined {
  const hops: Hop[] = [];
  let current = start;
  while (current.kind === 'group') {
    const group = current;
    if (hops.some((hop) => hop.group === group)) return undefined;
    const member = group.peek(flow);
    hops.push({ group, member });
    if (group.chain !== undefined) {
      const end = group.chain(flow);
      return end === undefined ? undefined : withGroups(end, hops);
    }
    current = member;
  }
  return hops.length === 0 ? outboundTrail(current) : withGroups(outboundTrail(current), hops);
}

function outboundTrail(node: OutboundNode): Trail {
  const { outbound, name, providerName } = node;
  return {
    leaf: outbound,
    node,
    chains: [name],
    providerChains: [providerName],
    udp: outbound.udp,
    hops: [],
  };
}

/** The way with the groups above it, and what they say about UDP and the sockets of the outbound. */
function withGroups(end: Trail, hops: readonly Hop[]): Trail {
  const chains = [...end.chains];
  const providerChains = [...end.providerChains];
  let { udp, leaf } = end;
  for (const { group } of hops.toReversed()) {
    chains.push(group.name);
    providerChains.push('');
    leaf = group.bind?.(leaf) ?? leaf;
    // A balancing group answers for members that it has not chosen yet.
    udp = !group.config.disableUdp && (udp || group.type === 'LoadBalance');
  }
  return { leaf, node: end.node, chains, providerChains, udp, hops: [...hops, ...end.hops] };
}
