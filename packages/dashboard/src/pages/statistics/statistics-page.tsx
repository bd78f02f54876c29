import type { Done, StatisticsKind, StatisticsTimeline } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Segmented } from '../../ui/field.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState, Panel } from '../../ui/panel.tsx';
import { HistoryChart } from './history-chart.tsx';
import { PERIOD_HOURS, type Period, pastOf } from './period.ts';
import { TopList } from './top-list.tsx';

const KINDS: readonly StatisticsKind[] = ['host', 'client', 'outbound', 'rule'];

/** What moved over days and weeks, from the history of closed connections. */
export function StatisticsPage() {
  const { t, format } = useText();
  const queries = useQueryClient();
  const [period, setPeriod] = useState<Period>('24');
  const timeline = useQuery({
    queryKey: ['statistics', 'timeline', period],
    queryFn: () => call<StatisticsTimeline>('GET', '/route/statistics/timeline', { query: pastOf(period) }),
    refetchInterval: 30_000,
  });
  const clear = async () => {
    if (!(await confirm(t('statistics.clear'), t('statistics.clearText'), t('statistics.clear')))) return;
    await act(() => call<Done>('DELETE', '/route/statistics'), t('statistics.cleared'));
    await queries.invalidateQueries({ queryKey: ['statistics'] });
  };
  const empty = timeline.data?.rows.length === 0;
  const total = (timeline.data?.rows ?? []).reduce(
    (sum, row) => ({
      down: sum.down + row.downloadBytes,
      up: sum.up + row.uploadBytes,
      connections: sum.connections + row.connections,
    }),
    { down: 0, up: 0, connections: 0 },
  );
  return (
    <ListPage
      tools={
        <>
          <Segmented
            label={t('statistics.period')}
            value={period}
            options={PERIOD_HOURS.map((value) => ({
              value,
              label:
                value === '24'
                  ? t('statistics.hours', { number: 24 })
                  : t('statistics.days', { number: Number(value) / 24 }),
            }))}
            onChange={setPeriod}
          />
          <Button
            look="danger"
            icon="trash"
            className="ml-auto"
            aria-label={t('statistics.clear')}
            onClick={() => void clear()}
          >
            <span className="hidden sm:inline">{t('statistics.clear')}</span>
          </Button>
        </>
      }
    >
      <div className="min-w-0 flex-1 overflow-auto bg-ground">
        <div className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3 md:gap-4 md:p-5">
          {timeline.data === undefined ? (
            <Awaiting query={timeline} />
          ) : empty ? (
            <EmptyState title={t('statistics.empty')}>
              <p>{t('statistics.emptyText')}</p>
            </EmptyState>
          ) : (
            <>
              <Panel
                title={t('statistics.traffic')}
                aside={
                  <span className="text-soft tabular-nums">
                    ↓ {format.bytes(total.down)} · ↑ {format.bytes(total.up)} ·{' '}
                    {t('statistics.connections', { number: format.number(total.connections) })}
                  </span>
                }
              >
                <HistoryChart timeline={timeline.data} period={period} />
              </Panel>
              <div className="grid gap-3 md:gap-4 lg:grid-cols-2">
                {KINDS.map((by) => (
                  <TopList key={by} by={by} period={period} />
                ))}
              </div>
            </>
          )}
        </div>
      </div>
    </ListPage>
  );
}
