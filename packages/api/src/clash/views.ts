import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { ConnectionView, DelaySample, OutboundView, RuleView } from '@sluice/route/port';
import { formatTime } from './wire.ts';

const DEFAULT_TEST_URL = 'https://www.gstatic.com/generate_204';
const EMPTY_FALLBACK = 'COMPATIBLE';
/** Types whose protocol carries UDP over TCP. */
const UDP_OVER_TCP_TYPES: ReadonlySet<string> = new Set([
  'AnyTLS',
  'Mieru',
  'Snell',
  'Sudoku',
  'Trojan',
  'TrustTunnel',
  'Vless',
  'Vmess',
]);

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
    ['mptcp', false],
    ['name', view.name],
    ['provider-name', ''],
    ['routing-mark', 0],
    ['smux', false],
    ['tfo', false],
    ['type', view.type],
    ['udp', view.udp],
    ['uot', UDP_OVER_TCP_TYPES.has(view.type)],
    ['xudp', false],
  ]);
  const { group } = view;
  if (group === undefined) return members.set('id', view.id);
  const isSelector = view.type === 'Selector';
  members
    .set('all', group.all)
    .set('hidden', group.hidden)
    .set('icon', group.icon)
    .set('emptyFallback', EMPTY_FALLBACK);
  // A selector hides the usual test URL so that the dashboard's own setting applies.
  members.set('testUrl', isSelector && group.testUrl === DEFAULT_TEST_URL ? '' : group.testUrl);
  if (view.type !== 'LoadBalance') members.set('now', group.now);
  if (!isSelector) members.set('expectedStatus', group.expectedStatus);
  return members;
}

function history(samples: readonly DelaySample[]): readonly object[] {
  return samples.map(({ timeMs, delayMs }) => ({ time: formatTime(timeMs), delay: delayMs }));
}

export function ruleObject(rule: RuleView): object {
  return {
    index: rule.index,
    type: rule.type,
    payload: rule.payload,
    proxy: rule.proxy,
    size: -1,
    extra: {
      disabled: rule.disabled,
      hitCount: rule.hitCount,
      hitAt: formatTime(rule.hitAtMs),
      // Compiled indices never evaluate a rule that cannot match, so there are no misses to count.
      missCount: 0,
      missAt: formatTime(0),
    },
  };
}

export function connectionObject(view: ConnectionView): object {
  return {
    id: view.id,
    metadata: metadataObject(view.metadata),
    upload: view.upload,
    download: view.download,
    start: formatTime(view.startMs),
    chains: view.chains,
    providerChains: view.chains.map(() => ''),
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
    sourceGeoIP: null,
    destinationGeoIP: null,
    sourceIPASN: '',
    destinationIPASN: '',
    sourcePort: String(metadata.sourcePort),
    destinationPort: String(metadata.destinationPort),
    inboundIP: metadata.inboundIp,
    inboundPort: String(metadata.inboundPort),
    inboundName: metadata.inboundName,
    inboundUser: metadata.inboundUser,
    rematchName: '',
    host: metadata.host,
    dnsMode: 'normal',
    uid: 0,
    // The wire's fixed word for connections the gateway makes itself.
    process: metadata.type === 'Inner' ? 'mihomo' : '',
    processPath: '',
    specialProxy: metadata.specialProxy,
    specialRules: '',
    remoteDestination: metadata.remoteDestination,
    dscp: 0,
    sniffHost: '',
  };
}
