import type { DnsState, Removed } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Panel } from '../../ui/panel.tsx';
import { QueryLog } from './query-log.tsx';
import { QueryTool } from './query-tool.tsx';

/** The resolver: its counters, a way to ask it, and what it was asked. */
export function DnsPage() {
  return (
    <div className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3 md:gap-4 md:p-5">
      <div className="grid gap-3 md:gap-4 lg:grid-cols-2">
        <StatePanel />
        <QueryTool />
      </div>
      <QueryLog />
    </div>
  );
}

function StatePanel() {
  const { t, format } = useText();
  const queries = useQueryClient();
  const state = useQuery({
    queryKey: ['dns'],
    queryFn: () => call<DnsState>('GET', '/dns'),
    refetchInterval: 3000,
  });
  const flush = async (path: string, done: string) => {
    await act(() => call<Removed>('DELETE', path), done);
    await queries.invalidateQueries({ queryKey: ['dns'] });
  };
  const flushFakeIps = async () => {
    const action = t('dns.flushFakeIps');
    if (await confirm(action, t('dns.flushFakeIpsText'), action))
      await flush('/dns/fake-ips', t('dns.flushedFakeIps'));
  };
  const { data } = state;
  const share = data === undefined || data.queries === 0 ? 0 : data.cacheHits / data.queries;
  return (
    <Panel title={t('dns.state')}>
      {data === undefined ? (
        <Awaiting query={state} />
      ) : (
        <div className="flex flex-1 flex-col gap-3 p-3.5">
          {!data.enabled && <p className="text-warn">{t('dns.off')}</p>}
          <dl className="grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-4">
            <Figure name={t('dns.queries')} value={format.number(data.queries)} />
            <Figure name={t('dns.hits')} value={`${format.number(Math.round(share * 100))} %`} />
            <Figure name={t('dns.cacheEntries')} value={format.number(data.cacheEntries)} />
            <Figure name={t('dns.fakeIps')} value={format.number(data.fakeIps)} />
          </dl>
          <div className="mt-auto flex flex-wrap gap-2">
            <Button
              icon="trash"
              disabled={data.cacheEntries === 0}
              onClick={() => void flush('/dns/cache', t('dns.flushedCache'))}
            >
              {t('dns.flushCache')}
            </Button>
            <Button
              look="danger"
              icon="trash"
              disabled={data.fakeIps === 0}
              onClick={() => void flushFakeIps()}
            >
              {t('dns.flushFakeIps')}
            </Button>
          </div>
        </div>
      )}
    </Panel>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div className="min-w-0">
      <dt className="truncate text-soft">{name}</dt>
      <dd className="truncate font-semibold text-lg tabular-nums">{value}</dd>
    </div>
  );
}
