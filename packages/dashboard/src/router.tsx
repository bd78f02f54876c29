import { createHashHistory, createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { CapturePage } from './pages/capture/capture-page.tsx';
import { ConnectionsPage } from './pages/connections-page.tsx';
import { LogsPage } from './pages/logs-page.tsx';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { ProxiesPage } from './pages/proxies-page.tsx';
import { SettingsPage } from './pages/settings-page.tsx';
import { StreamsPage } from './pages/streams/streams-page.tsx';
import { Shell } from './shell.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: OverviewPage });

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const overview = createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage });
const connections = createRoute({
  getParentRoute: () => root,
  path: '/connections',
  component: ConnectionsPage,
});
const capture = createRoute({
  getParentRoute: () => root,
  path: '/capture',
  component: CapturePage,
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
  component: StreamsPage,
  validateSearch(search: Record<string, unknown>): { stream?: string } {
    const stream = text(search['stream']);
    return stream === undefined ? {} : { stream };
  },
});
const logs = createRoute({ getParentRoute: () => root, path: '/logs', component: LogsPage });
const proxies = createRoute({
  getParentRoute: () => root,
  path: '/proxies',
  component: ProxiesPage,
  validateSearch: (search: Record<string, unknown>): { tab?: 'rules' } =>
    search['tab'] === 'rules' ? { tab: 'rules' } : {},
});
const settings = createRoute({ getParentRoute: () => root, path: '/settings', component: SettingsPage });

export const router = createRouter({
  routeTree: root.addChildren([overview, connections, capture, streams, logs, proxies, settings]),
  history: createHashHistory(),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
