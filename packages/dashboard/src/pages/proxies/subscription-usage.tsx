import type { ProxyProvider } from '@sluice/api/native/types';
import { useText } from '../../text/text.ts';

type Subscription = NonNullable<ProxyProvider['subscription']>;

/** What a subscription allows, how much of it is used, and when it ends. */
export function SubscriptionUsage({ subscription }: { readonly subscription: Subscription }) {
  const { t, format } = useText();
  const { uploadBytes, downloadBytes, totalBytes, expiresAtMs } = subscription;
  const used = uploadBytes + downloadBytes;
  const share = totalBytes === 0 ? 0 : Math.min(1, used / totalBytes);
  const tone = share < 0.75 ? 'bg-accent' : share < 0.95 ? 'bg-warn' : 'bg-bad';
  const over = expiresAtMs !== null && expiresAtMs < Date.now();
  return (
    <div className="w-full min-w-44 sm:w-64">
      {totalBytes > 0 && (
        <div className="h-1.5 overflow-hidden rounded-full bg-raised" aria-hidden="true">
          <div className={`h-full rounded-full ${tone}`} style={{ width: `${share * 100}%` }} />
        </div>
      )}
      <p className="mt-1 flex justify-between gap-3 text-soft text-xs tabular-nums">
        <span>
          {totalBytes > 0
            ? t('providers.used', { used: format.bytes(used), total: format.bytes(totalBytes) })
            : t('providers.usedOnly', { used: format.bytes(used) })}
        </span>
        {expiresAtMs !== null && (
          <span className={over ? 'text-bad' : ''}>
            {t(over ? 'providers.expired' : 'providers.expires', { date: format.date(expiresAtMs) })}
          </span>
        )}
      </p>
    </div>
  );
}
