import type { DelayResult, Outbound, ProxyProviderDetail } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type CSSProperties, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { IconButton } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { Sparkline } from '../../ui/sparkline.tsx';
import { DelayText } from './delay-text.tsx';

const ROW_PX = 34;
const COMPACT_ROW_PX = 58;
const SHOWN_ROWS = 10;

/** The nodes of one provider with their delays. */
export function ProviderNodes({ name }: { readonly name: string }) {
  const { t } = useText();
  const detail = useQuery({
    queryKey: ['providers', 'proxies', name],
    queryFn: () => call<ProxyProviderDetail>('GET', `/providers/proxies/${encodeURIComponent(name)}`),
    refetchInterval: 10_000,
  });
  if (detail.data === undefined) return <Awaiting query={detail} />;
  const { nodes } = detail.data;
  const rows = Math.min(nodes.length, SHOWN_ROWS);
  return (
    <div
      className="flex h-(--narrow) border-line/60 border-t sm:h-(--wide)"
      style={
        { '--narrow': `${rows * COMPACT_ROW_PX}px`, '--wide': `${(rows + 1) * ROW_PX}px` } as CSSProperties
      }
    >
      <DataTable
        label={t('providers.nodes', { name })}
        rows={nodes}
        rowKey={(node) => node.name}
        columns={columnsOf(t, name)}
        compact={(node) => (
          <div className="flex items-center gap-3">
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{node.name}</p>
              <p className="truncate text-soft text-xs">{node.type}</p>
            </div>
            <DelayText outbound={node} />
            <TestButton provider={name} node={node.name} />
          </div>
        )}
        empty={<EmptyState title={t('common.none')} />}
      />
    </div>
  );
}

function columnsOf(t: ReturnType<typeof useText>['t'], provider: string): readonly Column<Outbound>[] {
  return [
    {
      id: 'name',
      header: t('rules.name'),
      track: 'minmax(10rem, 2fr)',
      sort: ({ name }) => name,
      cell: ({ name }) => name,
    },
    {
      id: 'type',
      header: t('proxies.type'),
      track: 'minmax(7rem, 1fr)',
      sort: ({ type }) => type,
      cell: ({ type }) => type,
    },
    {
      id: 'history',
      header: '',
      track: '8rem',
      cell: ({ history }) => (
        <span className="block text-faint" aria-hidden="true">
          <Sparkline values={history.map(({ delayMs }) => delayMs)} heightPx={16} />
        </span>
      ),
      fromWidth: 640,
    },
    {
      id: 'delay',
      header: t('proxies.delay'),
      track: '7rem',
      end: true,
      sort: ({ history }) => history.at(-1)?.delayMs || Number.MAX_SAFE_INTEGER,
      cell: (node) => <DelayText outbound={node} />,
    },
    {
      id: 'test',
      header: '',
      track: '3.5rem',
      cell: ({ name }) => <TestButton provider={provider} node={name} />,
    },
  ];
}

function TestButton({ provider, node }: { readonly provider: string; readonly node: string }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [testing, setTesting] = useState(false);
  const test = async () => {
    setTesting(true);
    const path = `/providers/proxies/${encodeURIComponent(provider)}/nodes/${encodeURIComponent(node)}/delay`;
    await act(() => call<DelayResult>('POST', path, { body: {} }));
    setTesting(false);
    await queries.invalidateQueries({ queryKey: ['providers', 'proxies', provider] });
  };
  return (
    <IconButton
      icon="gauge"
      label={t('proxies.testNamed', { name: node })}
      disabled={testing}
      onClick={() => void test()}
    />
  );
}
