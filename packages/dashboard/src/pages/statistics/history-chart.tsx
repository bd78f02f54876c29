import type { StatisticsTimeline } from '@sluice/api/native/types';
import { useMemo } from 'react';
import { useText } from '../../text/text.ts';
import { TimeChart } from '../../ui/time-chart.tsx';
import { isByDay, type Period, stepsOf } from './period.ts';

const HEIGHT_PX = 240;

/** Bytes hour by hour or, over longer periods, day by day. */
export function HistoryChart({
  timeline,
  period,
}: {
  readonly timeline: StatisticsTimeline;
  readonly period: Period;
}) {
  const { t, format } = useText();
  const points = useMemo(() => {
    const steps = stepsOf(timeline, period);
    const last = steps.at(-1);
    // The step that is under way ends now.
    return last === undefined ? steps : [...steps, { ...last, timeMs: timeline.toMs }];
  }, [timeline, period]);
  const texts = useMemo(
    () => ({
      valueText: (value: number) => format.bytes(value),
      timeText: (timeMs: number) => (period === '24' ? format.clock(timeMs) : format.day(timeMs)),
      momentText: (timeMs: number) =>
        isByDay(period)
          ? `${format.day(timeMs)} · ${t('statistics.byDay')}`
          : `${format.day(timeMs)} ${format.clock(timeMs)} · ${t('statistics.byHour')}`,
    }),
    [format, period, t],
  );
  return (
    <TimeChart
      stepped
      points={points}
      fromMs={points[0]?.timeMs ?? timeline.fromMs}
      toMs={timeline.toMs}
      heightPx={HEIGHT_PX}
      {...texts}
    />
  );
}
