import type { Metrics } from '@sluice/core/metrics';
import type { LiveCounters } from './live/limits.ts';
import type { StreamRegistry } from './source/stream-registry.ts';

/** Registers the media metrics; the returned function brings the totals up to date and is called once a second. */
export function exportLiveMetrics(
  metrics: Metrics,
  registry: StreamRegistry,
  counters: LiveCounters,
): () => void {
  const streams = () => registry.streams();
  metrics.gauge('media_publishers', 'Streams with a connected publisher.', () => {
    return streams().filter((stream) => stream.origin !== undefined).length;
  });
  metrics.gauge('media_viewers', 'Readers of live streams.', () => {
    return streams().reduce((total, stream) => total + stream.totalReaderCount, 0);
  });
  metrics.gauge('media_hls_window_bytes', 'Bytes of HLS segments in memory.', () => {
    return streams().reduce((total, stream) => total + (stream.hls?.windowBytes ?? 0), 0);
  });
  const bytesOut = metrics.counter('media_bytes_out_total', 'Bytes written to RTMP and FLV viewers.');
  const skips = metrics.counter(
    'media_viewer_skips_total',
    'Times a slow viewer was sent on to a key frame.',
  );
  const closes = metrics.counter(
    'media_viewer_slow_closes_total',
    'Viewers closed because they read too slowly.',
  );
  const reported = { ...counters };
  return () => {
    bytesOut.inc(counters.bytesOut - reported.bytesOut);
    skips.inc(counters.skips - reported.skips);
    closes.inc(counters.slowCloses - reported.slowCloses);
    Object.assign(reported, counters);
  };
}
