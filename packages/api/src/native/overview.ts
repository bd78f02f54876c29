import type { Timer } from '@sluice/base/clock';
import { Ring } from '@sluice/base/ring';
import { addressesOf } from './addresses.ts';
import type { NativeDependencies } from './dependencies.ts';
import type { Address, Listener, Overview, OverviewSample } from './types.ts';

const SAMPLE_PERIOD_MS = 1000;
const HISTORY_SAMPLES = 600;

/** Samples the gateway once a second, keeps the last ten minutes, and tells whoever watches. */
export class OverviewRecorder {
  readonly #deps: NativeDependencies;
  readonly #history = new Ring<OverviewSample>(HISTORY_SAMPLES);
  readonly #watchers = new Set<(sample: OverviewSample) => void>();
  readonly #timer: Timer;

  constructor(deps: NativeDependencies) {
    this.#deps = deps;
    this.#timer = deps.clock.every(SAMPLE_PERIOD_MS, () => this.#record());
  }

  /** Oldest first. */
  history(): OverviewSample[] {
    return this.#history.toArray();
  }

  watch(watcher: (sample: OverviewSample) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  close(): void {
    this.#timer.cancel();
    this.#watchers.clear();
  }

  sample(): OverviewSample {
    return takeSample(this.#deps);
  }

  #record(): void {
    const sample = this.sample();
    this.#history.push(sample);
    for (const watcher of this.#watchers) watcher(sample);
  }
}

function takeSample({ route, inspect, media, clock, startedMs }: NativeDependencies): OverviewSample {
  const memory = process.memoryUsage();
  const traffic = route.traffic();
  const viewersByStream = new Map<string, number>();
  for (const { vhost, app, stream, totalReaderCount } of media.sources({})) {
    viewersByStream.set(`${vhost}/${app}/${stream}`, totalReaderCount);
  }
  let viewers = 0;
  for (const count of viewersByStream.values()) viewers += count;
  return {
    timeMs: clock.now(),
    uptimeSeconds: Math.max(0, Math.floor((clock.now() - startedMs) / 1000)),
    memory: {
      rssBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      heapTotalBytes: memory.heapTotal,
      externalBytes: memory.external,
    },
    traffic: {
      upBytesPerSecond: traffic.up,
      downBytesPerSecond: traffic.down,
      upTotalBytes: traffic.upTotal,
      downTotalBytes: traffic.downTotal,
    },
    counts: {
      connections: route.connections().length,
      exchanges: inspect.exchangeCount(),
      streams: viewersByStream.size,
      viewers,
      sessions: media.sessions({}).length,
    },
  };
}

/** Every listener of every plane. */
export function listenersOf(deps: NativeDependencies): Listener[] {
  return [
    ...deps.apiListeners(),
    ...deps.route.listeners().map((at): Listener => ({ plane: 'route', ...at })),
    ...deps.inspect.listeners().map((at): Listener => ({ plane: 'inspect', ...at })),
    ...deps.media.listeners().map((at): Listener => ({ plane: 'media', ...at })),
  ];
}

/** The addresses to offer a client that reached the gateway as `hostname`. */
export function addressesFor(deps: NativeDependencies, hostname: string): Address[] {
  return addressesOf(listenersOf(deps), hostname);
}

export function overviewOf(deps: NativeDependencies, sample: OverviewSample, hostname: string): Overview {
  return {
    version: deps.version,
    startedMs: deps.startedMs,
    mode: deps.route.settings().mode,
    dataDir: deps.dataDir,
    listeners: listenersOf(deps),
    addresses: addressesFor(deps, hostname),
    ca: deps.inspect.ca(),
    engines: deps.engines(),
    sample,
  };
}
