import type { OutboundView, ProxyProviderView, RuleProviderView } from '@sluice/route/port';
import { leaf } from '../../test-support/route-views.ts';

const GIB = 1024 ** 3;

function node(name: string, type: string, nowMs: number, delays: readonly number[]): OutboundView {
  const history = delays.map((delayMs, index) => ({
    timeMs: nowMs - (delays.length - index) * 300_000,
    delayMs,
  }));
  return leaf(name, type, {
    id: name,
    providerName: 'northern-cloud',
    alive: (delays.at(-1) ?? 1) > 0,
    history,
    extra: { 'https://probe.example/video': { alive: true, history: history.slice(-3) } },
  });
}

export function proxyProviderViews(nowMs: number): ProxyProviderView[] {
  return [
    {
      name: 'northern-cloud',
      vehicleType: 'HTTP',
      proxies: [
        node('🇯🇵 Tokyo 01', 'Trojan', nowMs, [61, 64, 58, 71, 66]),
        node('🇯🇵 Tokyo 02', 'Trojan', nowMs, [92, 0, 140, 101, 96]),
        node('🇸🇬 Singapore 01', 'Vless', nowMs, [180, 175, 190, 210, 205]),
        {
          ...node('🇰🇷 Seoul 01', 'Tuic', nowMs, []),
          unavailable: 'type tuic is not served by this version',
        },
        node('🇩🇪 Frankfurt 01', 'Hysteria2', nowMs, [240, 0, 0]),
      ],
      testUrl: 'https://www.gstatic.com/generate_204',
      expectedStatus: '204',
      updatedAtMs: nowMs - 5_400_000,
      subscription: {
        upload: 12 * GIB,
        download: 141 * GIB,
        total: 200 * GIB,
        expire: Math.floor(nowMs / 1000) + 12 * 86_400,
      },
      lastError: '',
    },
    {
      name: 'reserve',
      vehicleType: 'File',
      proxies: [],
      testUrl: 'https://www.gstatic.com/generate_204',
      expectedStatus: '*',
      updatedAtMs: undefined,
      subscription: undefined,
      lastError: 'open ./providers/reserve.yaml: no such file or directory',
    },
    {
      name: 'Proxy',
      vehicleType: 'Compatible',
      proxies: [],
      testUrl: '',
      expectedStatus: '',
      updatedAtMs: undefined,
      subscription: undefined,
      lastError: '',
    },
  ];
}

export function ruleProviderViews(nowMs: number): RuleProviderView[] {
  return [
    {
      name: 'media',
      behavior: 'Domain',
      format: 'MrsRule',
      vehicleType: 'HTTP',
      ruleCount: 104_233,
      updatedAtMs: nowMs - 86_400_000,
      lastError: '',
    },
    {
      name: 'private-networks',
      behavior: 'IPCIDR',
      format: 'TextRule',
      vehicleType: 'File',
      ruleCount: 18,
      updatedAtMs: nowMs - 3 * 86_400_000,
      lastError: '',
    },
    {
      name: 'trackers',
      behavior: 'Classical',
      format: 'YamlRule',
      vehicleType: 'HTTP',
      ruleCount: 0,
      updatedAtMs: undefined,
      lastError: 'https://lists.example/trackers.yaml: status 503',
    },
    {
      name: 'own',
      behavior: 'Classical',
      format: '',
      vehicleType: 'Inline',
      ruleCount: 2,
      updatedAtMs: nowMs - 3_600_000,
      payload: ['DOMAIN,a.example', 'DST-PORT,25'],
      lastError: '',
    },
  ];
}
