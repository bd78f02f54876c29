import type { FlvTagParts } from '@sluice/codec/flv/tag';
import type { LiveTracks } from '../source/live-tracks.ts';

/** How the tags of a stream become the bytes of one kind of player; stateless, so that all players share the bytes. */
export type OutputFormat = {
  readonly name: string;
  encodePreamble(tracks: LiveTracks): Buffer;
  encodeTags(tags: readonly FlvTagParts[]): Buffer;
};
