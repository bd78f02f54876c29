import type { AudioTrack, VideoTrack } from '@sluice/base/media';
import { encodeAmf0, parseAmf0 } from '../amf/amf0.ts';
import { type AmfObject, type AmfValue, amfProperties, EcmaArray } from '../amf/value.ts';
import { type FlvTag, TAG_SCRIPT } from './tag.ts';

/** The tracks that onMetaData describes. */
export type MetadataTracks = {
  readonly video: VideoTrack | undefined;
  readonly audio: AudioTrack | undefined;
};

/** The properties of onMetaData for these tracks; `server` names the sender. */
export function metadataOf(tracks: MetadataTracks, server: string): AmfObject {
  const properties: Record<string, AmfValue> = { duration: 0 };
  const { video, audio } = tracks;
  if (video !== undefined) {
    properties.width = video.width;
    properties.height = video.height;
    properties.framerate = video.fps;
    properties.videodatarate = 0;
    properties.videocodecid = video.codec === 'h264' ? 7 : 12;
  }
  if (audio !== undefined) {
    properties.audiosamplerate = audio.sampleRate;
    properties.audiosamplesize = 16;
    properties.stereo = audio.channels > 1;
    properties.audiodatarate = 0;
    properties.audiocodecid = 10;
  }
  properties.server = server;
  return properties;
}

/** The script tag `onMetaData` with these properties, as an FLV tag or RTMP data message. */
export function encodeMetadataTag(properties: AmfObject, timestampMs = 0): FlvTag {
  return { type: TAG_SCRIPT, timestampMs, data: encodeAmf0('onMetaData', new EcmaArray(properties)) };
}

/**
 * The properties of an onMetaData script body, also behind `@setDataFrame`; `undefined` for any other script.
 * @throws ProtocolError when the body is not AMF0
 */
export function parseMetadata(body: Uint8Array): AmfObject | undefined {
  const [first, ...rest] = parseAmf0(body);
  const [name, value] = first === '@setDataFrame' ? rest : [first, rest[0]];
  return name === 'onMetaData' ? amfProperties(value) : undefined;
}
