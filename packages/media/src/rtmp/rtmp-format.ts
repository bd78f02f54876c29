import { encodeRtmpMessages } from '@sluice/codec/rtmp/chunk-encoder';
import { preambleTags } from '../live/live-tags.ts';
import type { OutputFormat } from '../live/output-format.ts';

/** RTMP chunks with full headers and fixed ids, which makes them the same for every player. */
export const rtmpFormat: OutputFormat = {
  name: 'rtmp',
  encodePreamble: (tracks) => encodeRtmpMessages(preambleTags(tracks)),
  encodeTags: (tags) => encodeRtmpMessages(tags),
};
