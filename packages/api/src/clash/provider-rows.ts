import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { OutboundView, ProviderControl, ProxyProviderView, RuleProviderView } from '@sluice/route/port';
import { answerDelay, DELAY_QUERY, DELAY_REPLIES } from './delay-answer.ts';
import { findNamed } from './names.ts';
import type { ClashOptions } from './options.ts';
import type { ClashRow, PathParams } from './table.ts';
import { proxyObject, proxyProviderObject, ruleProviderObject } from './views.ts';
import { json, message, NO_CONTENT, NOT_FOUND } from './wire.ts';

const MISSING = { 404: { description: 'No such provider or node' } };
const REFRESH_REPLIES = {
  204: { description: 'Refreshed' },
  503: { description: 'The source could not be read; what was there stays' },
  ...MISSING,
};

/** `/providers/proxies` and `/providers/rules`. */
export function providerRows({ route: { providers } }: ClashOptions): readonly ClashRow[] {
  return [...proxyProviderRows(providers), ...nodeRows(providers), ...ruleProviderRows(providers)];
}

function proxyProviderRows(providers: ProviderControl): readonly ClashRow[] {
  const find = ({ provider = '' }: PathParams): ProxyProviderView | undefined =>
    findNamed(provider, (name) => providers.proxyProvider(name));
  const exists = (params: PathParams) => find(params) !== undefined;
  const item = {
    path: '/providers/proxies/:provider',
    area: 'mounted',
    trailingSlash: true,
    exists,
  } as const;
  return [
    {
      method: 'GET',
      path: '/providers/proxies',
      area: 'mounted',
      trailingSlash: true,
      summary: 'All proxy providers by name',
      replies: { 200: { description: '`providers`, an object by name' } },
      answer: () => json({ providers: byName(providers.proxyProviders(), proxyProviderObject) }),
    },
    {
      ...item,
      method: 'GET',
      summary: 'One proxy provider',
      replies: { 200: { description: 'The provider' }, ...MISSING },
      answer: ({ params }) => {
        const view = find(params);
        return view === undefined ? NOT_FOUND : json(proxyProviderObject(view));
      },
    },
    {
      ...item,
      method: 'PUT',
      summary: 'Refresh a proxy provider',
      replies: REFRESH_REPLIES,
      answer: ({ params }) => refresh(find(params), (name) => providers.updateProxyProvider(name)),
    },
    {
      method: 'GET',
      path: '/providers/proxies/:provider/healthcheck',
      area: 'mounted',
      exists,
      summary: "Test every node against the provider's URLs",
      replies: { 204: { description: 'All tests have ended, whatever their results' }, ...MISSING },
      answer: async ({ params }) => {
        const view = find(params);
        if (view === undefined) return NOT_FOUND;
        await checkHealth(providers, view.name);
        return NO_CONTENT;
      },
    },
  ];
}

function nodeRows(providers: ProviderControl): readonly ClashRow[] {
  const find = ({ provider = '', name = '' }: PathParams) =>
    findNamed(provider, (decoded) =>
      findNamed(name, (node): readonly [string, OutboundView] | undefined => {
        const view = providers.providerOutbound(decoded, node);
        return view === undefined ? undefined : [decoded, view];
      }),
    );
  const exists = (params: PathParams) => find(params) !== undefined;
  return [
    {
      method: 'GET',
      path: '/providers/proxies/:provider/:name',
      area: 'mounted',
      trailingSlash: true,
      exists,
      summary: 'One node of a provider',
      replies: { 200: { description: 'The proxy object' }, ...MISSING },
      answer: ({ params }) => {
        const [, view] = find(params) ?? [];
        return view === undefined ? NOT_FOUND : json(proxyObject(view));
      },
    },
    {
      method: 'GET',
      path: '/providers/proxies/:provider/:name/healthcheck',
      area: 'mounted',
      exists,
      summary: 'Measure the delay through one node',
      query: DELAY_QUERY,
      replies: { ...DELAY_REPLIES, ...MISSING },
      answer: ({ params, query }) => {
        const found = find(params);
        if (found === undefined) return NOT_FOUND;
        const [provider, { name }] = found;
        return answerDelay(query, (url, timeoutMs, expectedStatus) =>
          providers.testProviderDelay(provider, name, url, timeoutMs, expectedStatus),
        );
      },
    },
  ];
}

function ruleProviderRows(providers: ProviderControl): readonly ClashRow[] {
  const find = ({ provider = '' }: PathParams): RuleProviderView | undefined =>
    findNamed(provider, (name) => providers.ruleProvider(name));
  const exists = (params: PathParams) => find(params) !== undefined;
  const item = { path: '/providers/rules/:provider', area: 'mounted', trailingSlash: true, exists } as const;
  return [
    {
      method: 'GET',
      path: '/providers/rules',
      area: 'mounted',
      trailingSlash: true,
      summary: 'All rule providers by name',
      replies: { 200: { description: '`providers`, an object by name' } },
      answer: () => json({ providers: byName(providers.ruleProviders(), ruleProviderObject) }),
    },
    {
      ...item,
      method: 'GET',
      summary: 'One rule provider',
      replies: { 200: { description: 'The provider' }, ...MISSING },
      answer: ({ params }) => {
        const view = find(params);
        return view === undefined ? NOT_FOUND : json(ruleProviderObject(view));
      },
    },
    {
      ...item,
      method: 'PUT',
      summary: 'Refresh a rule provider',
      replies: REFRESH_REPLIES,
      answer: ({ params }) => refresh(find(params), (name) => providers.updateRuleProvider(name)),
    },
  ];
}

function byName<T extends { readonly name: string }>(
  views: readonly T[],
  objectOf: (view: T) => object,
): ReadonlyMap<string, object> {
  return new Map(views.map((view) => [view.name, objectOf(view)]));
}

async function refresh(
  view: { readonly name: string } | undefined,
  update: (name: string) => Promise<void>,
): Promise<HttpReply> {
  if (view === undefined) return NOT_FOUND;
  try {
    await update(view.name);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.kind === 'not-found' ? NOT_FOUND : message(503, errorText(error));
  }
  return NO_CONTENT;
}

async function checkHealth(providers: ProviderControl, name: string): Promise<void> {
  try {
    await providers.checkProxyProvider(name);
  } catch (error) {
    // Failures are recorded on the nodes; that none answered is a result, not an error.
    if (!(error instanceof GatewayError)) throw error;
  }
}
