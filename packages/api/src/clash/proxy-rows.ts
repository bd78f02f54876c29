import { GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { OutboundView, RouteControl } from '@sluice/route/port';
import { asString, decodeFirstJson, membersOf } from './body.ts';
import { answerDelay, DELAY_QUERY, DELAY_REPLIES } from './delay-answer.ts';
import { allProxies, type FoundProxy, findProxy } from './find-proxy.ts';
import type { ClashOptions } from './options.ts';
import type { ClashRow, PathParams } from './table.ts';
import { proxyObject } from './views.ts';
import { BODY_INVALID, json, message, NO_CONTENT, NOT_FOUND } from './wire.ts';

const NOT_A_SELECTOR = message(400, 'Must be a Selector');

const REFUSALS: Readonly<Record<string, HttpReply>> = {
  'route.not-a-group': NOT_A_SELECTOR,
  'route.not-a-member': message(400, 'Selector update error: proxy not exist'),
  'route.not-fixable': BODY_INVALID,
  'route.outbound-not-found': NOT_FOUND,
};

/** `/proxies`. */
export function proxyRows({ route }: ClashOptions): readonly ClashRow[] {
  const exists = ({ name = '' }: PathParams) => findProxy(route, name) !== undefined;
  const item = { path: '/proxies/:name', area: 'mounted', trailingSlash: true, exists } as const;
  const missing = { 404: { description: 'No such outbound' } };
  return [
    {
      method: 'GET',
      path: '/proxies',
      area: 'mounted',
      trailingSlash: true,
      summary: 'All outbounds and groups by name',
      replies: { 200: { description: '`proxies`, an object by name' } },
      answer: () =>
        json({ proxies: new Map([...allProxies(route)].map(([name, view]) => [name, proxyObject(view)])) }),
    },
    {
      ...item,
      method: 'GET',
      summary: 'One outbound or group',
      replies: { 200: { description: 'The proxy object' }, ...missing },
      answer: ({ params }) => withProxy(route, params, ({ view }) => json(proxyObject(view))),
    },
    {
      ...item,
      method: 'PUT',
      summary: 'Choose the member a group uses',
      requestSchema: { type: 'object', properties: { name: { type: 'string' } } },
      replies: {
        204: { description: 'Chosen' },
        400: { description: 'Not a group, or not one of its members' },
        ...missing,
      },
      answer: ({ params, body }) => withProxy(route, params, ({ view }) => select(route, view, body)),
    },
    {
      ...item,
      method: 'DELETE',
      summary: 'Return a group to automatic choice',
      replies: {
        204: { description: 'Returned' },
        400: { description: 'The group has no automatic choice' },
        ...missing,
      },
      answer: ({ params }) => withProxy(route, params, ({ view }) => clearFixed(route, view)),
    },
    {
      method: 'GET',
      path: '/proxies/:name/delay',
      area: 'mounted',
      exists,
      summary: 'Measure the delay through an outbound',
      query: DELAY_QUERY,
      replies: { ...DELAY_REPLIES, ...missing },
      answer: ({ params, query }) => withProxy(route, params, (found) => measure(route, found, query)),
    },
  ];
}

/** Lets a group choose by itself again, or words why it cannot. */
export function clearFixed(route: RouteControl, { name, group }: OutboundView): HttpReply {
  if (group === undefined) return BODY_INVALID;
  try {
    route.clearFixed(name);
  } catch (error) {
    return refusalOf(error);
  }
  return NO_CONTENT;
}

function withProxy(
  route: RouteControl,
  { name = '' }: PathParams,
  answer: (found: FoundProxy) => HttpReply | Promise<HttpReply>,
): HttpReply | Promise<HttpReply> {
  const found = findProxy(route, name);
  return found === undefined ? NOT_FOUND : answer(found);
}

async function select(route: RouteControl, view: OutboundView, body: Buffer | undefined): Promise<HttpReply> {
  const decoded = decodeFirstJson(body);
  const member = decoded === null ? '' : asString(membersOf(decoded).get('name') ?? '');
  // Nodes of providers are no groups, and the route plane does not know them by name alone.
  if (view.group === undefined) return NOT_A_SELECTOR;
  try {
    await route.select(view.name, member);
  } catch (error) {
    return refusalOf(error);
  }
  return NO_CONTENT;
}

function refusalOf(error: unknown): HttpReply {
  const refusal = error instanceof GatewayError ? REFUSALS[error.code] : undefined;
  if (refusal === undefined) throw error;
  return refusal;
}

function measure(
  route: RouteControl,
  { view, provider }: FoundProxy,
  query: URLSearchParams,
): Promise<HttpReply> {
  return answerDelay(query, (url, timeoutMs, expectedStatus) =>
    provider === ''
      ? route.testDelay(view.name, url, timeoutMs, expectedStatus)
      : route.providers.testProviderDelay(provider, view.name, url, timeoutMs, expectedStatus),
  );
}
