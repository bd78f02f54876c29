import { GatewayError } from '@sluice/base/errors';
import type { OutboundView, RouteControl } from '@sluice/route/port';
import type { ClashOptions } from './options.ts';
import { answerDelay, DELAY_QUERY } from './proxy-rows.ts';
import type { ClashRow } from './table.ts';
import { proxyObject } from './views.ts';
import { json, NO_CONTENT, NOT_FOUND, ZERO_TIME } from './wire.ts';

const HEALTH_CHECK_TIMEOUT_MS = 5_000;
const GLOBAL = 'GLOBAL';

/** A provider that stands for a group's own list of members, or `default` for everything in the file. */
type Provider = {
  readonly name: string;
  readonly members: readonly string[];
  readonly testUrl: string;
  readonly expectedStatus: string;
};

function providersOf(route: RouteControl): readonly Provider[] {
  const providers: Provider[] = [];
  for (const { name, group } of route.outbounds()) {
    if (group === undefined) continue;
    providers.push(
      name === GLOBAL
        ? { name: 'default', members: group.all, testUrl: '', expectedStatus: '*' }
        : { name, members: group.all, testUrl: group.testUrl, expectedStatus: group.expectedStatus },
    );
  }
  return providers;
}

function findProvider(route: RouteControl, params: Readonly<Record<string, string>>): Provider | undefined {
  return providersOf(route).find(({ name }) => name === params.provider);
}

function findMember(route: RouteControl, params: Readonly<Record<string, string>>): OutboundView | undefined {
  const name = params.name ?? '';
  return findProvider(route, params)?.members.includes(name) === true ? route.outbound(name) : undefined;
}

function providerRecord(route: RouteControl, provider: Provider): object {
  return {
    name: provider.name,
    type: 'Proxy',
    vehicleType: 'Compatible',
    proxies: provider.members.flatMap((name) => {
      const view = route.outbound(name);
      return view === undefined ? [] : [proxyObject(view)];
    }),
    testUrl: provider.testUrl,
    expectedStatus: provider.expectedStatus,
    updatedAt: ZERO_TIME,
  };
}

/** `/providers/proxies` and `/providers/rules`. */
export function providerRows({ route }: ClashOptions): readonly ClashRow[] {
  const exists = (params: Readonly<Record<string, string>>) => findProvider(route, params) !== undefined;
  const hasMember = (params: Readonly<Record<string, string>>) => findMember(route, params) !== undefined;
  const item = {
    path: '/providers/proxies/:provider',
    area: 'mounted',
    trailingSlash: true,
    exists,
  } as const;
  const missing = { 404: { description: 'No such provider or member' } };
  return [
    {
      method: 'GET',
      path: '/providers/proxies',
      area: 'mounted',
      trailingSlash: true,
      summary: 'All proxy providers by name',
      replies: { 200: { description: '`providers`, an object by name' } },
      answer: () =>
        json({ providers: new Map(providersOf(route).map((one) => [one.name, providerRecord(route, one)])) }),
    },
    {
      ...item,
      method: 'GET',
      summary: 'One proxy provider',
      replies: { 200: { description: 'The provider' }, ...missing },
      answer: ({ params }) => {
        const provider = findProvider(route, params);
        return provider === undefined ? NOT_FOUND : json(providerRecord(route, provider));
      },
    },
    {
      ...item,
      method: 'PUT',
      summary: 'Refresh a provider; groups have nothing to fetch',
      replies: { 204: { description: 'Done' }, ...missing },
      answer: () => NO_CONTENT,
    },
    {
      method: 'GET',
      path: '/providers/proxies/:provider/healthcheck',
      area: 'mounted',
      exists,
      summary: "Test every member against the provider's URL",
      replies: { 204: { description: 'All tests have ended, whatever their results' }, ...missing },
      answer: async ({ params }) => {
        const provider = findProvider(route, params);
        if (provider !== undefined && provider.testUrl !== '') await healthCheck(route, provider);
        return NO_CONTENT;
      },
    },
    {
      method: 'GET',
      path: '/providers/proxies/:provider/:name',
      area: 'mounted',
      trailingSlash: true,
      exists: hasMember,
      summary: 'One member of a provider',
      replies: { 200: { description: 'The proxy object' }, ...missing },
      answer: ({ params }) => {
        const view = findMember(route, params);
        return view === undefined ? NOT_FOUND : json(proxyObject(view));
      },
    },
    {
      method: 'GET',
      path: '/providers/proxies/:provider/:name/healthcheck',
      area: 'mounted',
      exists: hasMember,
      summary: 'Measure the delay through one member',
      query: DELAY_QUERY,
      replies: {
        200: { description: '`delay` in milliseconds' },
        503: { description: 'The test failed' },
        504: { description: 'The test took too long' },
        ...missing,
      },
      answer: ({ params, query }) => answerDelay(route, params.name ?? '', query),
    },
    {
      method: 'GET',
      path: '/providers/rules',
      area: 'mounted',
      trailingSlash: true,
      summary: 'All rule providers by name',
      replies: { 200: { description: '`providers`, an object by name' } },
      answer: () => json({ providers: {} }),
    },
    {
      method: 'PUT',
      path: '/providers/rules/:provider',
      area: 'mounted',
      trailingSlash: true,
      exists: () => false,
      summary: 'Refresh a rule provider',
      replies: missing,
      answer: () => NOT_FOUND,
    },
  ];
}

async function healthCheck(route: RouteControl, provider: Provider): Promise<void> {
  try {
    await route.testGroupDelay(
      provider.name,
      provider.testUrl,
      HEALTH_CHECK_TIMEOUT_MS,
      provider.expectedStatus,
    );
  } catch (error) {
    // Failures are recorded on the members; that none answered is a result, not an error.
    if (!(error instanceof GatewayError)) throw error;
  }
}
