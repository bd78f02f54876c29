import { ProtocolError } from '@sluice/base/errors';
import { parseAudioSpecificConfig } from '@sluice/codec/aac/audio-specific-config';
import type { AmfObject, AmfValue } from '@sluice/codec/amf/value';
import { parseAudioTag } from '@sluice/codec/flv/audio-tag';
import { type FlvTag, TAG_VIDEO } from '@sluice/codec/flv/tag';
import { frameFromVideoTag, parseVideoTag } from '@sluice/codec/flv/video-tag';
import { encodeAvcConfig, parseAvcConfig } from '@sluice/codec/h264/avc-config';
import { parseSps } from '@sluice/codec/h264/sps';
import type { Logger } from '@sluice/core/log/logger';
import type { Publication } from '@sluice/core/ports/media';

/** Turns the tags of one RTMP publisher into tracks and frames; unusable tags are dropped, never the connection. */
export class RtmpPublisher {
  readonly #publication: Publication;
  readonly #log: Logger;
  readonly #announced = new Set<'video' | 'audio'>();
  readonly #set = new Set<'video' | 'audio'>();
  readonly #reported = new Set<string>();
  #lengthBytes = 4;
  #declaredFps = 0;

  constructor(publication: Publication, log: Logger) {
    this.#publication = publication;
    this.#log = log;
  }

  /** Takes onMetaData: the declared tracks complete the set, and the frame rate helps where the stream does not tell. */
  metadata(properties: AmfObject): void {
    const fps = properties['framerate'];
    if (typeof fps === 'number' && fps > 0 && fps <= 1000) this.#declaredFps = fps;
    if (isH264(properties['videocodecid'])) this.#announced.add('video');
    if (isAac(properties['audiocodecid'])) this.#announced.add('audio');
    this.#completeTracks();
  }

  /** Takes one audio or video tag. */
  media(tag: FlvTag): void {
    try {
      if (tag.type === TAG_VIDEO) this.#video(tag);
      else this.#audio(tag);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#log.debug('unusable tag dropped', { type: tag.type, reason: error.message });
    }
  }

  #video(tag: FlvTag): void {
    const video = parseVideoTag(tag.data);
    if (video.codec !== 'h264') {
      this.#unsupported(video.codec);
      return;
    }
    if (video.packet === 'config') {
      this.#videoConfig(video.payload);
      return;
    }
    if (video.packet !== 'frames' || !this.#set.has('video') || video.payload.byteLength === 0) return;
    this.#publication.writeFrame(frameFromVideoTag(video, tag.timestampMs, this.#lengthBytes));
  }

  #videoConfig(record: Uint8Array): void {
    const { lengthBytes, sps, pps } = parseAvcConfig(record);
    this.#lengthBytes = lengthBytes;
    const info = sps[0] === undefined ? undefined : parseSps(sps[0]);
    this.#publication.setTrack({
      kind: 'video',
      codec: 'h264',
      width: info?.width ?? 0,
      height: info?.height ?? 0,
      fps: info?.fps || this.#declaredFps,
      config: lengthBytes === 4 ? record : encodeAvcConfig(sps, pps),
    });
    this.#set.add('video');
    this.#completeTracks();
  }

  #audio(tag: FlvTag): void {
    const audio = parseAudioTag(tag.data);
    if (audio.codec !== 'aac') {
      this.#unsupported(audio.codec);
      return;
    }
    if (audio.packet === 'config') {
      this.#audioConfig(audio.payload);
      return;
    }
    if (audio.packet !== 'frames' || !this.#set.has('audio') || audio.payload.byteLength === 0) return;
    const { timestampMs } = tag;
    this.#publication.writeFrame({
      kind: 'audio',
      dtsMs: timestampMs,
      ptsMs: timestampMs,
      keyFrame: false,
      data: audio.payload,
    });
  }

  #audioConfig(config: Uint8Array): void {
    const { sampleRate, channels } = parseAudioSpecificConfig(config);
    this.#publication.setTrack({ kind: 'audio', codec: 'aac', sampleRate, channels, config });
    this.#set.add('audio');
    this.#completeTracks();
  }

  #completeTracks(): void {
    if (this.#announced.size === 0 || this.#set.size < this.#announced.size) return;
    this.#publication.tracksComplete();
  }

  #unsupported(codec: string): void {
    if (this.#reported.has(codec)) return;
    this.#reported.add(codec);
    this.#log.warning('codec not supported, track ignored', { codec });
  }
}

function isH264(codecId: AmfValue): boolean {
  return codecId === 7 || codecId === 'avc1' || codecId === 'H264' || codecId === fourCc('avc1');
}

function isAac(codecId: AmfValue): boolean {
  return codecId === 10 || codecId === 'mp4a' || codecId === fourCc('mp4a');
}

function fourCc(code: string): number {
  return Buffer.from(code, 'latin1').readUInt32BE();
}
