import type { NativeDependencies } from './dependencies.ts';
import { ExchangeFeed } from './exchange-feed.ts';
import { OverviewRecorder } from './overview.ts';
import type { NativeRoute, NativeStream } from './table.ts';
import { dnsRoutes } from './tables/dns.ts';
import { explainRoutes } from './tables/explain.ts';
import { geoRoutes } from './tables/geo.ts';
import { inspectRoutes, inspectStreams } from './tables/inspect.ts';
import { mediaRoutes, mediaStreams } from './tables/media.ts';
import { overviewRoutes, overviewStreams } from './tables/overview.ts';
import { providerRoutes } from './tables/providers.ts';
import { routeRoutes, routeStreams } from './tables/route.ts';
import { statisticsRoutes } from './tables/statistics.ts';
import { systemRoutes, systemStreams } from './tables/system.ts';

/** Everything the native API answers, before any HTTP. */
export type NativeApi = {
  readonly routes: readonly NativeRoute[];
  readonly streams: readonly NativeStream[];
  /** Stops sampling and forgets every watcher. */
  close(): void;
};

/** Builds the tables of the native API and starts its once-a-second sampling. */
export function createNativeApi(deps: NativeDependencies): NativeApi {
  const recorder = new OverviewRecorder(deps);
  const feed = new ExchangeFeed(deps);
  return {
    routes: [
      ...overviewRoutes(deps, recorder),
      ...routeRoutes(deps),
      ...explainRoutes(deps),
      ...statisticsRoutes(deps),
      ...providerRoutes(deps),
      ...dnsRoutes(deps),
      ...geoRoutes(deps),
      ...inspectRoutes(deps),
      ...mediaRoutes(deps),
      ...systemRoutes(deps),
    ],
    streams: [
      ...overviewStreams(recorder),
      ...routeStreams(deps),
      ...inspectStreams(feed),
      ...mediaStreams(deps),
      ...systemStreams(deps),
    ],
    close() {
      recorder.close();
      feed.close();
    },
  };
}
