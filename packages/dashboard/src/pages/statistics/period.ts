import type { StatisticsTimeline } from '@sluice/api/native/types';
import type { TimePoint } from '../../ui/time-chart.tsx';

/** Offered periods, in hours. */
export const PERIOD_HOURS = ['24', '168', '720', '2160'] as const;
export type Period = (typeof PERIOD_HOURS)[number];

const HOUR_MS = 3_600_000;
/** Periods longer than this are shown by day. */
const LONGEST_BY_HOUR = 168;

/** The query for the time from so long ago until now. */
export function pastOf(period: Period): { readonly from: number; readonly to: number } {
  const to = Date.now();
  return { from: to - Number(period) * HOUR_MS, to };
}

export function isByDay(period: Period): boolean {
  return Number(period) > LONGEST_BY_HOUR;
}

/** One point for every hour or day (of this machine's calendar), zero where nothing moved. */
export function stepsOf({ rows, fromMs, toMs }: StatisticsTimeline, period: Period): readonly TimePoint[] {
  const startOf = isByDay(period) ? startOfDay : startOfHour;
  const sums = new Map<number, { down: number; up: number }>();
  for (let at = startOf(fromMs); at <= toMs; at = next(at, period)) sums.set(at, { down: 0, up: 0 });
  for (const row of rows) {
    const sum = sums.get(startOf(row.startMs));
    if (sum === undefined) continue;
    sum.down += row.downloadBytes;
    sum.up += row.uploadBytes;
  }
  return [...sums].map(([timeMs, sum]) => ({ timeMs, ...sum }));
}

function startOfHour(timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS) * HOUR_MS;
}

function startOfDay(timeMs: number): number {
  return new Date(timeMs).setHours(0, 0, 0, 0);
}

/** Days are 23 to 25 hours long where clocks are changed. */
function next(startMs: number, period: Period): number {
  return isByDay(period) ? startOfDay(startMs + 36 * HOUR_MS) : startMs + HOUR_MS;
}
