import type { Stream } from '@sluice/api/native/types';

const AUDIO_NAMES: Readonly<Record<string, string>> = { 'mpeg4-generic': 'AAC' };

export function nameOf(stream: Stream): string {
  return `${stream.app}/${stream.stream}`;
}

/** Names the stream in addresses and lists. */
export function keyOf(stream: Stream): string {
  return `${stream.vhost}/${nameOf(stream)}`;
}

export function codecNameOf(codec: string): string {
  return AUDIO_NAMES[codec] ?? codec.toUpperCase();
}

export function codecsOf(stream: Stream): string {
  return stream.tracks.map((track) => codecNameOf(track.codec)).join(' + ');
}

/** `1280×720 · 25 fps`, empty without video. */
export function pictureOf(stream: Stream): string {
  const video = stream.tracks.find((track) => track.kind === 'video');
  if (video?.width === undefined || video.height === undefined) return '';
  const fps = video.fps === undefined || video.fps === 0 ? '' : ` · ${Math.round(video.fps)} fps`;
  return `${video.width}×${video.height}${fps}`;
}
