import type { Outbound } from '@sluice/api/native/types';
import { useText } from '../../text/text.ts';

/** The newest of some delay measurements, coloured by how good it is. */
export function DelayText({ history }: { readonly history: Outbound['history'] | undefined }) {
  const { t, format } = useText();
  const newest = history?.at(-1);
  if (newest === undefined) return <span className="text-faint">–</span>;
  if (newest.delayMs === 0) return <span className="text-bad">{t('proxies.noAnswer')}</span>;
  const tone = newest.delayMs < 150 ? 'text-good' : newest.delayMs < 500 ? 'text-warn' : 'text-bad';
  return <span className={`whitespace-nowrap tabular-nums ${tone}`}>{format.ms(newest.delayMs)}</span>;
}
