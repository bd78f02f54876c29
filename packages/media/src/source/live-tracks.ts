import type { AudioTrack, Track, VideoTrack } from '@sluice/base/media';

/** The tracks of a stream as every output sees them. */
export type LiveTracks = { readonly video: VideoTrack | undefined; readonly audio: AudioTrack | undefined };

/** True when a decoder that was set up for one track can go on with the other. */
export function isSameTrack(a: Track, b: Track): boolean {
  return a.kind === b.kind && a.codec === b.codec && Buffer.compare(a.config, b.config) === 0;
}
