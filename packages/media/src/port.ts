import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SocketInfo } from '@sluice/core/ports/media';

export type TrackView = {
  readonly kind: 'video' | 'audio';
  readonly codecId: number;
  readonly codecName: string;
  readonly ready: boolean;
  readonly frames: number;
  readonly durationMs: number;
  /** Video only. */
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly keyFrames?: number;
  readonly gopSize?: number;
  readonly gopIntervalMs?: number;
  /** Audio only. */
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly sampleBits?: number;
};

/** One schema (`rtmp`, `hls`) of one live stream. */
export type MediaSourceView = {
  readonly schema: string;
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
  readonly params: string;
  readonly createdMs: number;
  readonly aliveSeconds: number;
  readonly currentStampMs: number;
  readonly bytesPerSecond: number;
  readonly totalBytes: number;
  readonly readerCount: number;
  readonly totalReaderCount: number;
  readonly originType: number;
  readonly originTypeName: string;
  readonly originUrl: string;
  readonly originSocket: SocketInfo | undefined;
  readonly recordingMp4: boolean;
  readonly recordingHls: boolean;
  readonly tracks: readonly TrackView[];
};

/** An accepted media connection. */
export type MediaSessionView = SocketInfo & {
  /** Class name of the compatible server, for example `mediakit::RtmpSession`. */
  readonly typeId: string;
  readonly transport: 'tcp' | 'udp';
  readonly role: 'publisher' | 'player' | 'control';
  /** `app/stream` when known. */
  readonly stream: string;
  readonly startedMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Times this viewer was sent forward to a key frame because it could not keep up. */
  readonly skips: number;
};

export type MediaReaderView = SocketInfo & { readonly typeId: string };

export type MediaFilter = {
  readonly schema?: string;
  readonly vhost?: string;
  readonly app?: string;
  readonly stream?: string;
};

export type ThreadLoadView = {
  readonly name: string;
  /** 0-100. */
  readonly load: number;
  readonly delayMs: number;
  readonly handles: number;
};

/** The use cases of the media plane; the only thing dialects see of it. Errors are `GatewayError`s with code `media.*`. */
export interface MediaControl {
  sources(filter: MediaFilter): readonly MediaSourceView[];
  readers(filter: Required<MediaFilter>): readonly MediaReaderView[] | undefined;
  /**
   * Closes the origins of matching streams. `hit` counts sources (schemas), `closed` those whose stream was closed;
   * watched streams are only closed with `force`.
   */
  closeStreams(filter: MediaFilter, force: boolean): { readonly hit: number; readonly closed: number };
  sessions(filter: { readonly localPort?: number; readonly peerIp?: string }): readonly MediaSessionView[];
  kickSession(id: string): boolean;
  /** Every setting as `section.key` → text, exactly as written. */
  config(): ReadonlyMap<string, string>;
  /** Sets known keys, ignores unknown ones; returns how many values changed. */
  setConfig(values: ReadonlyMap<string, string>): number;
  /** Live object counts by the compatible server's class names, without those that have no counterpart here. */
  statistics(): Readonly<Record<string, number>>;
  threadLoads(): Promise<readonly ThreadLoadView[]>;
  listeners(): readonly { readonly name: string; readonly host: string; readonly port: number }[];
}

/**
 * Serves live URLs (FLV, HLS) on an HTTP listener that belongs to somebody else. Connections whose requests are shown to
 * it are in the session table (`getAllSession`) until they close.
 */
export interface MediaHttp {
  /** Answers the request when its path is a live URL; false leaves it untouched. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
  /** Takes over a WebSocket upgrade when its path is a live URL; false leaves the socket untouched. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}
