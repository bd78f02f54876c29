import { GatewayError } from '@sluice/base/errors';
import Type from 'typebox';
import type { NativeDependencies } from '../dependencies.ts';
import { sumsOf } from '../route-mapping.ts';
import { StatisticsKind, StatisticsTimelineBody, StatisticsTopBody } from '../route-schemas.ts';
import { Done } from '../schemas.ts';
import { type NativeRoute, route } from '../table.ts';
import { DONE } from './common.ts';

const DAY_MS = 86_400_000;
const DEFAULT_ROWS = 20;
const Moment = Type.Optional(
  Type.Number({ minimum: 0, maximum: 8.64e15, description: 'milliseconds since the Unix epoch' }),
);
const PeriodQuery = { from: Moment, to: Moment };

export function statisticsRoutes({ route: { statistics }, clock }: NativeDependencies): NativeRoute[] {
  const periodOf = (query: { from?: number; to?: number }) => {
    const toMs = query.to ?? clock.now();
    const fromMs = query.from ?? Math.max(0, toMs - DAY_MS);
    if (fromMs > toMs) {
      throw new GatewayError('invalid', 'api.period', `expected from before to, found ${fromMs} and ${toMs}`);
    }
    return { fromMs, toMs };
  };
  return [
    route({
      method: 'GET',
      path: '/route/statistics/top',
      summary: 'What moved most bytes over a period (the last day unless told), by closed connections',
      query: Type.Object({
        by: StatisticsKind,
        ...PeriodQuery,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
      }),
      reply: StatisticsTopBody,
      handle({ query }) {
        const period = periodOf(query);
        const rows = statistics.top({ by: query.by, ...period, limit: query.limit ?? DEFAULT_ROWS });
        return { by: query.by, ...period, rows: rows.map((row) => ({ key: row.key, ...sumsOf(row) })) };
      },
    }),
    route({
      method: 'GET',
      path: '/route/statistics/timeline',
      summary: 'Bytes and connections hour by hour over a period (the last day unless told)',
      query: Type.Object(PeriodQuery),
      reply: StatisticsTimelineBody,
      handle({ query }) {
        const period = periodOf(query);
        const rows = statistics.timeline(period.fromMs, period.toMs);
        return { ...period, rows: rows.map((row) => ({ startMs: Number(row.key), ...sumsOf(row) })) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/route/statistics',
      summary: 'Deletes the whole history from disk',
      reply: Done,
      handle() {
        statistics.clear();
        return DONE;
      },
    }),
  ];
}
