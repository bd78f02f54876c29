import type { TemporaryRule, TemporaryRules } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { useNow } from '../../lib/use-now.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { IconButton } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';

/** The rules that are tried first until they expire; nothing while there are none. */
export function TemporaryRuleList() {
  const { t } = useText();
  const rules = useQuery({
    queryKey: ['temporary-rules'],
    queryFn: () => call<TemporaryRules>('GET', '/route/temporary-rules'),
    refetchInterval: 3000,
  });
  if (rules.data === undefined || rules.data.rules.length === 0) return null;
  // The gateway's clock decides when a rule ends, whatever this machine's says.
  const aheadMs = rules.data.timeMs - rules.dataUpdatedAt;
  return (
    <section
      aria-label={t('temporary.title')}
      className="max-h-[40%] shrink-0 overflow-auto border-line border-b bg-wash/40"
    >
      <h2 className="flex items-center gap-1.5 px-3 pt-2 font-semibold md:px-5">
        <Icon name="clock" size={14} />
        {t('temporary.title')}
      </h2>
      <ul className="pb-1.5">
        {rules.data.rules.map((rule) => (
          <Row key={rule.id} rule={rule} aheadMs={aheadMs} />
        ))}
      </ul>
    </section>
  );
}

function Row({ rule, aheadMs }: { readonly rule: TemporaryRule; readonly aheadMs: number }) {
  const { t, format } = useText();
  const queries = useQueryClient();
  const leftMs = rule.expiresAtMs - aheadMs - useNow();
  const remove = async () => {
    await act(() => call('DELETE', `/route/temporary-rules/${encodeURIComponent(rule.id)}`));
    await queries.invalidateQueries({ queryKey: ['temporary-rules'] });
  };
  return (
    <li className="flex items-center gap-3 px-3 py-0.5 md:px-5">
      <code className="min-w-0 flex-1 truncate font-mono text-xs" title={rule.line}>
        {rule.line}
      </code>
      <span className="hidden text-soft text-xs tabular-nums sm:inline">
        {t('proxies.hits')} {format.number(rule.hitCount)}
      </span>
      <span
        className="whitespace-nowrap text-soft text-xs tabular-nums"
        title={format.dateTime(rule.expiresAtMs)}
      >
        {t('temporary.left', { time: format.duration(leftMs / 1000) })}
      </span>
      <IconButton
        icon="trash"
        label={t('temporary.remove', { line: rule.line })}
        onClick={() => void remove()}
      />
    </li>
  );
}
