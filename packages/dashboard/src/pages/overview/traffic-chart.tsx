import type { OverviewSample } from '@sluice/api/native/types';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useStore } from '../../lib/store.ts';
import { shownTheme } from '../../lib/theme.ts';
import { useText } from '../../text/text.ts';

const HEIGHT_PX = 280;

/** Download and upload over the last minutes, with the figures under the pointer. */
export function TrafficChart({
  history,
  seconds,
}: {
  readonly history: readonly OverviewSample[];
  readonly seconds: number;
}) {
  const { t, format } = useText();
  const theme = useStore(shownTheme);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const [pointed, setPointed] = useState<number>();

  const shown = useMemo(() => history.slice(-seconds), [history, seconds]);
  const data = useMemo<uPlot.AlignedData>(
    () => [
      shown.map((sample) => sample.timeMs / 1000),
      shown.map((sample) => sample.traffic.downBytesPerSecond),
      shown.map((sample) => sample.traffic.upBytesPerSecond),
    ],
    [shown],
  );
  const newestData = useRef(data);
  newestData.current = data;
  const span = useRef(seconds);
  span.current = seconds;

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read from the page, which the theme changes
  useEffect(() => {
    const box = host.current;
    if (box === null) return undefined;
    const plot = new uPlot(
      {
        width: box.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        padding: [12, 12, 0, 0],
        scales: {
          x: {
            range: () => {
              const end = newestData.current[0].at(-1) ?? Date.now() / 1000;
              return [end - span.current, end];
            },
          },
          y: { range: (_plot, _min, max) => [0, Math.max(1000, (max ?? 0) * 1.1)] },
        },
        axes: [
          axis({ values: (_plot, splits) => splits.map((split) => format.time(split * 1000)), space: 90 }),
          axis({ values: (_plot, splits) => splits.map((split) => format.rate(split)), size: 82 }),
        ],
        series: [{}, line('--down'), line('--up')],
        hooks: { setCursor: [(plot) => setPointed(plot.cursor.idx ?? undefined)] },
      },
      newestData.current,
      box,
    );
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [theme, format]);

  useEffect(() => chart.current?.setData(data), [data]);

  const read = pointed === undefined ? shown.at(-1) : (shown[pointed] ?? shown.at(-1));
  return (
    <div className="flex flex-col">
      <div className="flex flex-wrap items-center gap-x-5 px-3.5 pt-2.5 text-soft tabular-nums">
        <Key
          colour="bg-down"
          name={t('overview.download')}
          value={read && format.rate(read.traffic.downBytesPerSecond)}
        />
        <Key
          colour="bg-up"
          name={t('overview.upload')}
          value={read && format.rate(read.traffic.upBytesPerSecond)}
        />
        <span className="ml-auto text-faint">{read && format.time(read.timeMs)}</span>
      </div>
      <div ref={host} className="min-w-0 px-1 pb-1" style={{ height: HEIGHT_PX + 4 }} />
    </div>
  );
}

function Key(props: { readonly colour: string; readonly name: string; readonly value: string | undefined }) {
  return (
    <span className="flex items-center gap-1.5">
      <span className={`h-0.5 w-3 rounded ${props.colour}`} />
      {props.name}
      <strong className="min-w-20 font-semibold text-ink">{props.value}</strong>
    </span>
  );
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(own: uPlot.Axis): uPlot.Axis {
  const line = colourOf('--line');
  return {
    stroke: colourOf('--faint'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    ...own,
  };
}

function line(colour: string): uPlot.Series {
  const stroke = colourOf(colour);
  return { stroke, width: 1.5, fill: `${stroke}1f`, points: { show: false } };
}
