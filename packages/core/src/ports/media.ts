import type { Frame, Track } from '@sluice/base/media';

/** Codec ids are the public values of the media control API. */
export const CODEC_H264 = 0;
export const CODEC_H265 = 1;
export const CODEC_AAC = 2;

/** The name of a stream. */
export type MediaTuple = {
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly params: string;
};

/** Where a stream comes from; `type` is the control API's originType. */
export type MediaOrigin = {
  readonly type: number;
  readonly url: string;
  readonly socket: SocketInfo | undefined;
  /** Ends the producer (kick, close by API); the stream ends through its publication. */
  close(reason: string): void;
};

export type SocketInfo = {
  readonly id: string;
  readonly localIp: string;
  readonly localPort: number;
  readonly peerIp: string;
  readonly peerPort: number;
};

/** A producer's handle on its stream. Everything after `end` is ignored. */
export interface Publication {
  /** Announces or replaces a track. */
  setTrack(track: Track): void;
  /** Declares that no further track will be announced, so the stream can go on line at once. */
  tracksComplete(): void;
  writeFrame(frame: Frame): void;
  /** `graceful` ends the stream at once; otherwise it waits `continue_push_ms` for the producer to return. */
  end(graceful: boolean): void;
}

/** Lets any plane feed a live stream. */
export interface StreamHub {
  /** @throws GatewayError kind `conflict` when the tuple already has a live producer. */
  publish(tuple: MediaTuple, origin: MediaOrigin): Publication;
}
