import type { DelayResult, Outbound } from '@sluice/api/native/types';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Sparkline } from '../../ui/sparkline.tsx';
import { DelayText } from './delay-text.tsx';

/** Members shown before the rest is asked for: groups of thousands must not slow the page. */
const SHOWN_MEMBERS = 60;
const DEEPEST_GROUPS = 16;

type GroupPanelProps = {
  readonly outbound: Outbound;
  readonly byName: ReadonlyMap<string, Outbound>;
  readonly startsOpen: boolean;
};

/** One group: what it goes through now, its members with their delays, and the ways to change them. */
export function GroupPanel({ outbound, byName, startsOpen }: GroupPanelProps) {
  const { t, format } = useText();
  const queries = useQueryClient();
  const [testing, setTesting] = useState(false);
  const [open, setOpen] = useState(startsOpen);
  const [all, setAll] = useState(false);
  const { name, type, group } = outbound;
  if (group === null) return null;
  const { members, selected, fixed, testUrl } = group;
  const path = `/outbounds/${encodeURIComponent(name)}`;
  const changed = () => queries.invalidateQueries({ queryKey: ['outbounds'] });
  const choosable = type === 'Selector' || fixed !== null;
  const select = async (member: string) => {
    if (await act(() => call('PUT', `${path}/selection`, { body: { member } }))) await changed();
  };
  const unfix = async () => {
    if (await act(() => call('DELETE', `${path}/selection`))) await changed();
  };
  const test = async () => {
    setTesting(true);
    await act(() => call<DelayResult>('POST', `${path}/delay`, { body: {} }));
    setTesting(false);
    await changed();
  };
  const shown = all ? members : members.slice(0, SHOWN_MEMBERS);
  return (
    <Panel
      title={name}
      aside={
        <>
          {!open && selected !== '' && <span className="max-w-40 truncate text-soft">{selected}</span>}
          {fixed !== null && fixed !== '' && (
            <Button icon="pin" look="ghost" aria-label={t('proxies.unfix')} onClick={() => void unfix()}>
              <span className="hidden sm:inline">{t('proxies.unfix')}</span>
            </Button>
          )}
          <Badge>{type}</Badge>
          <Button
            icon="gauge"
            disabled={testing}
            aria-label={t('proxies.testNamed', { name })}
            onClick={() => void test()}
          >
            <span className="hidden sm:inline">{t(testing ? 'proxies.testing' : 'proxies.test')}</span>
          </Button>
          <IconButton
            icon={open ? 'fold' : 'unfold'}
            label={t(open ? 'proxies.collapse' : 'proxies.expand', { name })}
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          />
        </>
      }
    >
      {open && (
        <>
          <fieldset className="grid grid-cols-[repeat(auto-fill,minmax(11.5rem,1fr))] gap-2 p-3">
            <legend className="sr-only">{name}</legend>
            {shown.map((member, index) => (
              <MemberCard
                // Two providers may each have a node of one name.
                // biome-ignore lint/suspicious/noArrayIndexKey: members keep their places
                key={`${index} ${member}`}
                name={member}
                outbound={byName.get(member)}
                leaf={leafOf(byName, member)}
                testUrl={testUrl}
                selected={selected === member}
                fixed={fixed === member}
                chosen={fixed === null ? selected === member : fixed === member}
                {...(choosable ? { choose: () => void select(member), group: name } : {})}
              />
            ))}
          </fieldset>
          {members.length > SHOWN_MEMBERS && (
            <Button look="ghost" className="mx-3 mb-3" onClick={() => setAll(!all)}>
              {all ? t('common.less') : t('common.all', { number: format.number(members.length) })}
            </Button>
          )}
        </>
      )}
    </Panel>
  );
}

/** Follows what groups are set to; groups in groups are few, and never a circle. */
function leafOf(byName: ReadonlyMap<string, Outbound>, name: string): Outbound | undefined {
  let outbound = byName.get(name);
  for (let depth = 0; depth < DEEPEST_GROUPS && outbound?.group?.selected; depth++)
    outbound = byName.get(outbound.group.selected);
  return outbound;
}

function MemberCard(props: {
  readonly name: string;
  readonly outbound: Outbound | undefined;
  /** What a member that is a group goes through now; itself otherwise. */
  readonly leaf: Outbound | undefined;
  readonly testUrl: string;
  readonly selected: boolean;
  readonly fixed: boolean;
  /** By hand; a group that chooses by itself goes through one that need not be. */
  readonly chosen: boolean;
  readonly group?: string;
  readonly choose?: () => void;
}) {
  const { t } = useText();
  const { name, outbound, leaf, selected, fixed, choose } = props;
  const history = leaf?.urls[props.testUrl]?.history ?? leaf?.history ?? [];
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
          checked={props.chosen}
          onChange={choose}
        />
      )}
      <span className="min-w-0 flex-1">
        <span className="flex items-center gap-1">
          <span className="truncate font-medium" title={name}>
            {name}
          </span>
          {fixed && (
            <span className="text-accent" title={t('proxies.fixed')}>
              <Icon name="pin" size={13} />
              <span className="sr-only">{t('proxies.fixed')}</span>
            </span>
          )}
        </span>
        <span className="block truncate text-faint text-xs" title={outbound?.providerName}>
          {outbound?.group === null ? outbound.type : (outbound?.group?.selected ?? outbound?.type)}
        </span>
      </span>
      <span className="flex flex-col items-end gap-0.5">
        <DelayText outbound={leaf} history={history} />
        {history.length > 2 && (
          <span className="block w-14 text-faint" aria-hidden="true">
            <Sparkline values={history.map(({ delayMs }) => delayMs)} heightPx={12} />
          </span>
        )}
      </span>
    </label>
  );
}
