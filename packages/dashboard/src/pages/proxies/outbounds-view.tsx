import type { DelayResult, Outbound, Outbounds } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState, Panel } from '../../ui/panel.tsx';

/** Groups with their members, then outbounds that stand alone. */
export function OutboundsView({ tabs }: { readonly tabs: ReactNode }) {
  const { t } = useText();
  const outbounds = useQuery({
    queryKey: ['outbounds'],
    queryFn: () => call<Outbounds>('GET', '/outbounds'),
    refetchInterval: 5000,
  });
  const all = outbounds.data?.outbounds ?? [];
  const groups = all.filter((outbound) => outbound.group !== null && !outbound.group.hidden);
  const single = all.filter((outbound) => outbound.group === null);
  const byName = new Map(all.map((outbound) => [outbound.name, outbound]));
  return (
    <ListPage tools={tabs}>
      <div className="min-w-0 flex-1 overflow-auto bg-ground">
        <div className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3 md:gap-4 md:p-5">
          {outbounds.data === undefined && <EmptyState title={t('common.loading')} />}
          {groups.map((group) => (
            <GroupPanel key={group.name} group={group} byName={byName} />
          ))}
          {single.length > 0 && <SinglePanel outbounds={single} />}
        </div>
      </div>
    </ListPage>
  );
}

function useDelayTest(name: string) {
  const queries = useQueryClient();
  const [testing, setTesting] = useState(false);
  const test = async () => {
    setTesting(true);
    await act(() => call<DelayResult>('POST', `/outbounds/${encodeURIComponent(name)}/delay`, { body: {} }));
    setTesting(false);
    await queries.invalidateQueries({ queryKey: ['outbounds'] });
  };
  return { testing, test };
}

function GroupPanel({
  group,
  byName,
}: {
  readonly group: Outbound;
  readonly byName: ReadonlyMap<string, Outbound>;
}) {
  const { t } = useText();
  const queries = useQueryClient();
  const { testing, test } = useDelayTest(group.name);
  const selectable = group.type === 'Selector';
  const select = async (member: string) => {
    const path = `/outbounds/${encodeURIComponent(group.name)}/selection`;
    if (await act(() => call('PUT', path, { body: { member } })))
      await queries.invalidateQueries({ queryKey: ['outbounds'] });
  };
  return (
    <Panel
      title={group.name}
      aside={
        <>
          <Badge>{group.type}</Badge>
          <Button icon="gauge" disabled={testing} onClick={() => void test()}>
            {t(testing ? 'proxies.testing' : 'proxies.test')}
          </Button>
        </>
      }
    >
      <fieldset className="grid grid-cols-[repeat(auto-fill,minmax(11.5rem,1fr))] gap-2 p-3">
        <legend className="sr-only">{group.name}</legend>
        {group.group?.members.map((name) => (
          <MemberCard
            key={name}
            name={name}
            outbound={byName.get(name)}
            selected={group.group?.selected === name}
            {...(selectable ? { choose: () => void select(name), group: group.name } : {})}
          />
        ))}
      </fieldset>
    </Panel>
  );
}

function MemberCard(props: {
  readonly name: string;
  readonly outbound: Outbound | undefined;
  readonly selected: boolean;
  readonly group?: string;
  readonly choose?: () => void;
}) {
  const { name, outbound, selected, choose } = props;
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is there for groups that can be chosen from
    <label
      className={`flex min-w-0 items-center gap-2 rounded-md border px-2.5 py-2 has-focus-visible:outline-2 has-focus-visible:outline-accent ${
        selected ? 'border-accent bg-wash' : 'border-line bg-panel'
      } ${choose === undefined ? '' : 'cursor-pointer hover:border-faint'}`}
    >
      {choose !== undefined && (
        <input
          type="radio"
          name={`group ${props.group}`}
          className="sr-only"
          checked={selected}
          onChange={choose}
        />
      )}
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium" title={name}>
          {name}
        </span>
        <span className="block truncate text-faint text-xs">
          {outbound?.group === null ? outbound.type : (outbound?.group?.selected ?? outbound?.type)}
        </span>
      </span>
      <DelayText outbound={outbound} />
    </label>
  );
}

function DelayText({ outbound }: { readonly outbound: Outbound | undefined }) {
  const { t, format } = useText();
  const newest = outbound?.history.at(-1);
  if (newest === undefined) return <span className="text-faint">–</span>;
  if (newest.delayMs === 0) return <span className="text-bad">{t('proxies.noAnswer')}</span>;
  const tone = newest.delayMs < 150 ? 'text-good' : newest.delayMs < 500 ? 'text-warn' : 'text-bad';
  return <span className={`whitespace-nowrap tabular-nums ${tone}`}>{format.ms(newest.delayMs)}</span>;
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
  const { testing, test } = useDelayTest(outbound.name);
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
