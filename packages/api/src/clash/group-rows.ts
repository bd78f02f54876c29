import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { OutboundView, RouteControl } from '@sluice/route/port';
import { DELAY_QUERY } from './delay-answer.ts';
import { parseDelayQuery } from './delay-query.ts';
import { findNamed } from './names.ts';
import type { ClashOptions } from './options.ts';
import { clearFixed } from './proxy-rows.ts';
import type { ClashRequest, ClashRow, PathParams } from './table.ts';
import { proxyObject } from './views.ts';
import { json, message, NOT_FOUND } from './wire.ts';

const NOBODY_ANSWERED = message(504, 'get delay: all proxies timeout');

/** `/group`. */
export function groupRows({ route }: ClashOptions): readonly ClashRow[] {
  const exists = (params: PathParams) => findGroup(route, params) !== undefined;
  const item = { path: '/group/:name', area: 'mounted', trailingSlash: true, exists } as const;
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
            .filter(({ group }) => group !== undefined)
            .map(proxyObject),
        }),
    },
    {
      ...item,
      method: 'GET',
      summary: 'One group',
      replies: { 200: { description: 'The group object' }, ...missing },
      answer: ({ params }) => withGroup(route, params, (view) => json(proxyObject(view))),
    },
    {
      ...item,
      method: 'DELETE',
      summary: 'Return a group to automatic choice, as `DELETE /proxies/{name}`',
      replies: {
        204: { description: 'Returned' },
        400: { description: 'The group has no automatic choice' },
        ...missing,
      },
      answer: ({ params }) => withGroup(route, params, (view) => clearFixed(route, view)),
    },
    {
      method: 'GET',
      path: '/group/:name/delay',
      area: 'mounted',
      exists,
      summary: 'Measure the delay through every member; a group that chooses by itself loses what was fixed',
      query: DELAY_QUERY,
      replies: {
        200: { description: 'Milliseconds by member that answered' },
        400: { description: 'A bad timeout or status set' },
        504: { description: 'No member answered' },
        ...missing,
      },
      answer: (request) => withGroup(route, request.params, (view) => measureAll(route, view, request)),
    },
  ];
}

function findGroup(route: RouteControl, { name = '' }: PathParams): OutboundView | undefined {
  return findNamed(name, (decoded) => {
    const view = route.outbound(decoded);
    return view?.group === undefined ? undefined : view;
  });
}

function withGroup(
  route: RouteControl,
  params: PathParams,
  answer: (view: OutboundView) => HttpReply | Promise<HttpReply>,
): HttpReply | Promise<HttpReply> {
  const view = findGroup(route, params);
  return view === undefined ? NOT_FOUND : answer(view);
}

async function measureAll(
  route: RouteControl,
  { name, group }: OutboundView,
  { query, aborted }: ClashRequest,
): Promise<HttpReply> {
  // What was fixed is given up even for a query that is refused afterwards.
  if (group?.fixed !== undefined) route.clearFixed(name);
  const { url, timeoutMs, expectedStatus } = parseDelayQuery(query, 32);
  if (timeoutMs <= 0) return NOBODY_ANSWERED;
  try {
    const delays = await route.testGroupDelay(name, url, timeoutMs, expectedStatus, aborted());
    return delays.size === 0 ? NOBODY_ANSWERED : json(delays);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.kind === 'timeout' ? NOBODY_ANSWERED : message(504, errorText(error));
  }
}
