import { GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { OutboundView, RouteControl } from '@sluice/route/port';
import type { ParameterDoc } from '../openapi.ts';
import { asString, decodeFirstJson, membersOf } from './body.ts';
import { parseDelayQuery } from './delay-query.ts';
import type { ClashOptions } from './options.ts';
import type { ClashRow } from './table.ts';
import { proxyObject } from './views.ts';
import { BODY_INVALID, json, message, NO_CONTENT, NOT_FOUND, TIMEOUT } from './wire.ts';

/** The query of every delay test. */
export const DELAY_QUERY: Readonly<Record<string, ParameterDoc>> = {
  url: { description: 'http or https URL to measure' },
  timeout: { description: 'Milliseconds', required: true, schema: { type: 'integer' } },
  expected: { description: 'Status set such as `200/204` or `200-299`' },
};

/** Looks a name up as decoded once, then, as the reference does, decoded twice. */
export function findOutbound(route: RouteControl, name: string): OutboundView | undefined {
  const once = route.outbound(name);
  if (once !== undefined || !name.includes('%')) return once;
  try {
    return route.outbound(decodeURIComponent(name));
  } catch {
    // A name such as `50% off` has no second decoding.
    return undefined;
  }
}

/** Runs one delay test and words its outcome. */
export async function answerDelay(
  route: RouteControl,
  name: string,
  query: URLSearchParams,
): Promise<HttpReply> {
  const { url, timeoutMs, expectedStatus } = parseDelayQuery(query, 16);
  if (timeoutMs <= 0) return TIMEOUT;
  try {
    const delay = await route.testDelay(name, url, timeoutMs, expectedStatus);
    return delay === 0 ? DELAY_FAILED : json({ delay });
  } catch (error) {
    return isTimeout(error) ? TIMEOUT : DELAY_FAILED;
  }
}

const DELAY_FAILED = message(503, 'An error occurred in the delay test');

function isTimeout(error: unknown): boolean {
  return error instanceof GatewayError && error.kind === 'timeout';
}

/** `/proxies` and `/group`. */
export function proxyRows(options: ClashOptions): readonly ClashRow[] {
  return [...proxiesRows(options.route), ...groupRows(options.route)];
}

function proxiesRows(route: RouteControl): readonly ClashRow[] {
  const exists = (params: Readonly<Record<string, string>>) =>
    findOutbound(route, params.name ?? '') !== undefined;
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
        json({ proxies: new Map(route.outbounds().map((view) => [view.name, proxyObject(view)])) }),
    },
    {
      ...item,
      method: 'GET',
      summary: 'One outbound or group',
      replies: { 200: { description: 'The proxy object' }, ...missing },
      answer: ({ params }) => withOutbound(route, params, (view) => json(proxyObject(view))),
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
      answer: ({ params, body }) => withOutbound(route, params, (view) => select(route, view, body)),
    },
    {
      ...item,
      method: 'DELETE',
      summary: 'Return a group to automatic choice',
      replies: { 400: { description: 'The group has no automatic choice' }, ...missing },
      answer: () => BODY_INVALID,
    },
    {
      method: 'GET',
      path: '/proxies/:name/delay',
      area: 'mounted',
      exists,
      summary: 'Measure the delay through an outbound',
      query: DELAY_QUERY,
      replies: {
        200: { description: '`delay` in milliseconds' },
        503: { description: 'The test failed' },
        504: { description: 'The test took too long' },
        ...missing,
      },
      answer: ({ params, query }) =>
        withOutbound(route, params, (view) => answerDelay(route, view.name, query)),
    },
  ];
}

function groupRows(route: RouteControl): readonly ClashRow[] {
  const isGroup = (params: Readonly<Record<string, string>>) =>
    findOutbound(route, params.name ?? '')?.group !== undefined;
  const missing = { 404: { description: 'No such group' } };
  return [
    {
      method: 'GET',
      path: '/group',
      area: 'mounted',
      trailingSlash: true,
      summary: 'All groups as a list',
      replies: { 200: { description: '`proxies`, a list of groups' } },
      answer: () =>
        json({
          proxies: route
            .outbounds()
            .filter((view) => view.group !== undefined)
            .map(proxyObject),
        }),
    },
    {
      method: 'GET',
      path: '/group/:name',
      area: 'mounted',
      trailingSlash: true,
      exists: isGroup,
      summary: 'One group',
      replies: { 200: { description: 'The group object' }, ...missing },
      answer: ({ params }) => withOutbound(route, params, (view) => json(proxyObject(view))),
    },
    {
      method: 'GET',
      path: '/group/:name/delay',
      area: 'mounted',
      exists: isGroup,
      summary: 'Measure the delay through every member',
      query: DELAY_QUERY,
      replies: {
        200: { description: 'Milliseconds by member' },
        504: { description: 'No member answered' },
        ...missing,
      },
      answer: ({ params, query }) =>
        withOutbound(route, params, (view) => answerGroupDelay(route, view.name, query)),
    },
  ];
}

function withOutbound(
  route: RouteControl,
  params: Readonly<Record<string, string>>,
  answer: (view: OutboundView) => HttpReply | Promise<HttpReply>,
): HttpReply | Promise<HttpReply> {
  const view = findOutbound(route, params.name ?? '');
  return view === undefined ? NOT_FOUND : answer(view);
}

const SELECT_REFUSALS: Readonly<Record<string, HttpReply>> = {
  'route.not-a-group': message(400, 'Must be a Selector'),
  'route.not-a-member': message(400, 'Selector update error: proxy not exist'),
  'route.outbound-not-found': NOT_FOUND,
};

function select(route: RouteControl, view: OutboundView, body: Buffer | undefined): HttpReply {
  const decoded = decodeFirstJson(body);
  const member = decoded === null ? '' : asString(membersOf(decoded).get('name') ?? '');
  try {
    route.select(view.name, member);
  } catch (error) {
    const refusal = error instanceof GatewayError ? SELECT_REFUSALS[error.code] : undefined;
    if (refusal === undefined) throw error;
    return refusal;
  }
  return NO_CONTENT;
}

async function answerGroupDelay(
  route: RouteControl,
  name: string,
  query: URLSearchParams,
): Promise<HttpReply> {
  const { url, timeoutMs, expectedStatus } = parseDelayQuery(query, 32);
  if (timeoutMs <= 0) return GROUP_TIMEOUT;
  try {
    const delays = await route.testGroupDelay(name, url, timeoutMs, expectedStatus);
    return delays.size === 0 ? GROUP_TIMEOUT : json(delays);
  } catch (error) {
    if (isTimeout(error)) return GROUP_TIMEOUT;
    throw error;
  }
}

const GROUP_TIMEOUT = message(504, 'get delay: all proxies timeout');
