import type { Outbound } from '@sluice/api/native/types';
import { useText } from '../../text/text.ts';

/** The newest of an outbound's delay measurements, coloured by how good it is. */
export function DelayText(props: {
  readonly outbound: Outbound | undefined;
  /** Other measurements than those in general, for example towards one URL. */
  readonly history?: Outbound['history'];
}) {
  const { t, format } = useText();
  const { outbound, history = outbound?.history } = props;
  if (outbound !== undefined && outbound.unavailable !== '') {
    return (
      <span className="text-warn" title={outbound.unavailable}>
        {t('proxies.unavailable')}
      </span>
    );
  }
  const newest = history?.at(-1);
  if (newest === undefined) return <span className="text-faint">–</span>;
  if (newest.delayMs === 0) return <span className="text-bad">{t('proxies.noAnswer')}</span>;
  const tone = newest.delayMs < 150 ? 'text-good' : newest.delayMs < 500 ? 'text-warn' : 'text-bad';
  return <span className={`whitespace-nowrap tabular-nums ${tone}`}>{format.ms(newest.delayMs)}</span>;
}
