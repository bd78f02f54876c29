import type { StatisticsKind, StatisticsTop } from '@sluice/api/native/types';
import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { type MessageKey, useText } from '../../text/text.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { EmptyState, Panel } from '../../ui/panel.tsx';
import { type Period, pastOf } from './period.ts';

const SHOWN_ROWS = 10;

const TITLES: Readonly<Record<StatisticsKind, MessageKey>> = {
  client: 'statistics.client',
  host: 'statistics.host',
  rule: 'statistics.rule',
  outbound: 'statistics.outbound',
};

/** What moved most bytes, with bars in proportion. */
export function TopList({ by, period }: { readonly by: StatisticsKind; readonly period: Period }) {
  const { t } = useText();
  const top = useQuery({
    queryKey: ['statistics', 'top', by, period],
    queryFn: () =>
      call<StatisticsTop>('GET', '/route/statistics/top', {
        query: { by, ...pastOf(period), limit: SHOWN_ROWS },
      }),
    refetchInterval: 30_000,
  });
  const rows = top.data?.rows;
  const most = Math.max(
    1,
    ...(rows ?? []).map(({ uploadBytes, downloadBytes }) => uploadBytes + downloadBytes),
  );
  return (
    <Panel title={t(TITLES[by])}>
      {rows === undefined && <Awaiting query={top} />}
      {rows?.length === 0 && <EmptyState title={t('statistics.empty')} />}
      <ol className="flex flex-col gap-2 p-3.5">
        {rows?.map((row) => (
          <Row key={row.key} row={row} share={(row.uploadBytes + row.downloadBytes) / most} />
        ))}
      </ol>
    </Panel>
  );
}

function Row({ row, share }: { readonly row: StatisticsTop['rows'][number]; readonly share: number }) {
  const { t, format } = useText();
  return (
    <li>
      <div className="flex items-baseline gap-3 tabular-nums">
        <span className="min-w-0 flex-1 truncate" title={row.key}>
          {row.key || '–'}
        </span>
        <span
          className="whitespace-nowrap text-soft"
          title={t('statistics.connections', { number: format.number(row.connections) })}
        >
          ↓ {format.bytes(row.downloadBytes)} · ↑ {format.bytes(row.uploadBytes)}
        </span>
      </div>
      <div className="mt-1 h-1 rounded-full bg-raised" aria-hidden="true">
        <div className="h-full rounded-full bg-accent" style={{ width: `${Math.max(0.5, share * 100)}%` }} />
      </div>
    </li>
  );
}
