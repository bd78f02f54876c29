import type { Overview } from '@sluice/api/native/types';
import type { ReactNode } from 'react';
import { samples } from '../../api/overview-feed.ts';
import { useStore } from '../../lib/store.ts';
import { useText } from '../../text/text.ts';
import { Badge } from '../../ui/badge.tsx';
import { Panel } from '../../ui/panel.tsx';
import { MODE_KEYS } from '../modes.ts';

/** What runs here: version, age, mode, listeners and engines. */
export function GatewayFacts({ overview }: { readonly overview: Overview }) {
  const { t, format } = useText();
  const uptime = useStore(samples).at(-1)?.uptimeSeconds ?? overview.sample.uptimeSeconds;
  return (
    <Panel title={t('overview.gateway')}>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 px-3.5 py-3 tabular-nums">
        <Fact name={t('overview.version')}>{overview.version}</Fact>
        <Fact name={t('overview.uptime')}>{format.duration(uptime)}</Fact>
        <Fact name={t('settings.mode')}>{t(MODE_KEYS[overview.mode])}</Fact>
        <Fact name={t('overview.dataDir')}>
          <span className="break-all font-mono text-xs">{overview.dataDir}</span>
        </Fact>
        {overview.listeners.map((listener) => (
          <Fact
            key={`${listener.plane} ${listener.name} ${listener.port}`}
            name={`${listener.plane} · ${listener.name}`}
          >
            <span className="font-mono text-xs">
              {listener.host.includes(':') ? `[${listener.host}]` : listener.host || '*'}:{listener.port}
            </span>
          </Fact>
        ))}
      </dl>
      {overview.engines.length > 0 && (
        <ul className="mt-auto flex flex-wrap gap-1.5 border-line border-t px-3.5 py-2.5">
          {overview.engines.map((engine) => (
            <li key={engine.name} title={engine.detail}>
              <Badge tone={engine.active ? 'good' : 'neutral'}>
                {engine.name} · {t(engine.active ? 'overview.engineNative' : 'overview.engineFallback')}
              </Badge>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0 text-right">{children}</dd>
    </>
  );
}
