import { UnavailableOutbound } from '../outbound/unavailable.ts';
import type { GroupView, OutboundView } from '../port.ts';
import { followMember } from './follow.ts';
import type { GroupNode, Member, OutboundNode } from './node.ts';

/** A member as the control API shows it. */
export function memberView(member: Member): OutboundView {
  return member.kind === 'outbound' ? outboundView(member) : groupView(member);
}

function outboundView({ id, name, outbound, health, providerName }: OutboundNode): OutboundView {
  const { type, udp, traits } = outbound;
  return {
    id,
    name,
    type,
    udp,
    ...traits,
    ...health.view(),
    providerName,
    ...(outbound instanceof UnavailableOutbound ? { unavailable: outbound.reason } : {}),
  };
}

function groupView(group: GroupNode): OutboundView {
  const { config } = group;
  const choosesEveryTime = group.type === 'LoadBalance' || group.type === 'Relay';
  const shown: GroupView = {
    all: group.members().map(({ name }) => name),
    ...(choosesEveryTime ? {} : { now: group.peek().name }),
    testUrl: config.testUrl,
    expectedStatus: config.expectedStatus,
    // After `now`: looking at a fallback forgets a fixed member that is dead.
    ...(group.fixed === undefined ? {} : { fixed: group.fixed }),
    emptyFallback: config.emptyFallback,
    hidden: config.hidden,
    icon: config.icon,
  };
  return {
    id: '',
    name: group.name,
    type: group.type,
    udp: followMember(group)?.udp ?? false,
    uot: false,
    xudp: false,
    tfo: false,
    mptcp: false,
    smux: false,
    interfaceName: config.interfaceName,
    routingMark: config.routingMark,
    dialerProxy: '',
    ...group.health.view(),
    providerName: '',
    group: shown,
  };
}
