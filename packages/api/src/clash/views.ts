import type { FlowMetadata } from '@sluice/core/ports/flow';
import type {
  ConnectionView,
  DelaySample,
  OutboundView,
  ProxyProviderView,
  RuleProviderView,
  RuleView,
} from '@sluice/route/port';
import { formatTime, ZERO_TIME } from './wire.ts';

const DEFAULT_TEST_URL = 'https://www.gstatic.com/generate_204';

/** A proxy object; a map, so that members come out sorted by name. */
export function proxyObject(view: OutboundView): ReadonlyMap<string, unknown> {
  const members = new Map<string, unknown>([
    ['alive', view.alive],
    ['dialer-proxy', view.dialerProxy],
    [
      'extra',
      new Map(
        Object.entries(view.extra).map(([url, health]) => [
          url,
          { alive: health.alive, history: history(health.history) },
        ]),
      ),
    ],
    ['history', history(view.history)],
    ['interface', view.interfaceName],
    ['mptcp', view.mptcp],
    ['name', view.name],
    ['provider-name', view.providerName],
    ['routing-mark', view.routingMark],
    ['smux', view.smux],
    ['tfo', view.tfo],
    ['type', view.type],
    ['udp', view.udp],
    ['uot', view.uot],
    ['xudp', view.xudp],
  ]);
  const { group } = view;
  if (group === undefined) return members.set('id', view.id);
  members.set('all', group.all).set('hidden', group.hidden).set('icon', group.icon);
  if (group.now !== undefined) members.set('now', group.now);
  if (group.fixed !== undefined) members.set('fixed', group.fixed);
  if (view.type === 'Relay') return members;
  const isSelector = view.type === 'Selector';
  members.set('emptyFallback', group.emptyFallback);
  // A selector hides the usual test URL so that the dashboard's own setting applies.
  members.set('testUrl', isSelector && group.testUrl === DEFAULT_TEST_URL ? '' : group.testUrl);
  if (!isSelector) members.set('expectedStatus', group.expectedStatus);
  return members;
}

function history(samples: readonly DelaySample[]): readonly object[] {
  return samples.map(({ timeMs, delayMs }) => ({ time: formatTime(timeMs), delay: delayMs }));
}

/** A proxy provider's record. */
export function proxyProviderObject(view: ProxyProviderView): object {
  const { subscription } = view;
  return {
    name: view.name,
    type: 'Proxy',
    vehicleType: view.vehicleType,
    proxies: view.proxies.map(proxyObject),
    testUrl: view.testUrl,
    expectedStatus: view.expectedStatus,
    updatedAt: timeOrZero(view.updatedAtMs),
    subscriptionInfo:
      subscription === undefined
        ? undefined
        : {
            Upload: subscription.upload,
            Download: subscription.download,
            Total: subscription.total,
            Expire: subscription.expire,
          },
  };
}

/** A rule provider's record. */
export function ruleProviderObject(view: RuleProviderView): object {
  return {
    behavior: view.behavior,
    format: view.format,
    name: view.name,
    ruleCount: view.ruleCount,
    type: 'Rule',
    vehicleType: view.vehicleType,
    updatedAt: timeOrZero(view.updatedAtMs),
    payload: view.payload?.length === 0 ? undefined : view.payload,
  };
}

function timeOrZero(epochMs: number | undefined): string {
  return epochMs === undefined ? ZERO_TIME : formatTime(epochMs);
}

/** A rule as the list shows it. */
export function ruleObject(rule: RuleView): object {
  return {
    index: rule.index,
    type: rule.type,
    payload: rule.payload,
    proxy: rule.proxy,
    size: rule.size,
    extra: {
      disabled: rule.disabled,
      hitCount: rule.hitCount,
      hitAt: formatTime(rule.hitAtMs),
      missCount: rule.missCount,
      missAt: formatTime(rule.missAtMs),
    },
  };
}

/** A connection's record, its members in declared order. */
export function connectionObject(view: ConnectionView): object {
  return {
    id: view.id,
    metadata: metadataObject(view.metadata),
    upload: view.upload,
    download: view.download,
    start: formatTime(view.startMs),
    chains: view.chains,
    providerChains: view.providerChains,
    rule: view.rule,
    rulePayload: view.rulePayload,
  };
}

function metadataObject(metadata: Readonly<FlowMetadata>): object {
  return {
    network: metadata.network,
    type: metadata.type,
    sourceIP: metadata.sourceIp,
    destinationIP: metadata.destinationIp,
    sourceGeoIP: metadata.sourceGeoIp,
    destinationGeoIP: metadata.destinationGeoIp,
    sourceIPASN: metadata.sourceIpAsn,
    destinationIPASN: metadata.destinationIpAsn,
    sourcePort: String(metadata.sourcePort),
    destinationPort: String(metadata.destinationPort),
    inboundIP: metadata.inboundIp,
    inboundPort: String(metadata.inboundPort),
    inboundName: metadata.inboundName,
    inboundUser: metadata.inboundUser,
    rematchName: '',
    host: metadata.host,
    dnsMode: metadata.dnsMode,
    uid: metadata.uid,
    // The wire's fixed word for connections the gateway makes itself.
    process: metadata.type === 'Inner' ? 'mihomo' : metadata.process,
    processPath: metadata.processPath,
    specialProxy: metadata.specialProxy,
    specialRules: metadata.specialRules,
    remoteDestination: metadata.remoteDestination,
    dscp: metadata.dscp,
    sniffHost: metadata.sniffHost,
  };
}
