import type { OverviewSample } from '@sluice/api/native/types';
import { useMemo } from 'react';
import { useText } from '../../text/text.ts';
import { TimeChart } from '../../ui/time-chart.tsx';

const HEIGHT_PX = 280;

/** Download and upload over the last minutes. */
export function TrafficChart({
  history,
  seconds,
}: {
  readonly history: readonly OverviewSample[];
  readonly seconds: number;
}) {
  const { format } = useText();
  const points = useMemo(
    () =>
      history.slice(-seconds).map(({ timeMs, traffic }) => ({
        timeMs,
        down: traffic.downBytesPerSecond,
        up: traffic.upBytesPerSecond,
      })),
    [history, seconds],
  );
  const texts = useMemo(
    () => ({
      valueText: (value: number) => format.rate(value),
      timeText: (timeMs: number) => format.time(timeMs),
      momentText: (timeMs: number) => format.time(timeMs),
    }),
    [format],
  );
  const toMs = points.at(-1)?.timeMs ?? Date.now();
  return (
    <TimeChart points={points} fromMs={toMs - seconds * 1000} toMs={toMs} heightPx={HEIGHT_PX} {...texts} />
  );
}
