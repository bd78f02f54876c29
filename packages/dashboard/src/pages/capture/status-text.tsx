import { useText } from '../../text/text.ts';

/** A response status in the colour of its class. */
export function StatusText({ status }: { readonly status: number }) {
  const { t } = useText();
  const tone =
    status === 0 || status >= 500
      ? 'text-bad'
      : status >= 400
        ? 'text-warn'
        : status >= 300
          ? 'text-soft'
          : 'text-good';
  return (
    <span className={`font-medium tabular-nums ${tone}`}>{status === 0 ? t('capture.failed') : status}</span>
  );
}
