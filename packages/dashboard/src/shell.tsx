import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useEffect } from 'react';
import { secretWanted } from './api/client.ts';
import { gatewayState, samples, startOverviewFeed } from './api/overview-feed.ts';
import { useStore } from './lib/store.ts';
import { shownTheme, themeChoice } from './lib/theme.ts';
import { SecretPrompt } from './secret-prompt.tsx';
import { LANGUAGE_NAMES, LANGUAGES } from './text/languages.ts';
import { languageChoice, type MessageKey, useText } from './text/text.ts';
import { IconButton } from './ui/button.tsx';
import { ConfirmDialog } from './ui/confirm.tsx';
import { Select } from './ui/field.tsx';
import { Icon, type IconName } from './ui/icon.tsx';
import { Notices } from './ui/notices.tsx';

const PAGES: readonly { readonly to: string; readonly icon: IconName; readonly key: MessageKey }[] = [
  { to: '/', icon: 'overview', key: 'nav.overview' },
  { to: '/connections', icon: 'connections', key: 'nav.connections' },
  { to: '/capture', icon: 'capture', key: 'nav.capture' },
  { to: '/streams', icon: 'streams', key: 'nav.streams' },
  { to: '/proxies', icon: 'proxies', key: 'nav.proxies' },
  { to: '/dns', icon: 'dns', key: 'nav.dns' },
  { to: '/statistics', icon: 'statistics', key: 'nav.statistics' },
  { to: '/logs', icon: 'logs', key: 'nav.logs' },
  { to: '/settings', icon: 'settings', key: 'nav.settings' },
];

/** What surrounds every page: navigation, the state of the gateway, questions and notices. */
export function Shell() {
  const { t } = useText();
  const { pathname } = useLocation();
  useEffect(() => startOverviewFeed(), []);
  const page = PAGES.find(({ to }) => to === pathname) ?? PAGES[0];
  const title = page === undefined ? '' : t(page.key);
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
  return (
    <div className="flex h-full flex-col md:flex-row">
      <Sidebar />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <LostBanner />
        <header className="flex h-12 shrink-0 items-center gap-3 border-line border-b bg-panel px-3 md:px-5">
          <h1 className="font-semibold text-base">{title}</h1>
          <TrafficNow />
        </header>
        <main className="min-h-0 flex-1 overflow-auto">
          <Outlet />
        </main>
      </div>
      <TabBar />
      <ConfirmDialog />
      <Notices />
      <SecretGate />
    </div>
  );
}

function Sidebar() {
  const { t } = useText();
  return (
    <nav
      aria-label={t('nav.label')}
      className="hidden w-52 shrink-0 flex-col border-line border-r bg-panel md:flex"
    >
      <div className="flex h-12 items-center gap-2.5 px-4">
        <img src="./icon.svg" alt="" width="24" height="24" />
        <span className="font-semibold text-base tracking-tight">Sluice</span>
      </div>
      <ul className="flex flex-col gap-0.5 px-2 py-2">
        {PAGES.map(({ to, icon, key }) => (
          <li key={to}>
            <Link
              to={to}
              className="flex h-8.5 items-center gap-2.5 rounded-md px-2.5 text-soft hover:bg-raised hover:text-ink aria-[current=page]:bg-wash aria-[current=page]:font-medium aria-[current=page]:text-accent"
              activeOptions={{ exact: true, includeSearch: false }}
            >
              <Icon name={icon} />
              {t(key)}
            </Link>
          </li>
        ))}
      </ul>
      <div className="mt-auto flex items-center gap-1.5 border-line border-t p-2">
        <LanguageSelect />
        <ThemeButton />
      </div>
    </nav>
  );
}

function TabBar() {
  const { t } = useText();
  return (
    <nav aria-label={t('nav.label')} className="flex shrink-0 border-line border-t bg-panel md:hidden">
      {PAGES.map(({ to, icon, key }) => (
        <Link
          key={to}
          to={to}
          aria-label={t(key)}
          title={t(key)}
          className="grid h-12 flex-1 place-items-center text-faint aria-[current=page]:text-accent"
          activeOptions={{ exact: true, includeSearch: false }}
        >
          <Icon name={icon} size={20} />
        </Link>
      ))}
    </nav>
  );
}

function LanguageSelect() {
  const { t } = useText();
  const language = useStore(languageChoice);
  return (
    <Select
      label={t('settings.language')}
      value={language}
      options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))}
      onChange={languageChoice.set}
    />
  );
}

function ThemeButton() {
  const { t } = useText();
  const shown = useStore(shownTheme);
  const other = shown === 'dark' ? 'light' : 'dark';
  return (
    <IconButton
      icon={other === 'dark' ? 'moon' : 'sun'}
      label={t(other === 'dark' ? 'theme.toDark' : 'theme.toLight')}
      className="ml-auto"
      onClick={() => themeChoice.set(other)}
    />
  );
}

function TrafficNow() {
  const { t, format } = useText();
  const state = useStore(gatewayState);
  const newest = useStore(samples).at(-1);
  const known: readonly [string, MessageKey] =
    state === 'open'
      ? ['bg-good', 'state.open']
      : state === 'lost'
        ? ['bg-bad', 'state.lost']
        : ['bg-warn', 'state.connecting'];
  return (
    <div className="ml-auto flex items-center gap-4 text-soft tabular-nums">
      {newest !== undefined && (
        <>
          <span className="flex items-center gap-1" title={t('overview.download')}>
            <span className="text-down">
              <Icon name="down" size={14} />
            </span>
            <span className="sr-only">{t('overview.download')}</span>
            {format.rate(newest.traffic.downBytesPerSecond)}
          </span>
          <span className="flex items-center gap-1" title={t('overview.upload')}>
            <span className="text-up">
              <Icon name="up" size={14} />
            </span>
            <span className="sr-only">{t('overview.upload')}</span>
            {format.rate(newest.traffic.upBytesPerSecond)}
          </span>
        </>
      )}
      <span className="flex items-center gap-1.5" title={t(known[1])}>
        <span className={`size-2 rounded-full ${known[0]}`} />
        <span className="sr-only sm:not-sr-only">{t(known[1])}</span>
      </span>
    </div>
  );
}

function LostBanner() {
  const { t } = useText();
  const state = useStore(gatewayState);
  const wanted = useStore(secretWanted);
  if (state !== 'lost' || wanted !== 'no') return null;
  return (
    <p role="alert" className="flex items-center gap-2 bg-bad px-5 py-1.5 font-medium text-panel">
      <Icon name="warning" size={15} />
      {t('state.lostBanner')}
    </p>
  );
}

function SecretGate() {
  const wanted = useStore(secretWanted);
  return wanted === 'no' ? null : <SecretPrompt wrong={wanted === 'wrong'} />;
}
