import type { Stream, Streams } from '@sluice/api/native/types';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useMemo, useState } from 'react';
import { useLive } from '../../api/live.ts';
import type { Format } from '../../lib/format.ts';
import { type Translate, useText } from '../../text/text.ts';
import { Badge } from '../../ui/badge.tsx';
import { IconButton } from '../../ui/button.tsx';
import { CopyLine } from '../../ui/copy.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { SearchInput } from '../../ui/field.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { ffmpegCommandOf } from '../overview/addresses.tsx';
import { useAddresses } from '../use-addresses.ts';
import { closeStream } from './close-stream.ts';
import { StreamPane } from './stream-pane.tsx';
import { codecsOf, keyOf, nameOf, pictureOf } from './stream-text.ts';

export function StreamsPage() {
  const { t, format } = useText();
  const { stream: openKey } = useSearch({ from: '/streams' });
  const navigate = useNavigate();
  const [filter, setFilter] = useState('');
  const { value: live } = useLive<Streams>('/streams/stream');
  const keyword = useDeferredValue(filter.trim().toLowerCase());
  const rows = useMemo(
    () =>
      (live?.streams ?? []).filter((row) => keyword === '' || nameOf(row).toLowerCase().includes(keyword)),
    [live, keyword],
  );
  const columns = useMemo(() => columnsOf(t, format), [t, format]);
  const open = (key: string | undefined) =>
    void navigate({ to: '/streams', search: key === undefined ? {} : { stream: key } });
  const opened = live?.streams.find((row) => keyOf(row) === openKey);
  return (
    <ListPage
      tools={
        <>
          <SearchInput label={t('streams.filter')} value={filter} onChange={setFilter} />
          <span className="ml-auto text-soft tabular-nums">
            {t('common.shown', { shown: format.number(rows.length), total: format.number(live?.total ?? 0) })}
          </span>
        </>
      }
    >
      <DataTable
        label={t('nav.streams')}
        rows={rows}
        rowKey={keyOf}
        columns={columns}
        compact={(row) => <Compact row={row} format={format} />}
        onOpen={(row) => open(keyOf(row))}
        openKey={openKey}
        empty={<Empty loaded={live !== undefined} filtered={keyword !== ''} />}
      />
      {openKey !== undefined && (
        <StreamPane
          key={openKey}
          name={openKey}
          stream={opened}
          loaded={live !== undefined}
          onClose={() => open(undefined)}
        />
      )}
    </ListPage>
  );
}

function Empty({ loaded, filtered }: { readonly loaded: boolean; readonly filtered: boolean }) {
  const { t } = useText();
  const publish = useAddresses().find((address) => address.use === 'publish');
  if (!loaded) return <EmptyState title={t('common.loading')} />;
  if (filtered) return <EmptyState title={t('common.noMatch')} />;
  const url = publish?.url.replace('{stream}', 'test');
  return (
    <EmptyState title={t('streams.empty')}>
      <p>{t('streams.emptyText')}</p>
      {url !== undefined && (
        <>
          <CopyLine text={ffmpegCommandOf(url)} />
          <p>{t('streams.emptyObs')}</p>
          <CopyLine text={url.slice(0, url.lastIndexOf('/'))} />
        </>
      )}
    </EmptyState>
  );
}

function columnsOf(t: Translate, format: Format): readonly Column<Stream>[] {
  return [
    {
      id: 'name',
      header: t('streams.name'),
      track: 'minmax(10rem, 2fr)',
      sort: nameOf,
      cell: (row) => (
        <span className="flex items-center gap-2">
          <span className="size-2 shrink-0 rounded-full bg-good" aria-hidden="true" />
          <span className="truncate font-medium">{nameOf(row)}</span>
          {row.recording && <Badge tone="bad">{t('streams.recording')}</Badge>}
        </span>
      ),
    },
    {
      id: 'origin',
      header: t('streams.origin'),
      track: 'minmax(8rem, 1.2fr)',
      sort: (row) => row.origin.type,
      cell: (row) => (
        <span title={row.origin.url}>
          {row.origin.type} <span className="text-faint">{row.origin.peer}</span>
        </span>
      ),
      fromWidth: 900,
    },
    { id: 'codecs', header: t('streams.codecs'), track: 'minmax(7rem, 1fr)', cell: codecsOf, fromWidth: 720 },
    {
      id: 'picture',
      header: t('streams.picture'),
      track: '10rem',
      fromWidth: 600,
      cell: (row) => pictureOf(row) || <span className="text-faint">–</span>,
    },
    {
      id: 'bitrate',
      header: t('streams.bitrate'),
      track: '7rem',
      end: true,
      sort: (row) => row.bytesPerSecond,
      cell: (row) => format.bitrate(row.bytesPerSecond),
    },
    {
      id: 'viewers',
      header: t('streams.viewers'),
      track: '5.5rem',
      end: true,
      sort: (row) => row.viewers,
      cell: (row) => format.number(row.viewers),
    },
    {
      id: 'uptime',
      fromWidth: 720,
      header: t('streams.uptime'),
      track: '6rem',
      end: true,
      sort: (row) => row.aliveSeconds,
      cell: (row) => format.duration(row.aliveSeconds),
    },
    {
      id: 'close',
      header: '',
      track: '3.5rem',
      cell: (row) => (
        <IconButton
          icon="close"
          label={t('streams.closeNamed', { name: nameOf(row) })}
          onClick={(event) => {
            event.stopPropagation();
            void closeStream(row, t);
          }}
        />
      ),
    },
  ];
}

function Compact({ row, format }: { readonly row: Stream; readonly format: Format }) {
  const { t } = useText();
  return (
    <>
      <p className="flex items-center gap-2">
        <span className="size-2 shrink-0 rounded-full bg-good" aria-hidden="true" />
        <span className="truncate font-medium">{nameOf(row)}</span>
        <span className="ml-auto whitespace-nowrap tabular-nums">{format.bitrate(row.bytesPerSecond)}</span>
      </p>
      <p className="flex gap-2 text-soft text-xs tabular-nums">
        <span className="truncate">
          {codecsOf(row)} {pictureOf(row)}
        </span>
        <span className="ml-auto whitespace-nowrap">
          {t('overview.viewers', { number: format.number(row.viewers) })}
        </span>
      </p>
    </>
  );
}
