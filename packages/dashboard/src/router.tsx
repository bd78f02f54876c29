import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { Shell } from './shell.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: OverviewPage });

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const overview = createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage });
const connections = createRoute({
  getParentRoute: () => root,
  path: '/connections',
  component: lazyRouteComponent(() => import('./pages/connections/connections-page.tsx'), 'ConnectionsPage'),
  validateSearch(search: Record<string, unknown>): { connection?: string } {
    const connection = text(search['connection']);
    return connection === undefined ? {} : { connection };
  },
});
const capture = createRoute({
  getParentRoute: () => root,
  path: '/capture',
  component: lazyRouteComponent(() => import('./pages/capture/capture-page.tsx'), 'CapturePage'),
  /** What is open is part of the address, so that it can be shared and the back button closes it. */
  validateSearch(search: Record<string, unknown>): { exchange?: string; tab?: 'rules' } {
    const exchange = text(search['exchange']);
    return {
      ...(exchange === undefined ? {} : { exchange }),
      ...(search['tab'] === 'rules' ? { tab: 'rules' } : {}),
    };
  },
});
const streams = createRoute({
  getParentRoute: () => root,
  path: '/streams',
  component: lazyRouteComponent(() => import('./pages/streams/streams-page.tsx'), 'StreamsPage'),
  validateSearch(search: Record<string, unknown>): { stream?: string } {
    const stream = text(search['stream']);
    return stream === undefined ? {} : { stream };
  },
});
const logs = createRoute({
  getParentRoute: () => root,
  path: '/logs',
  component: lazyRouteComponent(() => import('./pages/logs-page.tsx'), 'LogsPage'),
});
const proxies = createRoute({
  getParentRoute: () => root,
  path: '/proxies',
  component: lazyRouteComponent(() => import('./pages/proxies/proxies-page.tsx'), 'ProxiesPage'),
  /** `explain` is what the explain pane was asked last, empty before that. */
  validateSearch(search: Record<string, unknown>): { tab?: 'rules' | 'providers'; explain?: string } {
    const { tab, explain } = search;
    return {
      ...(tab === 'rules' || tab === 'providers' ? { tab } : {}),
      ...(tab === 'rules' && typeof explain === 'string' ? { explain } : {}),
    };
  },
});
const dns = createRoute({
  getParentRoute: () => root,
  path: '/dns',
  component: lazyRouteComponent(() => import('./pages/dns/dns-page.tsx'), 'DnsPage'),
});
const statistics = createRoute({
  getParentRoute: () => root,
  path: '/statistics',
  component: lazyRouteComponent(() => import('./pages/statistics/statistics-page.tsx'), 'StatisticsPage'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings-page.tsx'), 'SettingsPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    connections,
    capture,
    streams,
    logs,
    proxies,
    dns,
    statistics,
    settings,
  ]),
  history: createHashHistory(),
  defaultPreload: 'intent',
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
