import type { RouteConfig } from '../config.ts';
import type { RuleResources } from '../rule/rule-resources.ts';
import { LiveProxyProvider, type ProxyProviderParts } from './live-proxy-provider.ts';
import { LiveRuleProvider, type RuleProviderParts } from './live-rule-provider.ts';
import type { ProxyProviderConfig, RuleProviderConfig } from './provider-config.ts';

/** The providers of one configuration, and which of them are new or no longer there compared with the one before. */
export type ProviderSet = {
  readonly proxy: ReadonlyMap<string, LiveProxyProvider>;
  readonly rule: ReadonlyMap<string, LiveRuleProvider>;
  readonly keys: ReadonlyMap<LiveProxyProvider | LiveRuleProvider, string>;
};

export type ProviderSetParts = {
  readonly proxy: ProxyProviderParts;
  readonly rule: Omit<RuleProviderParts, 'resources'>;
};

export const NO_PROVIDERS: ProviderSet = { proxy: new Map(), rule: new Map(), keys: new Map() };

/** The providers of a configuration; those that are written as before are the same objects, with what they have loaded. */
export function nextProviders(
  before: ProviderSet,
  config: Pick<RouteConfig, 'proxy-providers' | 'rule-providers'>,
  resolved: {
    readonly proxy: readonly ProxyProviderConfig[];
    readonly rule: readonly RuleProviderConfig[];
  },
  resources: RuleResources,
  parts: ProviderSetParts,
): ProviderSet {
  const keys = new Map<LiveProxyProvider | LiveRuleProvider, string>();
  const kept = <P extends LiveProxyProvider | LiveRuleProvider>(
    known: P | undefined,
    key: string,
    create: () => P,
  ): P => {
    const provider = known !== undefined && before.keys.get(known) === key ? known : create();
    keys.set(provider, key);
    return provider;
  };
  const proxy = resolved.proxy.map((each) => {
    const key = JSON.stringify(config['proxy-providers'][each.name]);
    return kept(before.proxy.get(each.name), key, () => new LiveProxyProvider(each, parts.proxy));
  });
  const rule = resolved.rule.map((each) => {
    const key = JSON.stringify([config['rule-providers'][each.name], resources.fakeIpBroadcast]);
    const create = () => new LiveRuleProvider(each, { ...parts.rule, resources });
    return kept(before.rule.get(each.name), key, create);
  });
  return {
    proxy: new Map(proxy.map((each) => [each.name, each])),
    rule: new Map(rule.map((each) => [each.name, each])),
    keys,
  };
}

/** Those of `set` that are not in `other`. */
export function providersBeyond(
  set: ProviderSet,
  other: ProviderSet,
): readonly (LiveProxyProvider | LiveRuleProvider)[] {
  return [...set.keys.keys()].filter((provider) => !other.keys.has(provider));
}
