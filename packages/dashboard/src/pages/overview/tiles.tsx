import type { OverviewSample } from '@sluice/api/native/types';
import { Link } from '@tanstack/react-router';
import { useText } from '../../text/text.ts';
import { Sparkline } from '../../ui/sparkline.tsx';

type Tile = {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly to?: string;
  readonly tone: string;
  readonly of: (sample: OverviewSample) => number;
};

/** The figures of this second, each with its last two minutes. */
export function Tiles({ history }: { readonly history: readonly OverviewSample[] }) {
  const { t, format } = useText();
  const now = history.at(-1);
  const recent = history.slice(-120);
  const text = (of: (sample: OverviewSample) => string) => (now === undefined ? '–' : of(now));
  const tiles: readonly Tile[] = [
    {
      label: t('overview.download'),
      value: text(({ traffic }) => format.rate(traffic.downBytesPerSecond)),
      note: text(({ traffic }) => t('overview.total', { size: format.bytes(traffic.downTotalBytes) })),
      tone: 'text-down',
      of: ({ traffic }) => traffic.downBytesPerSecond,
    },
    {
      label: t('overview.upload'),
      value: text(({ traffic }) => format.rate(traffic.upBytesPerSecond)),
      note: text(({ traffic }) => t('overview.total', { size: format.bytes(traffic.upTotalBytes) })),
      tone: 'text-up',
      of: ({ traffic }) => traffic.upBytesPerSecond,
    },
    {
      label: t('nav.connections'),
      value: text(({ counts }) => format.number(counts.connections)),
      note: t('overview.openNow'),
      to: '/connections',
      tone: 'text-accent',
      of: ({ counts }) => counts.connections,
    },
    {
      label: t('overview.exchanges'),
      value: text(({ counts }) => format.number(counts.exchanges)),
      note: t('overview.stored'),
      to: '/capture',
      tone: 'text-accent',
      of: ({ counts }) => counts.exchanges,
    },
    {
      label: t('nav.streams'),
      value: text(({ counts }) => format.number(counts.streams)),
      note: text(({ counts }) => t('overview.viewers', { number: format.number(counts.viewers) })),
      to: '/streams',
      tone: 'text-accent',
      of: ({ counts }) => counts.streams,
    },
    {
      label: t('overview.memory'),
      value: text(({ memory }) => format.bytes(memory.rssBytes)),
      note: text(({ memory }) => t('overview.heap', { size: format.bytes(memory.heapUsedBytes) })),
      tone: 'text-faint',
      of: ({ memory }) => memory.rssBytes,
    },
  ];
  return (
    <dl className="grid grid-cols-2 gap-3 md:grid-cols-3 md:gap-4 xl:grid-cols-6">
      {tiles.map((tile) => (
        <div
          key={tile.label}
          className="relative flex min-w-0 flex-col rounded-lg border border-line bg-panel px-3.5 pt-2.5 pb-2 has-[a:hover]:border-faint"
        >
          <dt className="text-soft">
            {tile.to === undefined ? (
              tile.label
            ) : (
              <Link to={tile.to} className="after:absolute after:inset-0 after:rounded-lg">
                {tile.label}
              </Link>
            )}
          </dt>
          <dd className="truncate font-semibold text-lg tabular-nums md:text-xl">{tile.value}</dd>
          <dd className="truncate text-faint text-xs tabular-nums">{tile.note}</dd>
          <dd className={`mt-1.5 ${tile.tone}`} aria-hidden="true">
            <Sparkline values={recent.map(tile.of)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
