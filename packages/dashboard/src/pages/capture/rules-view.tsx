import type { ResponseRule, ResponseRules } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/client.ts';
import { useStore } from '../../lib/store.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Switch } from '../../ui/field.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { editedRule, startRule } from './rule-draft.ts';
import { RuleEditor } from './rule-editor.tsx';

/** Rules that change what clients receive. */
export function RulesView({ tabs }: { readonly tabs: ReactNode }) {
  const { t } = useText();
  const queries = useQueryClient();
  const draft = useStore(editedRule);
  const rules = useQuery({
    queryKey: ['response-rules'],
    queryFn: () => call<ResponseRules>('GET', '/response-rules'),
    refetchInterval: 5000,
  });
  const changed = () => queries.invalidateQueries({ queryKey: ['response-rules'] });
  const pathOf = (rule: ResponseRule) => `/response-rules/${encodeURIComponent(rule.id)}`;

  const remove = async (rule: ResponseRule) => {
    const yes = await confirm(
      t('rules.delete'),
      t('rules.deleteText', { name: rule.name || rule.host }),
      t('rules.delete'),
    );
    if (yes && (await act(() => call('DELETE', pathOf(rule))))) await changed();
  };
  const enable = async (rule: ResponseRule, enabled: boolean) => {
    if (await act(() => call('PATCH', pathOf(rule), { body: { enabled } }))) await changed();
  };

  return (
    <ListPage
      tools={
        <>
          {tabs}
          <span className="ml-auto" />
          <Button look="primary" icon="plus" onClick={() => startRule()}>
            {t('rules.new')}
          </Button>
        </>
      }
    >
      <div className="min-w-0 flex-1 overflow-auto">
        {rules.data?.rules.length === 0 && (
          <EmptyState title={t('rules.empty')}>
            <p>{t('rules.emptyText')}</p>
          </EmptyState>
        )}
        <ul>
          {rules.data?.rules.map((rule) => (
            <li
              key={rule.id}
              className="flex min-w-0 items-center gap-3 border-line/60 border-b px-3 py-2 md:px-5"
            >
              <Switch
                label={t('rules.enabled', { name: rule.name })}
                checked={rule.enabled}
                onChange={(enabled) => void enable(rule, enabled)}
              />
              <button
                type="button"
                className="min-w-0 flex-1 text-left"
                onClick={() => startRule(rule, rule.id)}
              >
                <span className={`block truncate font-medium ${rule.enabled ? '' : 'text-faint'}`}>
                  {rule.name || rule.host}
                </span>
                <span className="block truncate font-mono text-soft text-xs">
                  {rule.method} {rule.host} {rule.pathRegex}
                </span>
              </button>
              <span className="whitespace-nowrap text-soft tabular-nums">→ {rule.responseStatus}</span>
              <IconButton icon="edit" label={t('rules.edit')} onClick={() => startRule(rule, rule.id)} />
              <IconButton icon="trash" label={t('rules.delete')} onClick={() => void remove(rule)} />
            </li>
          ))}
        </ul>
      </div>
      {draft !== undefined && (
        <RuleEditor draft={draft} onClose={() => editedRule.set(undefined)} onSaved={changed} />
      )}
    </ListPage>
  );
}
