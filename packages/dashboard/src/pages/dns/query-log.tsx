import type { DnsLog, DnsLogEntry } from '@sluice/api/native/types';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import type { Format } from '../../lib/format.ts';
import { type Translate, useText } from '../../text/text.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { SearchInput } from '../../ui/field.tsx';
import { EmptyState, Panel } from '../../ui/panel.tsx';

const SHOWN_ENTRIES = 500;

type Row = DnsLogEntry & { readonly key: string };
const NOTHING: readonly Row[] = [];

/** The latest questions as they come in, each with the path its answer took. */
export function QueryLog() {
  const { t, format } = useText();
  const [filter, setFilter] = useState('');
  const [paused, setPaused] = useState(false);
  const keyword = useDeferredValue(filter.trim().toLowerCase());
  const log = useQuery({
    queryKey: ['dns', 'log'],
    queryFn: () => call<DnsLog>('GET', '/dns/log', { query: { limit: SHOWN_ENTRIES } }),
    refetchInterval: paused ? false : 1500,
    enabled: !paused,
    select: rowsOf,
  });
  const all = log.data ?? NOTHING;
  const rows = useMemo(
    () => (keyword === '' ? all : all.filter((entry) => textOf(entry).includes(keyword))),
    [all, keyword],
  );
  const columns = useMemo(() => columnsOf(t, format), [t, format]);
  return (
    <Panel
      title={t('dns.log')}
      className="h-[34rem]"
      aside={
        <>
          <span className="text-soft tabular-nums">
            {t('common.shown', { shown: format.number(rows.length), total: format.number(all.length) })}
          </span>
          <SearchInput label={t('dns.filter')} value={filter} onChange={setFilter} />
          <Button icon={paused ? 'play' : 'pause'} aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {t(paused ? 'common.resume' : 'common.pause')}
          </Button>
        </>
      }
    >
      <DataTable
        label={t('dns.log')}
        rows={rows}
        rowKey={({ key }) => key}
        columns={columns}
        compact={(entry) => (
          <>
            <p className="flex items-center gap-2">
              <span className="truncate font-medium">{entry.name}</span>
              <span className="text-faint text-xs">{entry.type}</span>
              <span className="ml-auto">
                <StatusBadge status={entry.status} />
              </span>
            </p>
            <p className="flex gap-3 text-soft text-xs tabular-nums">
              <span className="truncate">
                {[entry.via, entry.server, entry.answers.join(', ')]
                  .filter((part) => part !== '')
                  .join(' · ')}
              </span>
              <span className="ml-auto whitespace-nowrap text-faint">{format.time(entry.timeMs)}</span>
            </p>
          </>
        )}
        empty={
          log.data === undefined ? (
            <Awaiting query={log} />
          ) : (
            <EmptyState title={t(keyword === '' ? 'dns.empty' : 'common.noMatch')} />
          )
        }
      />
    </Panel>
  );
}

function StatusBadge({ status }: { readonly status: string }) {
  if (status === 'NOERROR') return null;
  return <Badge tone={status === 'NXDOMAIN' ? 'warn' : 'bad'}>{status}</Badge>;
}

/** Nothing marks an entry but what it says, so equal ones are numbered, oldest first: that stays while newer ones come. */
function rowsOf({ entries }: DnsLog): readonly Row[] {
  const seen = new Map<string, number>();
  return entries
    .toReversed()
    .map((entry) => {
      const text = `${entry.timeMs} ${entry.client} ${entry.name} ${entry.type}`;
      const number = (seen.get(text) ?? 0) + 1;
      seen.set(text, number);
      return { ...entry, key: `${text} ${number}` };
    })
    .reverse();
}

function textOf({ name, type, client, via, server, status, answers }: DnsLogEntry): string {
  return [name, type, client, via, server, status, ...answers].join(' ').toLowerCase();
}

function columnsOf(t: Translate, format: Format): readonly Column<Row>[] {
  return [
    {
      id: 'time',
      header: t('capture.time'),
      track: '6.5rem',
      sort: ({ timeMs }) => timeMs,
      cell: ({ timeMs }) => <span className="text-soft">{format.time(timeMs)}</span>,
    },
    {
      id: 'name',
      header: t('dns.name'),
      track: 'minmax(11rem, 2fr)',
      sort: ({ name }) => name,
      cell: ({ name, type }) => (
        <span title={name}>
          {name} <span className="text-faint text-xs">{type}</span>
        </span>
      ),
    },
    {
      id: 'answer',
      header: t('dns.answer'),
      track: 'minmax(9rem, 1.6fr)',
      cell: ({ status, answers }) => (
        <span title={answers.join('\n')}>
          <StatusBadge status={status} /> {answers.join(', ')}
        </span>
      ),
    },
    {
      id: 'via',
      header: t('dns.via'),
      track: 'minmax(7rem, 1.2fr)',
      sort: ({ via }) => via,
      cell: ({ via }) => <span title={via}>{via}</span>,
    },
    {
      id: 'server',
      header: t('dns.server'),
      track: 'minmax(8rem, 1.3fr)',
      sort: ({ server }) => server,
      cell: ({ server }) => <span title={server}>{server || '–'}</span>,
      fromWidth: 860,
    },
    {
      id: 'client',
      header: t('connections.source'),
      track: '11rem',
      sort: ({ client }) => client,
      cell: ({ client }) => client,
      fromWidth: 1000,
    },
    {
      id: 'duration',
      header: t('capture.duration'),
      track: '6.5rem',
      end: true,
      sort: ({ durationMs }) => durationMs,
      cell: ({ durationMs }) => format.ms(durationMs),
    },
  ];
}
