import type { Connection, Connections, Removed } from '@sluice/api/native/types';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type MouseEvent, useDeferredValue, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import type { Format } from '../../lib/format.ts';
import { type Translate, useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { CopyLine } from '../../ui/copy.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { SearchInput } from '../../ui/field.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { useProxyAddress } from '../use-addresses.ts';
import { ConnectionPane } from './connection-pane.tsx';
import { targetOf } from './connection-text.ts';

export function ConnectionsPage() {
  const { t, format } = useText();
  const [filter, setFilter] = useState('');
  const [paused, setPaused] = useState(false);
  const { value: live } = useLive<Connections>('/connections/stream', {}, paused);
  const proxy = useProxyAddress();
  const keyword = useDeferredValue(filter.trim().toLowerCase());

  const rows = useMemo(
    () => (live?.connections ?? []).filter((row) => keyword === '' || textOf(row).includes(keyword)),
    [live, keyword],
  );
  const nowMs = live?.timeMs ?? 0;
  const columns = useMemo(() => columnsOf(t, format, nowMs), [t, format, nowMs]);

  const { connection } = useSearch({ from: '/connections' });
  const navigate = useNavigate();
  const open = (id: string | undefined) =>
    void navigate({ to: '/connections', search: id === undefined ? {} : { connection: id } });

  const closeAll = async () => {
    const yes = await confirm(
      t('connections.closeAll'),
      t('connections.closeAllText'),
      t('connections.closeAll'),
    );
    if (yes) await act(() => call<Removed>('DELETE', '/connections'), t('connections.closed'));
  };

  return (
    <ListPage
      tools={
        <>
          <SearchInput label={t('connections.filter')} value={filter} onChange={setFilter} />
          <Button icon={paused ? 'play' : 'pause'} aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {t(paused ? 'common.resume' : 'common.pause')}
          </Button>
          <span className="ml-auto text-soft tabular-nums">
            {t('common.shown', { shown: format.number(rows.length), total: format.number(live?.total ?? 0) })}
          </span>
          <Button
            look="danger"
            icon="close"
            disabled={rows.length === 0}
            aria-label={t('connections.closeAll')}
            onClick={() => void closeAll()}
          >
            <span className="hidden sm:inline">{t('connections.closeAll')}</span>
          </Button>
        </>
      }
    >
      <DataTable
        label={t('nav.connections')}
        rows={rows}
        rowKey={(row) => row.id}
        columns={columns}
        onOpen={(row) => open(row.id)}
        openKey={connection}
        compact={(row) => <Compact row={row} format={format} />}
        empty={
          live === undefined ? (
            <EmptyState title={t('common.loading')} />
          ) : keyword !== '' ? (
            <EmptyState title={t('common.noMatch')} />
          ) : (
            <EmptyState title={t('connections.empty')}>
              <p>{t('connections.emptyText')}</p>
              {proxy !== undefined && <CopyLine text={`curl -x ${proxy} http://example.com/`} />}
            </EmptyState>
          )
        }
      />
      {connection !== undefined && (
        <ConnectionPane
          row={live?.connections.find(({ id }) => id === connection)}
          nowMs={nowMs}
          loaded={live !== undefined}
          onClose={() => open(undefined)}
        />
      )}
    </ListPage>
  );
}

function textOf(row: Connection): string {
  return [
    ...[row.host, row.sniffedHost, row.destinationIp, row.source, row.rule, row.rulePayload, row.inbound],
    ...[row.user, row.process, ...row.chain],
  ]
    .join(' ')
    .toLowerCase();
}

function closeOne(event: MouseEvent, row: Connection): void {
  // The row itself opens the details.
  event.stopPropagation();
  void act(() => call('DELETE', `/connections/${encodeURIComponent(row.id)}`));
}

function columnsOf(t: Translate, format: Format, nowMs: number): readonly Column<Connection>[] {
  const rate = (value: number) => (value === 0 ? <span className="text-faint">–</span> : format.rate(value));
  return [
    {
      id: 'target',
      header: t('connections.target'),
      track: 'minmax(12rem, 2.2fr)',
      sort: targetOf,
      cell: (row) => (
        <span className="flex items-center gap-2" title={`${targetOf(row)} ${row.destinationIp}`}>
          <span className="truncate">{targetOf(row)}</span>
          {row.network === 'udp' && <Badge>UDP</Badge>}
          {row.inspected && <Badge tone="accent">{t('connections.inspected')}</Badge>}
        </span>
      ),
    },
    {
      id: 'source',
      header: t('connections.source'),
      track: '11.5rem',
      sort: (row) => row.source,
      cell: (row) => (
        <span title={[row.inbound, row.process].filter((part) => part !== '').join(' · ')}>
          {row.source} <span className="text-faint">{row.process}</span>
        </span>
      ),
      fromWidth: 1180,
    },
    {
      id: 'rule',
      header: t('connections.rule'),
      track: 'minmax(9rem, 1.4fr)',
      sort: (row) => row.rule + row.rulePayload,
      cell: (row) => (
        <span title={`${row.rule} ${row.rulePayload}`}>
          {row.rule || '–'} <span className="text-faint">{row.rulePayload}</span>
        </span>
      ),
      fromWidth: 860,
    },
    {
      id: 'chain',
      header: t('connections.chain'),
      track: 'minmax(8rem, 1.2fr)',
      sort: (row) => row.chain.join(),
      cell: (row) => <span title={row.chain.join(' › ')}>{row.chain.join(' › ')}</span>,
    },
    {
      id: 'down',
      header: `↓ ${t('connections.rate')}`,
      track: '6rem',
      end: true,
      sort: (row) => row.downloadBytesPerSecond,
      cell: (row) => rate(row.downloadBytesPerSecond),
    },
    {
      id: 'up',
      header: `↑ ${t('connections.rate')}`,
      track: '6rem',
      end: true,
      sort: (row) => row.uploadBytesPerSecond,
      cell: (row) => rate(row.uploadBytesPerSecond),
      fromWidth: 680,
    },
    {
      id: 'downTotal',
      header: '↓',
      track: '5rem',
      end: true,
      sort: (row) => row.downloadBytes,
      cell: (row) => format.bytes(row.downloadBytes),
      fromWidth: 1000,
    },
    {
      id: 'upTotal',
      header: '↑',
      track: '5rem',
      end: true,
      sort: (row) => row.uploadBytes,
      cell: (row) => format.bytes(row.uploadBytes),
      fromWidth: 1000,
    },
    {
      id: 'age',
      header: t('connections.age'),
      track: '5rem',
      end: true,
      sort: (row) => nowMs - row.startMs,
      cell: (row) => format.duration((nowMs - row.startMs) / 1000),
    },
    {
      id: 'close',
      header: '',
      track: '3.5rem',
      cell: (row) => (
        <IconButton
          icon="close"
          label={t('connections.close', { target: targetOf(row) })}
          onClick={(event) => closeOne(event, row)}
        />
      ),
    },
  ];
}

function Compact({ row, format }: { readonly row: Connection; readonly format: Format }) {
  const { t } = useText();
  return (
    <div className="flex items-center gap-2">
      <div className="min-w-0 flex-1">
        <p className="flex items-center gap-2">
          <span className="truncate font-medium">{targetOf(row)}</span>
          {row.inspected && <Badge tone="accent">{t('connections.inspected')}</Badge>}
        </p>
        <p className="flex gap-3 text-soft text-xs tabular-nums">
          <span className="truncate">{row.chain.join(' › ')}</span>
          <span className="ml-auto whitespace-nowrap">↓ {format.rate(row.downloadBytesPerSecond)}</span>
          <span className="whitespace-nowrap">↑ {format.rate(row.uploadBytesPerSecond)}</span>
        </p>
      </div>
      <IconButton
        icon="close"
        label={t('connections.close', { target: targetOf(row) })}
        onClick={(event) => closeOne(event, row)}
      />
    </div>
  );
}
