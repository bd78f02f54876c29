import type { ExchangeDetail } from '@sluice/api/native/types';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Segmented } from '../../ui/field.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { useEscape } from '../../ui/use-escape.ts';
import { curlOf } from './curl.ts';
import { MessageView } from './message-view.tsx';
import { ruleDraftFrom, startRule } from './rule-draft.ts';
import { StatusText } from './status-text.tsx';

type Side = 'request' | 'response' | 'original';

/** One exchange beside the list, or over it on a narrow screen. Escape closes it. */
export function ExchangeDetailPane(props: {
  readonly id: string;
  readonly onClose: () => void;
  readonly onDeleted: () => Promise<void>;
}) {
  const { t } = useText();
  const { id, onClose } = props;
  const detail = useQuery({
    queryKey: ['exchange', id],
    queryFn: () => call<ExchangeDetail>('GET', `/exchanges/${encodeURIComponent(id)}`),
    staleTime: 60_000,
    gcTime: 60_000,
  });
  useEscape(onClose);
  return (
    <aside
      aria-label={t('capture.detail')}
      className="fixed inset-0 z-30 flex min-w-0 flex-col border-line bg-panel lg:static lg:w-[46%] lg:border-l"
    >
      {detail.data !== undefined ? (
        <Detail {...props} detail={detail.data} />
      ) : (
        <>
          <IconButton icon="close" label={t('common.close')} onClick={onClose} className="m-2 ml-auto" />
          <EmptyState title={detail.isError ? detail.error.message : t('common.loading')} />
        </>
      )}
    </aside>
  );
}

function Detail(props: {
  readonly detail: ExchangeDetail;
  readonly onClose: () => void;
  readonly onDeleted: () => Promise<void>;
}) {
  const { t, format } = useText();
  const { detail, onClose } = props;
  const { summary, request, response, modified } = detail;
  const navigate = useNavigate();
  const [side, setSide] = useState<Side>(response === null ? 'request' : 'response');
  const remove = async () => {
    if (!(await act(() => call('DELETE', `/exchanges/${encodeURIComponent(summary.id)}`)))) return;
    onClose();
    await props.onDeleted();
  };
  const makeRule = () => {
    startRule(ruleDraftFrom(detail));
    void navigate({ to: '/capture', search: { tab: 'rules' } });
  };
  const shown = side === 'request' ? request : side === 'original' ? response : (modified ?? response);
  return (
    <>
      <header className="flex flex-col gap-2 border-line border-b px-4 py-3">
        <div className="flex items-start gap-2">
          <p className="min-w-0 flex-1 break-all font-mono text-xs leading-5">
            <strong className="mr-2">{request.method}</strong>
            {request.url}
          </p>
          <CopyButton text={request.url} label={t('capture.copyUrl')} />
          <IconButton icon="close" label={t('common.close')} onClick={onClose} />
        </div>
        <dl className="flex flex-wrap items-center gap-x-4 gap-y-1 text-soft tabular-nums">
          <Fact name={t('capture.status')}>
            <StatusText status={modified?.status ?? summary.status} />
          </Fact>
          <Fact name={t('capture.duration')}>{format.ms(summary.durationMs)}</Fact>
          <Fact name={t('capture.time')}>{format.dateTime(summary.startedMs)}</Fact>
          <Fact name={t('capture.client')}>{summary.clientIp}</Fact>
          {request.route.length > 0 && <Fact name={t('connections.chain')}>{request.route.join(' › ')}</Fact>}
          {modified !== null && <Badge tone="accent">{modified.ruleName || t('capture.changed')}</Badge>}
        </dl>
        {summary.error !== '' && <p className="text-bad">{summary.error}</p>}
        <div className="flex flex-wrap items-center gap-2">
          <Segmented
            label={t('capture.side')}
            value={side}
            onChange={setSide}
            options={[
              { value: 'request', label: t('capture.request') },
              { value: 'response', label: t('capture.response') },
              ...(modified === null ? [] : [{ value: 'original' as const, label: t('capture.original') }]),
            ]}
          />
          <span className="ml-auto flex items-center gap-1">
            <Button look="ghost" icon="edit" onClick={makeRule}>
              {t('capture.makeRule')}
            </Button>
            <span className="flex items-center text-soft">
              cURL
              <CopyButton text={curlOf(request)} label={t('capture.copyCurl')} />
            </span>
            <IconButton icon="trash" label={t('capture.delete')} onClick={() => void remove()} />
          </span>
        </div>
      </header>
      {shown === null ? (
        <EmptyState title={t('capture.noResponse')} />
      ) : (
        <MessageView key={side} message={shown} />
      )}
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="flex gap-1.5">
      <dt className="text-faint">{name}</dt>
      <dd className="text-ink">{children}</dd>
    </div>
  );
}
