import { join } from 'node:path';
import type { Timer } from '@sluice/base/clock';
import type { GatewayContext } from '@sluice/core/gateway-context';
import type { Dialer } from '@sluice/core/ports/dialer';
import type { StreamHub } from '@sluice/core/ports/media';
import type { Service } from '@sluice/core/service';
import { allowAllPublishers, type DecidePublish } from './access.ts';
import { listenHost, type MediaConfig } from './config.ts';
import { LiveHttp } from './http/live-http.ts';
import { DEFAULT_SLOW_READER_LIMITS, type LiveCounters, type SlowReaderLimits } from './live/limits.ts';
import { LiveControl } from './live-control.ts';
import { exportLiveMetrics } from './live-metrics.ts';
import type { MediaControl, MediaHttp } from './port.ts';
import { RtmpServer } from './rtmp/rtmp-server.ts';
import { SessionTable } from './session-table.ts';
import { MediaSettings } from './settings/settings.ts';
import { readStreamOptions } from './source/stream-options.ts';
import { StreamRegistry } from './source/stream-registry.ts';
import { ThreadLoad } from './thread-load.ts';

/** Other planes' doors that media goes through. */
export type MediaPorts = { readonly dialer: Dialer };

/** What tests and later policies may replace. */
export type MediaPolicies = {
  readonly decidePublish?: DecidePublish;
  readonly slowReaders?: SlowReaderLimits;
};

/** Receives and serves live media. */
export type MediaPlane = Service & {
  readonly hub: StreamHub;
  readonly control: MediaControl;
  readonly http: MediaHttp;
  /** Takes a changed configuration; listeners move only when their address changed. @throws GatewayError `media.listen`, with the old listener restored */
  reconfigure(config: MediaConfig): Promise<void>;
};

/** Builds the media plane; `start` opens its listeners. @throws GatewayError `media.settings` */
export function createMediaPlane(
  context: GatewayContext,
  config: MediaConfig,
  _ports: MediaPorts,
  policies: MediaPolicies = {},
): MediaPlane {
  const { clock, events } = context;
  const log = context.log.child('media');
  const counters: LiveCounters = { bytesOut: 0, skips: 0, slowCloses: 0 };
  const settings = new MediaSettings(config, join(context.dataDir, 'media-config.json'));
  const registry = new StreamRegistry({
    clock,
    log,
    counters,
    streamOptions: () => readStreamOptions(settings),
    limits: policies.slowReaders ?? DEFAULT_SLOW_READER_LIMITS,
    leastMergeMs: () => settings.number('general.mergeWriteMS'),
    unwatchedLimitMs: () => settings.number('general.streamNoneReaderDelayMS'),
  });
  const sessions = new SessionTable(clock);
  const decidePublish = policies.decidePublish ?? allowAllPublishers;
  const rtmp = new RtmpServer({ clock, log: log.child('rtmp'), registry, settings, decidePublish }, sessions);
  const http = new LiveHttp({ clock, log: log.child('http'), registry, sessions, settings });
  const threadLoad = new ThreadLoad();
  const updateMetrics = exportLiveMetrics(context.metrics, registry, counters);
  registry.onChange(({ stream, schema, online }) => {
    const { app, stream: name } = stream.tuple;
    log.info(online ? 'stream on line' : 'stream off line', { schema, app, stream: name });
    events.emit('stream.changed', { schema, app, stream: name, online });
  });
  settings.onChange(() => events.emit('config.changed', { section: 'media' }));

  let applied = config;
  let listening = { host: listenHost(config), port: settings.number('rtmp.port') };
  let timer: Timer | undefined;
  const listen = async ({ host, port }: typeof listening) => {
    if (port > 0) await rtmp.listen(host, port);
  };
  return {
    name: 'media',
    hub: registry,
    control: new LiveControl({ registry, sessions, settings, rtmp, threadLoad }),
    http,
    async start() {
      await listen(listening);
      threadLoad.start();
      timer = clock.every(1000, () => {
        updateMetrics();
        threadLoad.sample();
      });
    },
    async stop(deadline) {
      timer?.cancel();
      threadLoad.stop();
      rtmp.stopListening();
      registry.closeAll('shutting down');
      rtmp.close();
      http.close();
      await sessions.drain(deadline);
    },
    async reconfigure(next) {
      settings.reconfigure(next);
      const wanted = { host: listenHost(next), port: settings.number('rtmp.port') };
      if (wanted.host === listening.host && wanted.port === listening.port) {
        applied = next;
        return;
      }
      rtmp.stopListening();
      try {
        await listen(wanted);
        listening = wanted;
        applied = next;
      } catch (error) {
        settings.reconfigure(applied);
        await listen(listening);
        throw error;
      }
    },
  };
}
