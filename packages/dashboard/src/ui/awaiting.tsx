import { useText } from '../text/text.ts';
import { Button } from './button.tsx';
import { EmptyState } from './panel.tsx';

/** What stands in for contents: that they are on their way, or why they could not be had. */
export function Awaiting({
  query,
}: {
  readonly query: { readonly error: Error | null; readonly refetch: () => unknown };
}) {
  const { t } = useText();
  if (query.error === null) return <EmptyState title={t('common.loading')} />;
  return (
    <EmptyState title={query.error.message}>
      <Button icon="refresh" onClick={() => void query.refetch()}>
        {t('common.retry')}
      </Button>
    </EmptyState>
  );
}
