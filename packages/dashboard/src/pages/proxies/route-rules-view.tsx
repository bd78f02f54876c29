import type { Rule, Rules } from '@sluice/api/native/types';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useDeferredValue, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import type { Format } from '../../lib/format.ts';
import { type Translate, useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { SearchInput, Switch } from '../../ui/field.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { ExplainPane } from './explain-pane.tsx';
import { TemporaryRuleEditor } from './temporary-rule-editor.tsx';
import { TemporaryRuleList } from './temporary-rules.tsx';

const SHOWN_RULES = 2000;
const NO_RULES: readonly Rule[] = [];

/** The routing rules in the order in which they are tried. */
export function RouteRulesView({ tabs }: { readonly tabs: ReactNode }) {
  const { t, format } = useText();
  const queries = useQueryClient();
  const [filter, setFilter] = useState('');
  const keyword = useDeferredValue(filter.trim().toLowerCase());
  const rules = useQuery({
    queryKey: ['rules', keyword],
    queryFn: () => call<Rules>('GET', '/rules', { query: { limit: SHOWN_RULES, filter: keyword } }),
    refetchInterval: 3000,
    placeholderData: keepPreviousData,
  });
  const rows = rules.data?.rules ?? NO_RULES;
  const columns = useMemo(() => {
    const disable = async (rule: Rule, disabled: boolean) => {
      if (await act(() => call('PATCH', `/rules/${rule.index}`, { body: { disabled } })))
        await queries.invalidateQueries({ queryKey: ['rules'] });
    };
    return columnsOf(t, format, (rule, disabled) => void disable(rule, disabled));
  }, [t, format, queries]);
  const switchColumn = columns.at(-1);
  const { explain } = useSearch({ from: '/proxies' });
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const openExplain = (asked: string | undefined) =>
    void navigate({
      to: '/proxies',
      search: { tab: 'rules', ...(asked === undefined ? {} : { explain: asked }) },
    });
  return (
    <ListPage
      tools={
        <>
          {tabs}
          <SearchInput label={t('proxies.filter')} value={filter} onChange={setFilter} />
          <span className="ml-auto text-soft tabular-nums">
            {t('common.shown', {
              shown: format.number(rows.length),
              total: format.number(rules.data?.total ?? 0),
            })}
          </span>
          <Button
            icon="explain"
            aria-expanded={explain !== undefined}
            onClick={() => openExplain(explain === undefined ? '' : undefined)}
          >
            {t('explain.title')}
          </Button>
          <Button icon="clock" aria-label={t('temporary.new')} onClick={() => setAdding(true)}>
            <span className="hidden sm:inline">{t('temporary.new')}</span>
          </Button>
        </>
      }
    >
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <TemporaryRuleList />
        <DataTable
          label={t('proxies.rules')}
          rows={rows}
          rowKey={(rule) => String(rule.index)}
          columns={columns}
          rowTone={(rule) => (rule.disabled ? 'text-faint' : '')}
          compact={(rule) => (
            <div className="flex items-center gap-3">
              <div className="min-w-0 flex-1">
                <p className="flex items-center gap-2">
                  <span className="truncate font-medium">{rule.payload || rule.type}</span>
                  {rule.inspect && <Badge tone="accent">{t('connections.inspected')}</Badge>}
                </p>
                <p className="truncate text-soft text-xs tabular-nums">
                  {rule.type} → {rule.target} · {t('proxies.hits')} {format.number(rule.hitCount)}
                </p>
              </div>
              {switchColumn?.cell(rule)}
            </div>
          )}
          empty={
            rules.data === undefined ? (
              <Awaiting query={rules} />
            ) : (
              <EmptyState title={t(keyword === '' ? 'proxies.noRules' : 'common.noMatch')} />
            )
          }
        />
      </div>
      {explain !== undefined && (
        <ExplainPane asked={explain} onAsk={openExplain} onClose={() => openExplain(undefined)} />
      )}
      {adding && <TemporaryRuleEditor onClose={() => setAdding(false)} />}
    </ListPage>
  );
}

function columnsOf(
  t: Translate,
  format: Format,
  disable: (rule: Rule, disabled: boolean) => void,
): readonly Column<Rule>[] {
  return [
    {
      id: 'index',
      header: '#',
      track: '3.5rem',
      end: true,
      sort: (rule) => -rule.index,
      cell: (rule) => <span className="text-faint">{rule.index}</span>,
    },
    {
      id: 'type',
      header: t('proxies.type'),
      track: 'minmax(7.5rem, 1fr)',
      sort: (rule) => rule.type,
      cell: (rule) => rule.type,
    },
    {
      id: 'payload',
      header: t('proxies.payload'),
      track: 'minmax(8rem, 2fr)',
      sort: (rule) => rule.payload,
      cell: (rule) => (
        <span title={rule.payload}>
          {rule.payload || '–'}
          {rule.size >= 0 && (
            <span className="ml-2 text-faint text-xs">
              {t('proxies.entries', { number: format.number(rule.size) })}
            </span>
          )}
        </span>
      ),
    },
    {
      id: 'target',
      header: t('proxies.target'),
      track: 'minmax(7rem, 1.2fr)',
      sort: (rule) => rule.target,
      cell: (rule) => (
        <span className="flex items-center gap-2">
          <span className="truncate">{rule.target}</span>
          {rule.inspect && <Badge tone="accent">{t('connections.inspected')}</Badge>}
        </span>
      ),
    },
    {
      id: 'hits',
      header: t('proxies.hits'),
      track: '5.5rem',
      end: true,
      sort: (rule) => rule.hitCount,
      cell: (rule) => (
        <span title={t('proxies.misses', { number: format.number(rule.missCount) })}>
          {format.number(rule.hitCount)}
        </span>
      ),
    },
    {
      id: 'hitAt',
      header: t('proxies.lastHit'),
      track: '7rem',
      end: true,
      sort: (rule) => rule.hitAtMs,
      cell: (rule) => (rule.hitAtMs === 0 ? '–' : format.time(rule.hitAtMs)),
      fromWidth: 860,
    },
    {
      id: 'switch',
      header: t('proxies.on'),
      track: '4.5rem',
      cell: (rule) => (
        <Switch
          label={t('proxies.switch', { index: rule.index })}
          checked={!rule.disabled}
          onChange={(on) => disable(rule, !on)}
        />
      ),
    },
  ];
}
