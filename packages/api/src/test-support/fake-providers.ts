import { GatewayError } from '@sluice/base/errors';
import type { OutboundView, ProviderControl, ProxyProviderView, RuleProviderView } from '@sluice/route/port';
import { leaf, NOW_MS } from './route-views.ts';

/** Providers that remember what they were asked for; `failure` makes the next refreshes fail with its text. */
export class FakeProviders implements ProviderControl {
  readonly #asked: string[];
  readonly #delay: () => number;
  proxies: ProxyProviderView[] = [
    {
      name: 'sub1',
      vehicleType: 'HTTP',
      proxies: [
        leaf('Node 1', 'Vless', { uot: true, xudp: true, providerName: 'sub1' }),
        leaf('Japan', 'Trojan', { uot: true, providerName: 'sub1' }),
        leaf('healthcheck', 'Http', { providerName: 'sub1' }),
      ],
      testUrl: 'https://t.example/204',
      expectedStatus: '200/204',
      updatedAtMs: NOW_MS,
      subscription: { upload: 1, download: 2, total: 3, expire: 4 },
      lastError: '',
    },
    {
      name: 'fresh/one',
      vehicleType: 'File',
      proxies: [],
      testUrl: '',
      expectedStatus: '*',
      updatedAtMs: undefined,
      subscription: undefined,
      lastError: 'never read',
    },
  ];
  rules: RuleProviderView[] = [
    {
      name: 'ads',
      behavior: 'Domain',
      format: 'MrsRule',
      vehicleType: 'HTTP',
      ruleCount: 300,
      updatedAtMs: NOW_MS,
      lastError: '',
    },
    {
      name: 'own',
      behavior: 'Classical',
      format: '',
      vehicleType: 'Inline',
      ruleCount: 1,
      updatedAtMs: undefined,
      payload: ['DOMAIN,a.example'],
      lastError: '',
    },
  ];
  failure = '';

  constructor(asked: string[], delay: () => number) {
    this.#asked = asked;
    this.#delay = delay;
  }

  proxyProviders(): readonly ProxyProviderView[] {
    return this.proxies;
  }

  proxyProvider(name: string): ProxyProviderView | undefined {
    return this.proxies.find((one) => one.name === name);
  }

  async updateProxyProvider(name: string): Promise<void> {
    this.#refresh('proxy provider', name);
  }

  async checkProxyProvider(name: string): Promise<void> {
    this.#asked.push(`check ${name}`);
    if (this.failure !== '') throw new GatewayError('unavailable', 'route.provider', this.failure);
  }

  providerOutbound(provider: string, name: string): OutboundView | undefined {
    return this.proxyProvider(provider)?.proxies.find((one) => one.name === name);
  }

  async testProviderDelay(
    provider: string,
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
  ): Promise<number> {
    this.#asked.push(`node-delay ${provider} ${name} ${url} ${timeoutMs} ${expectedStatus}`);
    return this.#delay();
  }

  ruleProviders(): readonly RuleProviderView[] {
    return this.rules;
  }

  ruleProvider(name: string): RuleProviderView | undefined {
    return this.rules.find((one) => one.name === name);
  }

  async updateRuleProvider(name: string): Promise<void> {
    this.#refresh('rule provider', name);
  }

  #refresh(kind: string, name: string): void {
    this.#asked.push(`refresh ${kind} ${name}`);
    if (this.failure !== '') throw new GatewayError('unavailable', 'route.provider', this.failure);
  }
}
