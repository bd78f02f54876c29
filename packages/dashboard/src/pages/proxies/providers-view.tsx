import type { ProxyProvider, ProxyProviders, RuleProvider, RuleProviders } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Awaiting } from '../../ui/awaiting.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { ListPage } from '../../ui/page.tsx';
import { EmptyState, Panel } from '../../ui/panel.tsx';
import { ProviderNodes } from './provider-nodes.tsx';
import { SubscriptionUsage } from './subscription-usage.tsx';

/** Where nodes and rule sets come from, how fresh they are, and the ways to refresh them. */
export function ProvidersView({ tabs }: { readonly tabs: ReactNode }) {
  const { t } = useText();
  const proxies = useQuery({
    queryKey: ['providers', 'proxies'],
    queryFn: () => call<ProxyProviders>('GET', '/providers/proxies'),
    refetchInterval: 10_000,
  });
  const rules = useQuery({
    queryKey: ['providers', 'rules'],
    queryFn: () => call<RuleProviders>('GET', '/providers/rules'),
    refetchInterval: 10_000,
  });
  const ofProxies = proxies.data?.providers.filter(({ vehicle }) => vehicle !== 'Compatible');
  const ofRules = rules.data?.providers;
  return (
    <ListPage tools={tabs}>
      <div className="min-w-0 flex-1 overflow-auto bg-ground">
        <div className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3 md:gap-4 md:p-5">
          <Panel title={t('providers.proxy')}>
            {ofProxies === undefined && <Awaiting query={proxies} />}
            {ofProxies?.length === 0 && <EmptyState title={t('providers.none')} />}
            <ul>
              {ofProxies?.map((provider) => (
                <ProxyProviderRow key={provider.name} provider={provider} />
              ))}
            </ul>
          </Panel>
          <Panel title={t('providers.rule')}>
            {ofRules === undefined && <Awaiting query={rules} />}
            {ofRules?.length === 0 && <EmptyState title={t('providers.none')} />}
            <ul>
              {ofRules?.map((provider) => (
                <RuleProviderRow key={provider.name} provider={provider} />
              ))}
            </ul>
          </Panel>
        </div>
      </div>
    </ListPage>
  );
}

/** Runs one action of a provider at a time and reads the providers again afterwards. */
function useProviderAction() {
  const queries = useQueryClient();
  const [running, setRunning] = useState(false);
  const run = async (path: string, done: string) => {
    setRunning(true);
    await act(() => call('POST', path), done);
    setRunning(false);
    await queries.invalidateQueries({ queryKey: ['providers'] });
  };
  return { running, run };
}

function ProxyProviderRow({ provider }: { readonly provider: ProxyProvider }) {
  const { t, format } = useText();
  const { running, run } = useProviderAction();
  const [open, setOpen] = useState(false);
  const { name } = provider;
  const path = `/providers/proxies/${encodeURIComponent(name)}`;
  return (
    <li className="border-line/60 border-b last:border-0">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 px-3.5 py-2.5">
        <div className="min-w-44 flex-1">
          <Title name={name} vehicle={provider.vehicle} />
          <p className="text-soft text-xs tabular-nums">
            {t('providers.alive', {
              alive: format.number(provider.aliveCount),
              total: format.number(provider.nodeCount),
            })}
            {' · '}
            <Updated atMs={provider.updatedAtMs} />
          </p>
          <Problem text={provider.lastError} />
        </div>
        {provider.subscription !== null && <SubscriptionUsage subscription={provider.subscription} />}
        <div className="ml-auto flex items-center gap-1">
          <Button
            icon="gauge"
            disabled={running}
            aria-label={t('providers.check', { name })}
            onClick={() => void run(`${path}/check`, t('providers.checked', { name }))}
          >
            {t('providers.checkAll')}
          </Button>
          <Button
            icon="refresh"
            disabled={running}
            aria-label={t('providers.update', { name })}
            onClick={() => void run(`${path}/update`, t('providers.done', { name }))}
          >
            {t('common.update')}
          </Button>
          <IconButton
            icon={open ? 'fold' : 'unfold'}
            label={t(open ? 'proxies.collapse' : 'proxies.expand', { name })}
            aria-expanded={open}
            disabled={provider.nodeCount === 0}
            onClick={() => setOpen(!open)}
          />
        </div>
      </div>
      {open && <ProviderNodes name={name} />}
    </li>
  );
}

function RuleProviderRow({ provider }: { readonly provider: RuleProvider }) {
  const { t, format } = useText();
  const { running, run } = useProviderAction();
  const { name } = provider;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 border-line/60 border-b px-3.5 py-2.5 last:border-0">
      <div className="min-w-44 flex-1">
        <Title name={name} vehicle={provider.vehicle} />
        <p className="text-soft text-xs tabular-nums">
          {[provider.behavior, ...(provider.format === '' ? [] : [provider.format])].join(' · ')}
          {' · '}
          {t('providers.rules', { number: format.number(provider.ruleCount) })}
          {' · '}
          <Updated atMs={provider.updatedAtMs} />
        </p>
        <Problem text={provider.lastError} />
      </div>
      <Button
        icon="refresh"
        className="ml-auto"
        disabled={running}
        aria-label={t('providers.update', { name })}
        onClick={() =>
          void run(`/providers/rules/${encodeURIComponent(name)}/update`, t('providers.done', { name }))
        }
      >
        {t('common.update')}
      </Button>
    </li>
  );
}

function Title({ name, vehicle }: { readonly name: string; readonly vehicle: string }) {
  return (
    <p className="flex min-w-0 items-center gap-2">
      <span className="truncate font-medium">{name}</span>
      <Badge>{vehicle}</Badge>
    </p>
  );
}

function Updated({ atMs }: { readonly atMs: number | null }) {
  const { t, format } = useText();
  if (atMs === null) return <span>{t('providers.neverUpdated')}</span>;
  const when = t('common.ago', { time: format.duration((Date.now() - atMs) / 1000) });
  return <span title={format.dateTime(atMs)}>{t('providers.updated', { when })}</span>;
}

function Problem({ text }: { readonly text: string }) {
  return text === '' ? null : <p className="break-words text-bad text-xs">{text}</p>;
}
