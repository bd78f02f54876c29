import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useStore } from '../lib/store.ts';
import { shownTheme } from '../lib/theme.ts';
import { useText } from '../text/text.ts';

/** Download and upload at one moment, or over one step of time. */
export type TimePoint = { readonly timeMs: number; readonly down: number; readonly up: number };

type TimeChartProps = {
  /** Oldest first. */
  readonly points: readonly TimePoint[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly heightPx: number;
  /** A step of time has one value from its start to its end; a moment is joined to the next. */
  readonly stepped?: boolean;
  readonly valueText: (value: number) => string;
  /** For the axis and, as `momentText`, for the figure under the pointer; both must be stable. */
  readonly timeText: (timeMs: number) => string;
  readonly momentText: (timeMs: number) => string;
};

/** Download and upload over time, with the figures under the pointer. */
export function TimeChart(props: TimeChartProps) {
  const { t } = useText();
  const { points, heightPx, stepped = false, valueText, timeText, momentText } = props;
  const theme = useStore(shownTheme);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const [pointed, setPointed] = useState<number>();
  const data = useMemo<uPlot.AlignedData>(
    () => [
      points.map(({ timeMs }) => timeMs / 1000),
      points.map(({ down }) => down),
      points.map(({ up }) => up),
    ],
    [points],
  );
  const newest = useRef({ data, range: [0, 1] as uPlot.Range.MinMax });
  newest.current = { data, range: [props.fromMs / 1000, props.toMs / 1000] };

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read from the page, which the theme changes
  useEffect(() => {
    const box = host.current;
    if (box === null) return undefined;
    const plot = new uPlot(
      {
        width: box.clientWidth,
        height: heightPx,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        padding: [12, 12, 0, 0],
        scales: {
          x: { range: () => newest.current.range },
          y: { range: (_plot, _min, max) => [0, Math.max(1000, (max ?? 0) * 1.1)] },
        },
        axes: [
          axis({
            values: (_plot, splits) => splits.map((split) => timeText(split * 1000)),
            space: 90,
            size: 28,
          }),
          axis({ values: (_plot, splits) => splits.map(valueText), size: 82 }),
        ],
        series: [{}, line('--down', stepped), line('--up', stepped)],
        hooks: { setCursor: [(plot) => setPointed(plot.cursor.idx ?? undefined)] },
      },
      newest.current.data,
      box,
    );
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: heightPx }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [theme, heightPx, stepped, valueText, timeText, momentText]);

  useEffect(() => chart.current?.setData(data), [data]);

  const read = pointed === undefined ? points.at(-1) : (points[pointed] ?? points.at(-1));
  return (
    <div className="flex flex-col">
      <div className="flex flex-wrap items-center gap-x-5 px-3.5 pt-2.5 text-soft tabular-nums">
        <Key colour="bg-down" name={t('overview.download')} value={read && valueText(read.down)} />
        <Key colour="bg-up" name={t('overview.upload')} value={read && valueText(read.up)} />
        <span className="ml-auto text-faint">{read && momentText(read.timeMs)}</span>
      </div>
      <div ref={host} className="min-w-0 px-1 pb-1" style={{ height: heightPx + 4 }} />
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

function line(colour: string, stepped: boolean): uPlot.Series {
  const stroke = colourOf(colour);
  const paths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    stroke,
    width: 1.5,
    fill: `${stroke}1f`,
    points: { show: false },
    ...(paths === undefined ? {} : { paths }),
  };
}
