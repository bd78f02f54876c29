import type { Frame } from '@sluice/base/media';
import { encodeAacConfigTag, encodeAacFrameTag } from '@sluice/codec/flv/audio-tag';
import { encodeMetadataTag, metadataOf } from '@sluice/codec/flv/metadata';
import type { FlvTagParts } from '@sluice/codec/flv/tag';
import { encodeAvcConfigTag, encodeAvcFrameTag } from '@sluice/codec/flv/video-tag';
import type { LiveTracks } from '../source/live-tracks.ts';

const SERVER_NAME = 'Sluice';

/** The configuration tags of the tracks: what a decoder needs before the first frame. */
export function configTags(tracks: LiveTracks, timestampMs = 0): FlvTagParts[] {
  const tags: FlvTagParts[] = [];
  if (tracks.video !== undefined) tags.push(encodeAvcConfigTag(tracks.video.config, timestampMs));
  if (tracks.audio !== undefined) tags.push(encodeAacConfigTag(tracks.audio.config, timestampMs));
  return tags;
}

/** onMetaData and the configuration tags: what every FLV and RTMP player is sent first. */
export function preambleTags(tracks: LiveTracks): FlvTagParts[] {
  return [encodeMetadataTag(metadataOf(tracks, SERVER_NAME)), ...configTags(tracks)];
}

/** The tag of one frame; its bytes are not copied. */
export function frameTag(frame: Frame): FlvTagParts {
  return frame.kind === 'video' ? encodeAvcFrameTag(frame) : encodeAacFrameTag(frame);
}
