import { GatewayError } from '@sluice/base/errors';
import type { RuleView } from '@sluice/route/port';
import Type from 'typebox';
import type { NativeDependencies } from '../dependencies.ts';
import { connectionOf, outboundOf, ruleOf } from '../mapping.ts';
import {
  ConnectionsBody,
  DelayResultBody,
  DelayTestBody,
  Done,
  OutboundsBody,
  Removed,
  RuleBody,
  RulePatchBody,
  RulesBody,
  SelectionBody,
} from '../schemas.ts';
import { type NativeRoute, type NativeStream, route, stream } from '../table.ts';
import type { Connections } from '../types.ts';
import {
  DEFAULT_TEST_TIMEOUT_MS,
  DEFAULT_TEST_URL,
  DONE,
  IdParams,
  IntervalQuery,
  NameParams,
  ROW_LIMIT,
  repeat,
} from './common.ts';

const RulesQuery = Type.Object({
  filter: Type.Optional(
    Type.String({ maxLength: 500, description: 'only rules with this in type, payload or target' }),
  ),
  offset: Type.Optional(Type.Integer({ minimum: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
});

const OutboundsQuery = Type.Object({
  nodes: Type.Optional(
    Type.Boolean({ description: 'true: also the nodes of proxy providers, after everything else' }),
  ),
});

const DEFAULT_RULES = 1000;

export function routeRoutes({ route: control, clock }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/connections',
      summary: 'Open connections, newest first',
      reply: ConnectionsBody,
      handle: () => connectionsOf(control, clock),
    }),
    route({
      method: 'DELETE',
      path: '/connections',
      summary: 'Closes every connection',
      reply: Removed,
      handle() {
        const removed = control.connections().length;
        control.closeAllConnections();
        return { removed };
      },
    }),
    route({
      method: 'DELETE',
      path: '/connections/:id',
      summary: 'Closes one connection',
      params: IdParams,
      reply: Done,
      handle({ params }) {
        if (!control.closeConnection(params.id)) {
          throw new GatewayError(
            'not-found',
            'route.connection-not-found',
            `no connection ${params.id} is open`,
          );
        }
        return DONE;
      },
    }),
    route({
      method: 'GET',
      path: '/outbounds',
      summary: 'Built-in and configured outbounds, then groups',
      query: OutboundsQuery,
      reply: OutboundsBody,
      handle({ query }) {
        const nodes = query.nodes === true ? providerNodes(control) : [];
        return { outbounds: [...control.outbounds(), ...nodes].map(outboundOf) };
      },
    }),
    route({
      method: 'PUT',
      path: '/outbounds/:name/selection',
      summary: 'Chooses the member of a group',
      params: NameParams,
      body: SelectionBody,
      reply: Done,
      async handle({ params, body }) {
        await control.select(params.name, body.member);
        return DONE;
      },
    }),
    route({
      method: 'DELETE',
      path: '/outbounds/:name/selection',
      summary: 'Lets a url-test or fallback group choose again by itself',
      params: NameParams,
      reply: Done,
      handle({ params }) {
        control.clearFixed(params.name);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/outbounds/:name/delay',
      summary: 'Measures the delay of an outbound, or of every member of a group',
      params: NameParams,
      body: DelayTestBody,
      reply: DelayResultBody,
      handle: ({ params, body }) => measureDelay(control, params.name, body),
    }),
    route({
      method: 'GET',
      path: '/rules',
      summary: 'The routing rules in order',
      query: RulesQuery,
      reply: RulesBody,
      handle({ query }) {
        const all = control.rules();
        const keyword = (query.filter ?? '').toLowerCase();
        const rules = keyword === '' ? all : all.filter((rule) => ruleText(rule).includes(keyword));
        const offset = query.offset ?? 0;
        return {
          total: all.length,
          rules: rules.slice(offset, offset + (query.limit ?? DEFAULT_RULES)).map(ruleOf),
        };
      },
    }),
    route({
      method: 'PATCH',
      path: '/rules/:index',
      summary: 'Switches a rule off or on until the next reload',
      params: Type.Object({ index: Type.Integer({ minimum: 0 }) }),
      body: RulePatchBody,
      reply: RuleBody,
      handle({ params, body }) {
        const rule = control.rules()[params.index];
        if (rule === undefined) {
          throw new GatewayError('not-found', 'route.rule-not-found', `there is no rule ${params.index}`);
        }
        control.setRulesDisabled(new Map([[params.index, body.disabled]]));
        return ruleOf({ ...rule, disabled: body.disabled });
      },
    }),
  ];
}

export function routeStreams({ route: control, clock }: NativeDependencies): NativeStream[] {
  return [
    stream({
      path: '/connections/stream',
      summary: 'Open connections, at once and then every interval',
      query: IntervalQuery,
      item: ConnectionsBody,
      open: (query, push) => repeat(clock, query.intervalMs, () => push(connectionsOf(control, clock))),
    }),
  ];
}

function connectionsOf(
  control: NativeDependencies['route'],
  clock: NativeDependencies['clock'],
): Connections {
  const views = control.connections();
  const newest = views.toSorted((a, b) => b.startMs - a.startMs).slice(0, ROW_LIMIT);
  return { timeMs: clock.now(), total: views.length, connections: newest.map(connectionOf) };
}

function ruleText({ type, payload, proxy }: RuleView): string {
  return `${type} ${payload} ${proxy}`.toLowerCase();
}

/** Nodes of the configured providers; the implicit ones hold what is listed already. */
function providerNodes({ providers }: NativeDependencies['route']) {
  return providers
    .proxyProviders()
    .filter(({ vehicleType }) => vehicleType !== 'Compatible')
    .flatMap(({ proxies }) => proxies);
}

async function measureDelay(
  control: NativeDependencies['route'],
  name: string,
  test: { url?: string; timeoutMs?: number; expectedStatus?: string },
): Promise<{ delaysMs: Record<string, number> }> {
  const view = control.outbound(name);
  if (view === undefined) {
    throw new GatewayError('not-found', 'route.outbound-not-found', `there is no outbound named "${name}"`);
  }
  const url = test.url || view.group?.testUrl || DEFAULT_TEST_URL;
  const timeoutMs = test.timeoutMs ?? DEFAULT_TEST_TIMEOUT_MS;
  const expectedStatus = test.expectedStatus ?? view.group?.expectedStatus ?? '';
  const delays =
    view.group === undefined
      ? new Map([[name, await control.testDelay(name, url, timeoutMs, expectedStatus)]])
      : await control.testGroupDelay(name, url, timeoutMs, expectedStatus);
  return { delaysMs: Object.fromEntries(delays) };
}
