import type { GeoDatabases } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useText } from '../text/text.ts';
import { act } from '../ui/action.ts';
import { Awaiting } from '../ui/awaiting.tsx';
import { Button } from '../ui/button.tsx';
import { Panel } from '../ui/panel.tsx';

/** The geo databases on disk, and the way to fetch them anew. */
export function GeoPanel() {
  const { t, format } = useText();
  const queries = useQueryClient();
  const [updating, setUpdating] = useState(false);
  const geo = useQuery({ queryKey: ['geo'], queryFn: () => call<GeoDatabases>('GET', '/geo') });
  const update = async () => {
    setUpdating(true);
    await act(
      async () => queries.setQueryData(['geo'], await call<GeoDatabases>('POST', '/geo/update')),
      t('geo.updated'),
    );
    setUpdating(false);
  };
  return (
    <Panel
      title={t('geo.title')}
      aside={
        <Button icon="refresh" disabled={updating} onClick={() => void update()}>
          {t(updating ? 'geo.updating' : 'geo.update')}
        </Button>
      }
    >
      {geo.data === undefined && <Awaiting query={geo} />}
      {geo.data?.databases.length === 0 && <p className="px-3.5 py-3 text-soft">{t('geo.none')}</p>}
      <ul>
        {geo.data?.databases.map((database) => (
          <li
            key={database.path}
            className="flex flex-wrap items-baseline gap-x-4 border-line/60 border-b px-3.5 py-2 tabular-nums last:border-0"
          >
            <span className="w-16 font-medium">{database.kind}</span>
            <span className="min-w-40 flex-1 break-all text-soft text-xs">{database.path}</span>
            <span className="text-soft">
              {format.bytes(database.sizeBytes)} · {format.dateTime(database.updatedAtMs)}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
