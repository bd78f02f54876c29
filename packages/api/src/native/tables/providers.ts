import { GatewayError } from '@sluice/base/errors';
import type { ProviderControl } from '@sluice/route/port';
import type { NativeDependencies } from '../dependencies.ts';
import { proxyProviderDetailOf, proxyProviderOf, ruleProviderOf } from '../route-mapping.ts';
import {
  ProxyProviderBody,
  ProxyProviderDetailBody,
  ProxyProvidersBody,
  RuleProviderBody,
  RuleProvidersBody,
} from '../route-schemas.ts';
import { DelayResultBody, DelayTestBody } from '../schemas.ts';
import { type NativeRoute, route } from '../table.ts';
import { DEFAULT_TEST_TIMEOUT_MS, DEFAULT_TEST_URL, NameParams, NodeParams } from './common.ts';

export function providerRoutes({ route: control }: NativeDependencies): NativeRoute[] {
  const { providers } = control;
  return [
    route({
      method: 'GET',
      path: '/providers/proxies',
      summary: 'Proxy providers, without their nodes',
      reply: ProxyProvidersBody,
      handle: () => ({ providers: providers.proxyProviders().map(proxyProviderOf) }),
    }),
    route({
      method: 'GET',
      path: '/providers/proxies/:name',
      summary: 'One proxy provider with its nodes',
      params: NameParams,
      reply: ProxyProviderDetailBody,
      handle: ({ params }) => proxyProviderDetailOf(proxyProviderNamed(providers, params.name)),
    }),
    route({
      method: 'POST',
      path: '/providers/proxies/:name/update',
      summary: 'Fetches or reads a proxy provider again',
      params: NameParams,
      reply: ProxyProviderBody,
      async handle({ params }) {
        proxyProviderNamed(providers, params.name);
        await providers.updateProxyProvider(params.name);
        return proxyProviderOf(proxyProviderNamed(providers, params.name));
      },
    }),
    route({
      method: 'POST',
      path: '/providers/proxies/:name/check',
      summary: 'Tests every node of a proxy provider; answers when all are done',
      params: NameParams,
      reply: ProxyProviderDetailBody,
      async handle({ params }) {
        proxyProviderNamed(providers, params.name);
        await providers.checkProxyProvider(params.name);
        return proxyProviderDetailOf(proxyProviderNamed(providers, params.name));
      },
    }),
    route({
      method: 'POST',
      path: '/providers/proxies/:name/nodes/:node/delay',
      summary: 'Measures the delay of one node of a proxy provider',
      params: NodeParams,
      body: DelayTestBody,
      reply: DelayResultBody,
      async handle({ params: { name, node }, body }) {
        const provider = proxyProviderNamed(providers, name);
        if (providers.providerOutbound(name, node) === undefined) {
          throw new GatewayError('not-found', 'route.outbound-not-found', `"${name}" has no node "${node}"`);
        }
        const delayMs = await providers.testProviderDelay(
          name,
          node,
          body.url || provider.testUrl || DEFAULT_TEST_URL,
          body.timeoutMs ?? DEFAULT_TEST_TIMEOUT_MS,
          body.expectedStatus ?? provider.expectedStatus,
        );
        return { delaysMs: { [node]: delayMs } };
      },
    }),
    route({
      method: 'GET',
      path: '/providers/rules',
      summary: 'Rule providers',
      reply: RuleProvidersBody,
      handle: () => ({ providers: providers.ruleProviders().map(ruleProviderOf) }),
    }),
    route({
      method: 'POST',
      path: '/providers/rules/:name/update',
      summary: 'Fetches or reads a rule provider again',
      params: NameParams,
      reply: RuleProviderBody,
      async handle({ params }) {
        ruleProviderNamed(providers, params.name);
        await providers.updateRuleProvider(params.name);
        return ruleProviderOf(ruleProviderNamed(providers, params.name));
      },
    }),
  ];
}

function proxyProviderNamed(providers: ProviderControl, name: string) {
  const view = providers.proxyProvider(name);
  if (view === undefined) throw unknownProvider('proxy', name);
  return view;
}

function ruleProviderNamed(providers: ProviderControl, name: string) {
  const view = providers.ruleProvider(name);
  if (view === undefined) throw unknownProvider('rule', name);
  return view;
}

function unknownProvider(kind: 'proxy' | 'rule', name: string): GatewayError {
  return new GatewayError(
    'not-found',
    'route.provider-not-found',
    `there is no ${kind} provider named "${name}"`,
  );
}
