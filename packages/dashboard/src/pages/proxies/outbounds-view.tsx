import type { DelayResult, Outbound, Outbounds } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { ListPage } from '../../ui/page.tsx';
import { Panel } from '../../ui/panel.tsx';
import { DelayText } from './delay-text.tsx';
import { GroupPanel } from './group-panel.tsx';

/** With more groups than this, each starts folded. */
const OPEN_GROUPS = 12;

const REFRESH_MS = 5000;
const LONGEST_REFRESH_MS = 60_000;
const NAMES_PER_REFRESH = 3000;

/** A hundred groups of thousands make megabytes: the longer the answer, the more seldom it is asked for. */
function refreshMsOf(data: Outbounds | undefined): number {
  const names = (data?.outbounds ?? []).reduce((sum, { group }) => sum + 1 + (group?.members.length ?? 0), 0);
  return Math.min(LONGEST_REFRESH_MS, REFRESH_MS * Math.max(1, Math.ceil(names / NAMES_PER_REFRESH)));
}

/** Groups with their members, then outbounds that stand alone. */
export function OutboundsView({ tabs }: { readonly tabs: ReactNode }) {
  const outbounds = useQuery({
    queryKey: ['outbounds'],
    queryFn: () => call<Outbounds>('GET', '/outbounds', { query: { nodes: true } }),
    refetchInterval: ({ state }) => refreshMsOf(state.data),
  });
  const all = outbounds.data?.outbounds;
  const byName = useMemo(() => {
    const known = new Map<string, Outbound>();
    for (const outbound of all ?? []) if (!known.has(outbound.name)) known.set(outbound.name, outbound);
    return known;
  }, [all]);
  const groups = (all ?? []).filter(({ group }) => group !== null && !group.hidden);
  const single = (all ?? []).filter(({ group, providerName }) => group === null && providerName === '');
  return (
    <ListPage tools={tabs}>
      <div className="min-w-0 flex-1 overflow-auto bg-ground">
        <div className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3 md:gap-4 md:p-5">
          {all === undefined && <Awaiting query={outbounds} />}
          {groups.map((group) => (
            <GroupPanel
              key={group.name}
              outbound={group}
              byName={byName}
              startsOpen={groups.length <= OPEN_GROUPS}
            />
          ))}
          {single.length > 0 && <SinglePanel outbounds={single} />}
        </div>
      </div>
    </ListPage>
  );
}

function SinglePanel({ outbounds }: { readonly outbounds: readonly Outbound[] }) {
  const { t } = useText();
  return (
    <Panel title={t('proxies.outbounds')}>
      <ul>
        {outbounds.map((outbound) => (
          <SingleRow key={outbound.name} outbound={outbound} />
        ))}
      </ul>
    </Panel>
  );
}

function SingleRow({ outbound }: { readonly outbound: Outbound }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [testing, setTesting] = useState(false);
  const test = async () => {
    setTesting(true);
    const path = `/outbounds/${encodeURIComponent(outbound.name)}/delay`;
    await act(() => call<DelayResult>('POST', path, { body: {} }));
    setTesting(false);
    await queries.invalidateQueries({ queryKey: ['outbounds'] });
  };
  return (
    <li className="flex items-center gap-3 border-line/60 border-b px-3.5 py-1.5 last:border-0">
      <span className="min-w-0 flex-1 truncate font-medium">{outbound.name}</span>
      <span className="w-28 truncate text-soft">{outbound.type}</span>
      <span className="hidden w-12 sm:block">{outbound.udp && <Badge>UDP</Badge>}</span>
      <span className="w-24 text-right">
        <DelayText outbound={outbound} />
      </span>
      <Button
        look="ghost"
        icon="gauge"
        disabled={testing}
        aria-label={t('proxies.testNamed', { name: outbound.name })}
        onClick={() => void test()}
      />
    </li>
  );
}
