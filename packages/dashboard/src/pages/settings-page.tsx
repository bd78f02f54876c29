import type { LogLevelName, Settings, SettingsPatch } from '@sluice/api/native/types';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../api/client.ts';
import { useStore } from '../lib/store.ts';
import { THEMES, themeChoice } from '../lib/theme.ts';
import { LANGUAGE_NAMES, LANGUAGES } from '../text/languages.ts';
import { languageChoice, useText } from '../text/text.ts';
import { act } from '../ui/action.ts';
import { Segmented, Select } from '../ui/field.tsx';
import { Panel } from '../ui/panel.tsx';
import { GeoPanel } from './geo-databases.tsx';
import { MODE_KEYS, MODES } from './modes.ts';

const LEVELS: readonly LogLevelName[] = ['debug', 'info', 'warning', 'error', 'silent'];

export function SettingsPage() {
  const { t } = useText();
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-3 p-3 md:gap-4 md:p-5">
      <Panel title={t('settings.gateway')}>
        <GatewaySettings />
      </Panel>
      <GeoPanel />
      <Panel title={t('settings.page')}>
        <PageSettings />
      </Panel>
    </div>
  );
}

function GatewaySettings() {
  const { t } = useText();
  const queries = useQueryClient();
  const settings = useQuery({ queryKey: ['settings'], queryFn: () => call<Settings>('GET', '/settings') });
  const patch = async (body: SettingsPatch) => {
    await act(
      async () => queries.setQueryData(['settings'], await call<Settings>('PATCH', '/settings', { body })),
      t('settings.saved'),
    );
  };
  return (
    <>
      <Row title={t('settings.mode')} text={t('settings.modeText')}>
        <Segmented
          label={t('settings.mode')}
          value={settings.data?.mode}
          options={MODES.map((value) => ({ value, label: t(MODE_KEYS[value]) }))}
          onChange={(mode) => void patch({ mode })}
        />
      </Row>
      <Row title={t('settings.logLevel')} text={t('settings.logLevelText')}>
        <Select
          label={t('settings.logLevel')}
          value={settings.data?.logLevel}
          options={LEVELS.map((value) => ({ value, label: t(`level.${value}`) }))}
          onChange={(logLevel) => void patch({ logLevel })}
        />
      </Row>
      <p className="px-3.5 pb-3 text-faint text-xs">{t('settings.untilRestart')}</p>
    </>
  );
}

function PageSettings() {
  const { t } = useText();
  const language = useStore(languageChoice);
  const theme = useStore(themeChoice);
  return (
    <>
      <Row title={t('settings.language')}>
        <Segmented
          label={t('settings.language')}
          value={language}
          options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))}
          onChange={languageChoice.set}
        />
      </Row>
      <Row title={t('settings.theme')}>
        <Segmented
          label={t('settings.theme')}
          value={theme}
          options={THEMES.map((value) => ({ value, label: t(`theme.${value}`) }))}
          onChange={themeChoice.set}
        />
      </Row>
    </>
  );
}

function Row({
  title,
  text,
  children,
}: {
  readonly title: string;
  readonly text?: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="flex flex-wrap items-center gap-x-6 gap-y-2 px-3.5 py-3">
      <div className="min-w-48 flex-1">
        <p className="font-medium">{title}</p>
        {text !== undefined && <p className="text-soft">{text}</p>}
      </div>
      {children}
    </div>
  );
}
