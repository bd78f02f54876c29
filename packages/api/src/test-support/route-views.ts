import { newFlow } from '@sluice/core/ports/flow';
import type { ConnectionView, GroupView, OutboundView, RouteSettings, RuleView } from '@sluice/route/port';

/** The moment at which the fakes live. */
export const NOW_MS = Date.UTC(2026, 6, 1, 2, 30, 20, 500);
export const TEST_URL = 'https://www.gstatic.com/generate_204';

export function leaf(name: string, type: string, overrides: Partial<OutboundView> = {}): OutboundView {
  return {
    id: `id-${name}`,
    name,
    type,
    udp: true,
    uot: false,
    xudp: false,
    tfo: false,
    mptcp: false,
    smux: false,
    alive: true,
    history: [],
    extra: {},
    interfaceName: '',
    routingMark: 0,
    dialerProxy: '',
    providerName: '',
    ...overrides,
  };
}

export function group(
  name: string,
  type: string,
  all: readonly string[],
  overrides: Partial<GroupView> = {},
): OutboundView {
  return leaf(name, type, {
    group: {
      all,
      testUrl: TEST_URL,
      expectedStatus: '*',
      emptyFallback: 'COMPATIBLE',
      hidden: false,
      icon: '',
      ...overrides,
    },
  });
}

export const connection: ConnectionView = {
  id: '6f9b2c1e-7a44-4f0e-9d0b-2d1f6a1c5b7e',
  metadata: {
    ...newFlow({
      network: 'tcp',
      type: 'HTTPS',
      sourceIp: '192.168.1.2',
      sourcePort: 52341,
      host: 'example.com',
      destinationPort: 443,
      inboundIp: '192.168.1.1',
      inboundPort: 7890,
      inboundName: 'DEFAULT-MIXED',
    }),
    remoteDestination: '203.0.113.7',
  },
  upload: 10,
  download: 20,
  uploadPerSecond: 1,
  downloadPerSecond: 2,
  startMs: NOW_MS,
  chains: ['Japan', 'Proxy'],
  providerChains: ['', ''],
  rule: 'DomainSuffix',
  rulePayload: 'example.com',
  inspected: false,
};

export const settings: RouteSettings = {
  port: 0,
  socksPort: 0,
  mixedPort: 7890,
  redirPort: 0,
  tproxyPort: 0,
  authentication: [],
  skipAuthPrefixes: [],
  lanAllowedIps: ['0.0.0.0/0', '::/0'],
  lanDisallowedIps: [],
  allowLan: false,
  bindAddress: '*',
  inboundTfo: false,
  inboundMptcp: false,
  mode: 'rule',
  ipv6: false,
  tcpConcurrent: false,
  findProcessMode: 'strict',
  interfaceName: '',
  routingMark: 0,
  unifiedDelay: false,
  sniffing: false,
  geo: {
    urls: {
      geoip: 'https://geo.example/geoip.dat',
      mmdb: 'https://geo.example/country.mmdb',
      asn: 'https://geo.example/asn.mmdb',
      geosite: 'https://geo.example/geosite.dat',
    },
    autoUpdate: false,
    updateIntervalHours: 24,
    datMode: false,
    loader: 'memconservative',
    siteMatcher: 'succinct',
  },
  globalUa: 'clash.meta/v1.19.27',
  etagSupport: true,
  keepAliveIdleSeconds: 0,
  keepAliveIntervalSeconds: 0,
  disableKeepAlive: false,
  tunAddress: '198.18.0.1/30',
};

export function rule(index: number, type: string, payload: string, overrides: Partial<RuleView>): RuleView {
  return {
    index,
    type,
    payload,
    proxy: 'DIRECT',
    size: -1,
    inspect: false,
    disabled: false,
    hitCount: 0,
    hitAtMs: 0,
    missCount: 0,
    missAtMs: 0,
    ...overrides,
  };
}
