import type { Exchange, Removed } from '@sluice/api/native/types';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useDeferredValue, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import type { Format } from '../../lib/format.ts';
import { type Translate, useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { CopyLine } from '../../ui/copy.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { SearchInput } from '../../ui/field.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { useAddresses } from '../use-addresses.ts';
import { ExchangeDetailPane } from './exchange-detail.tsx';
import { StatusText } from './status-text.tsx';
import { useExchanges } from './use-exchanges.ts';

export function ExchangesView({ tabs }: { readonly tabs: ReactNode }) {
  const { t, format } = useText();
  const { exchange: openId } = useSearch({ from: '/capture' });
  const navigate = useNavigate();
  const [filter, setFilter] = useState('');
  const [paused, setPaused] = useState(false);
  const keyword = useDeferredValue(filter.trim());
  const list = useExchanges(keyword, paused);
  const columns = useMemo(() => columnsOf(t, format), [t, format]);
  const open = (id: string | undefined) =>
    void navigate({ to: '/capture', search: id === undefined ? {} : { exchange: id } });

  const clear = async () => {
    if (!(await confirm(t('capture.clear'), t('capture.clearText'), t('capture.clear')))) return;
    open(undefined);
    await act(() => call<Removed>('DELETE', '/exchanges'), t('capture.cleared'));
    await list.reload();
  };

  return (
    <ListPage
      tools={
        <>
          {tabs}
          <SearchInput label={t('capture.filter')} value={filter} onChange={setFilter} />
          <Button icon={paused ? 'play' : 'pause'} aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {t(paused ? 'common.resume' : 'common.pause')}
          </Button>
          <span className="ml-auto text-soft tabular-nums">
            {t('common.shown', { shown: format.number(list.rows.length), total: format.number(list.total) })}
          </span>
          <Button
            look="danger"
            icon="trash"
            disabled={list.total === 0}
            aria-label={t('capture.clear')}
            onClick={() => void clear()}
          >
            <span className="hidden sm:inline">{t('capture.clear')}</span>
          </Button>
        </>
      }
    >
      <DataTable
        label={t('capture.exchanges')}
        rows={list.rows}
        rowKey={(row) => row.id}
        columns={columns}
        compact={(row) => <Compact row={row} format={format} />}
        onOpen={(row) => open(row.id)}
        openKey={openId}
        onEnd={() => void list.loadOlder()}
        empty={<Empty loaded={list.loaded} filtered={keyword !== ''} />}
      />
      {openId !== undefined && (
        <ExchangeDetailPane
          key={openId}
          id={openId}
          onClose={() => open(undefined)}
          onDeleted={list.reload}
        />
      )}
    </ListPage>
  );
}

function Empty({ loaded, filtered }: { readonly loaded: boolean; readonly filtered: boolean }) {
  const { t } = useText();
  const capture = useAddresses().find((address) => address.use === 'capture');
  if (!loaded) return <EmptyState title={t('common.loading')} />;
  if (filtered) return <EmptyState title={t('common.noMatch')} />;
  return (
    <EmptyState title={t('capture.empty')}>
      <p>{t('capture.emptyText')}</p>
      {capture !== undefined && <CopyLine text={`curl -x ${capture.url} http://example.com/`} />}
    </EmptyState>
  );
}

function pathOf(row: Exchange): string {
  if (!URL.canParse(row.url)) return row.url;
  const { pathname, search } = new URL(row.url);
  return pathname + search;
}

function columnsOf(t: Translate, format: Format): readonly Column<Exchange>[] {
  return [
    {
      id: 'time',
      header: t('capture.time'),
      track: '5.5rem',
      sort: (row) => row.startedMs,
      cell: (row) => <span className="text-soft">{format.time(row.startedMs)}</span>,
      fromWidth: 760,
    },
    {
      id: 'method',
      header: t('capture.method'),
      track: '5.5rem',
      sort: (row) => row.method,
      cell: (row) => <span className="font-medium">{row.method}</span>,
    },
    {
      id: 'status',
      header: t('capture.status'),
      track: '5.5rem',
      sort: (row) => row.status,
      cell: (row) => <StatusText status={row.status} />,
    },
    {
      id: 'host',
      header: t('capture.host'),
      track: 'minmax(7rem, 1fr)',
      sort: (row) => row.host,
      cell: (row) => (
        <span title={row.host} className={row.scheme === 'https' ? '' : 'text-soft'}>
          {row.host}
        </span>
      ),
    },
    {
      id: 'path',
      header: t('capture.path'),
      track: 'minmax(9rem, 2.2fr)',
      sort: pathOf,
      cell: (row) => (
        <span className="flex items-center gap-2" title={row.url}>
          <span className="truncate">{pathOf(row)}</span>
          {row.ruleId !== '' && <Badge tone="accent">{t('capture.changed')}</Badge>}
        </span>
      ),
    },
    {
      id: 'type',
      header: t('capture.type'),
      track: 'minmax(7rem, 0.8fr)',
      sort: (row) => row.contentType,
      cell: (row) => <span className="text-soft">{row.contentType.split(';')[0]}</span>,
      fromWidth: 980,
    },
    {
      id: 'size',
      fromWidth: 660,
      header: t('capture.size'),
      track: '5.5rem',
      end: true,
      sort: (row) => row.responseBytes,
      cell: (row) => format.bytes(row.responseBytes),
    },
    {
      id: 'duration',
      fromWidth: 560,
      header: t('capture.duration'),
      track: '5.5rem',
      end: true,
      sort: (row) => row.durationMs,
      cell: (row) => format.ms(row.durationMs),
    },
  ];
}

function Compact({ row, format }: { readonly row: Exchange; readonly format: Format }) {
  return (
    <>
      <p className="flex gap-2">
        <span className="w-14 shrink-0 font-medium">{row.method}</span>
        <span className="truncate">{pathOf(row)}</span>
        <span className="ml-auto">
          <StatusText status={row.status} />
        </span>
      </p>
      <p className="flex gap-2 text-soft text-xs tabular-nums">
        <span className="w-14 shrink-0">{format.time(row.startedMs).slice(0, 5)}</span>
        <span className="truncate">{row.host}</span>
        <span className="ml-auto whitespace-nowrap">
          {format.bytes(row.responseBytes)} · {format.ms(row.durationMs)}
        </span>
      </p>
    </>
  );
}
