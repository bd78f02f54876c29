import { GatewayError } from '@sluice/base/errors';
import type { Member } from '../group/node.ts';
import { memberView } from '../group/outbound-view.ts';
import type { HealthCheck } from '../health/health-check.ts';
import type { OutboundView, ProviderControl, ProxyProviderView, RuleProviderView } from '../port.ts';
import type { ProxyProvider, RuleProvider } from './provider.ts';

/** The implicit provider of a group's own members, or of everything. */
export type ImplicitProvider = {
  readonly check: Pick<HealthCheck, 'run'>;
  members(): readonly Member[];
  view(): ProxyProviderView;
};

/** What the use cases work on; asked at every call, so that a reload takes effect. */
export type ProviderControlParts = {
  readonly proxyProviders: () => ReadonlyMap<string, ProxyProvider>;
  readonly ruleProviders: () => ReadonlyMap<string, RuleProvider>;
  /** `default` first, then those named after groups. */
  readonly implicitProviders: () => ReadonlyMap<string, ImplicitProvider>;
  /** As `RouteControl.testDelay`, for one member. */
  readonly testDelay: (
    member: Member,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
  ) => Promise<number>;
};

/** The use cases of providers. */
export class LiveProviderControl implements ProviderControl {
  readonly #parts: ProviderControlParts;

  constructor(parts: ProviderControlParts) {
    this.#parts = parts;
  }

  proxyProviders(): readonly ProxyProviderView[] {
    const configured = this.#parts.proxyProviders();
    const implicit = [...this.#parts.implicitProviders()].filter(([name]) => !configured.has(name));
    return [
      ...[...configured.values()].map((provider) => this.#view(provider)),
      ...implicit.map(([, provider]) => provider.view()),
    ];
  }

  proxyProvider(name: string): ProxyProviderView | undefined {
    const provider = this.#parts.proxyProviders().get(name);
    if (provider !== undefined) return this.#view(provider);
    return this.#parts.implicitProviders().get(name)?.view();
  }

  async updateProxyProvider(name: string): Promise<void> {
    const provider = this.#parts.proxyProviders().get(name);
    if (provider === undefined && !this.#parts.implicitProviders().has(name)) throw unknownProvider(name);
    await provider?.update();
  }

  async checkProxyProvider(name: string): Promise<void> {
    const provider = this.#parts.proxyProviders().get(name);
    if (provider !== undefined) return provider.check.run();
    const implicit = this.#parts.implicitProviders().get(name);
    if (implicit === undefined) throw unknownProvider(name);
    return implicit.check.run();
  }

  providerOutbound(provider: string, name: string): OutboundView | undefined {
    const member = this.#members(provider)?.find((each) => each.name === name);
    return member === undefined ? undefined : memberView(member);
  }

  async testProviderDelay(
    provider: string,
    name: string,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
  ): Promise<number> {
    const members = this.#members(provider);
    if (members === undefined) throw unknownProvider(provider);
    const member = members.find((each) => each.name === name);
    if (member === undefined)
      throw new GatewayError('not-found', 'route.outbound-not-found', `proxy ${name} not found`);
    return this.#parts.testDelay(member, url, timeoutMs, expectedStatus);
  }

  ruleProviders(): readonly RuleProviderView[] {
    return [...this.#parts.ruleProviders().values()].map((provider) => provider.view());
  }

  ruleProvider(name: string): RuleProviderView | undefined {
    return this.#parts.ruleProviders().get(name)?.view();
  }

  async updateRuleProvider(name: string): Promise<void> {
    const provider = this.#parts.ruleProviders().get(name);
    if (provider === undefined) throw unknownProvider(name);
    await provider.update();
  }

  #members(provider: string): readonly Member[] | undefined {
    const { proxyProviders, implicitProviders } = this.#parts;
    return proxyProviders().get(provider)?.nodes() ?? implicitProviders().get(provider)?.members();
  }

  #view(provider: ProxyProvider): ProxyProviderView {
    return { ...provider.view(), proxies: provider.nodes().map(memberView) };
  }
}

function unknownProvider(name: string): GatewayError {
  return new GatewayError('not-found', 'route.provider-not-found', `provider ${name} not found`);
}
