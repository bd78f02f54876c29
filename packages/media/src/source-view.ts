import type { MediaFilter, MediaSourceView } from './port.ts';
import type { LiveStream, Schema } from './source/live-stream.ts';

const SCHEMAS: readonly Schema[] = ['rtmp', 'hls'];
const ORIGIN_TYPES = [
  'unknown',
  'rtmp_push',
  'rtsp_push',
  'rtp_push',
  'pull',
  'ffmpeg_pull',
  'mp4_vod',
  'device_chn',
  'rtc_push',
  'srt_push',
];

/** The schemas of a stream that a filter asks for. Virtual hosts are not told apart, so `vhost` matches anything. */
export function matchingSchemas(stream: LiveStream, filter: MediaFilter): readonly Schema[] {
  const { app, stream: name } = stream.tuple;
  if ((filter.app ?? app) !== app || (filter.stream ?? name) !== name) return [];
  return SCHEMAS.filter((schema) => (filter.schema ?? schema) === schema && stream.hasSchema(schema));
}

/** One schema of a stream as the control API describes it. */
export function viewSource(stream: LiveStream, schema: Schema): MediaSourceView {
  const { origin, rate, tuple } = stream;
  const originType = origin?.type ?? 0;
  return {
    schema,
    ...tuple,
    createdMs: stream.createdMs,
    aliveSeconds: stream.aliveSeconds,
    currentStampMs: schema === 'hls' ? 0 : stream.currentStampMs,
    bytesPerSecond: rate.bytesPerSecond,
    totalBytes: schema === 'hls' ? (stream.hls?.totalBytes ?? 0) : rate.totalBytes,
    readerCount: stream.readers(schema).length,
    totalReaderCount: stream.totalReaderCount,
    originType,
    originTypeName: ORIGIN_TYPES[originType] ?? 'unknown',
    originUrl: origin?.url ?? `${schema}://${tuple.vhost}/${tuple.app}/${tuple.stream}`,
    originSocket: origin?.socket,
    recordingMp4: false,
    recordingHls: stream.hls?.closed === false,
    tracks: stream.trackStates.map((state) => state.view()),
  };
}
