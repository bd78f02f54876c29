import { readFileSync } from 'node:fs';
import type { Clock } from '@sluice/base/clock';
import type { Frame, Track } from '@sluice/base/media';
import { parseAudioSpecificConfig } from '@sluice/codec/aac/audio-specific-config';
import { parseAudioTag } from '@sluice/codec/flv/audio-tag';
import { FlvDemuxer } from '@sluice/codec/flv/demuxer';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '@sluice/codec/flv/tag';
import { frameFromVideoTag, parseVideoTag } from '@sluice/codec/flv/video-tag';
import { type AvcConfig, parseAvcConfig } from '@sluice/codec/h264/avc-config';
import { parseSps } from '@sluice/codec/h264/sps';
import type { MediaTuple, StreamHub } from '@sluice/core/ports/media';

const SAMPLE = new URL('../../assets/sample.flv', import.meta.url);
const PERIOD_MS = 20;
const SAMPLE_FPS = 25;

/** The tracks and frames of the built-in four-second sample. */
export type Sample = {
  readonly tracks: readonly Track[];
  readonly frames: readonly Frame[];
  readonly durationMs: number;
};

/** Reads the sample that ships with the gateway. */
export function readSample(): Sample {
  const tracks: Track[] = [];
  const frames: Frame[] = [];
  let avc: AvcConfig | undefined;
  for (const event of new FlvDemuxer().push(readFileSync(SAMPLE))) {
    if (event.type !== 'tag') continue;
    if (event.tag.type === TAG_AUDIO) readAudio(event.tag, tracks, frames);
    if (event.tag.type === TAG_VIDEO) avc = readVideo(event.tag, avc, tracks, frames);
  }
  const lastMs = Math.max(...frames.map((frame) => frame.dtsMs));
  return { tracks, frames, durationMs: lastMs + 1_000 / SAMPLE_FPS };
}

function readAudio(tag: FlvTag, tracks: Track[], frames: Frame[]): void {
  const { packet, payload } = parseAudioTag(tag.data);
  if (packet === 'config') {
    const { sampleRate, channels } = parseAudioSpecificConfig(payload);
    tracks.push({ kind: 'audio', codec: 'aac', sampleRate, channels, config: payload });
  } else if (packet === 'frames') {
    frames.push({
      kind: 'audio',
      dtsMs: tag.timestampMs,
      ptsMs: tag.timestampMs,
      keyFrame: true,
      data: payload,
    });
  }
}

function readVideo(
  tag: FlvTag,
  avc: AvcConfig | undefined,
  tracks: Track[],
  frames: Frame[],
): AvcConfig | undefined {
  const video = parseVideoTag(tag.data);
  if (video.packet === 'config') {
    const config = parseAvcConfig(video.payload);
    const sps = config.sps[0] === undefined ? undefined : parseSps(config.sps[0]);
    tracks.push({
      kind: 'video',
      codec: 'h264',
      width: sps?.width ?? 0,
      height: sps?.height ?? 0,
      fps: SAMPLE_FPS,
      config: video.payload,
    });
    return config;
  }
  if (video.packet === 'frames' && avc !== undefined)
    frames.push(frameFromVideoTag(video, tag.timestampMs, avc.lengthBytes));
  return avc;
}

/** Publishes the sample in an endless loop, in real time; returns the way to stop. */
export function publishSample(hub: StreamHub, tuple: MediaTuple, clock: Clock): () => void {
  const sample = readSample();
  const startMs = clock.monotonicMs();
  let next = 0;
  let loop = 0;
  const publication = hub.publish(tuple, { type: 0, url: 'sample', socket: undefined, close: () => stop() });
  for (const track of sample.tracks) publication.setTrack(track);
  publication.tracksComplete();
  const timer = clock.every(PERIOD_MS, () => {
    const elapsedMs = clock.monotonicMs() - startMs;
    for (;;) {
      const frame = sample.frames[next];
      const offsetMs = Math.round(loop * sample.durationMs);
      if (frame === undefined) {
        next = 0;
        loop += 1;
        continue;
      }
      if (frame.dtsMs + offsetMs > elapsedMs) return;
      publication.writeFrame({ ...frame, dtsMs: frame.dtsMs + offsetMs, ptsMs: frame.ptsMs + offsetMs });
      next += 1;
    }
  });
  const stop = (): void => {
    timer.cancel();
    publication.end(true);
  };
  return stop;
}
