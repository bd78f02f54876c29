import type { FlowMetadata } from '@sluice/core/ports/flow';
import type {
  ConnectionView,
  DelaySample,
  OutboundView,
  ProxyProviderView,
  RuleProviderView,
  RuleView,
} from '@sluice/route/port';
import { formatTime, JsonText, ZERO_TIME } from './wire.ts';

const DEFAULT_TEST_URL = 'https://www.gstatic.com/generate_204';

/** A proxy object, its members sorted by name. */
export function proxyObject(view: OutboundView): JsonText {
  const { group } = view;
  const isSelector = view.type === 'Selector';
  const isRelay = view.type === 'Relay';
  return new JsonText({
    alive: view.alive,
    all: group?.all,
    'dialer-proxy': view.dialerProxy,
    emptyFallback: isRelay ? undefined : group?.emptyFallback,
    expectedStatus: isSelector || isRelay ? undefined : group?.expectedStatus,
    extra: healthByUrl(view.extra),
    fixed: group?.fixed,
    hidden: group?.hidden,
    history: history(view.history),
    icon: group?.icon,
    id: group === undefined ? view.id : undefined,
    interface: view.interfaceName,
    mptcp: view.mptcp,
    name: view.name,
    now: group?.now,
    'provider-name': view.providerName,
    'routing-mark': view.routingMark,
    smux: view.smux,
    // A selector hides the usual test URL so that the dashboard's own setting applies.
    testUrl: isRelay ? undefined : isSelector && group?.testUrl === DEFAULT_TEST_URL ? '' : group?.testUrl,
    tfo: view.tfo,
    type: view.type,
    udp: view.udp,
    uot: view.uot,
    xudp: view.xudp,
  });
}

function healthByUrl(extra: OutboundView['extra']): object {
  const entries = Object.entries(extra).map(
    ([url, { alive, history: samples }]) => [url, { alive, history: history(samples) }] as const,
  );
  return entries.length < 2 ? Object.fromEntries(entries) : new Map(entries);
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
export function connectionObject(view: ConnectionView): JsonText {
  return new JsonText({
    id: view.id,
    metadata: metadataObject(view.metadata),
    upload: view.upload,
    download: view.download,
    start: formatTime(view.startMs),
    chains: view.chains,
    providerChains: view.providerChains,
    rule: view.rule,
    rulePayload: view.rulePayload,
  });
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
    rematchName: metadata.rematchName,
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
