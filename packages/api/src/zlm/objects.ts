import type { SocketInfo } from '@sluice/core/ports/media';
import type { MediaSourceView, TrackView } from '@sluice/media/port';

/** Packet loss is not measured on reliable transports; the product's word for that. */
const LOSS_UNKNOWN = -1;

export function socketObject(socket: SocketInfo): object {
  return {
    identifier: socket.id,
    local_ip: socket.localIp,
    local_port: socket.localPort,
    peer_ip: socket.peerIp,
    peer_port: socket.peerPort,
  };
}

/** `transport` and `typeId` make a socket the product's Session. */
export function sessionObject(socket: SocketInfo, transport: 'tcp' | 'udp', typeId: string): object {
  return { ...socketObject(socket), id: socket.id, type: transport, typeid: typeId };
}

/** The product's MediaInfo; `withLoss` where a single source was asked for. */
export function mediaObject(source: MediaSourceView, withLoss: boolean): Readonly<Record<string, unknown>> {
  return {
    schema: source.schema,
    vhost: source.vhost,
    app: source.app,
    stream: source.stream,
    params: source.params,
    createStamp: Math.floor(source.createdMs / 1_000),
    aliveSecond: source.aliveSeconds,
    currentStamp: source.currentStampMs,
    bytesSpeed: source.bytesPerSecond,
    totalBytes: source.totalBytes,
    readerCount: source.readerCount,
    totalReaderCount: source.totalReaderCount,
    originType: source.originType,
    originTypeStr: source.originTypeName,
    originUrl: source.originUrl,
    originSock: source.originSocket === undefined ? null : socketObject(source.originSocket),
    isRecordingMP4: source.recordingMp4,
    isRecordingHLS: source.recordingHls,
    tracks: source.tracks.map((track) => trackObject(track, withLoss)),
  };
}

function trackObject(track: TrackView, withLoss: boolean): object {
  const common = {
    codec_id: track.codecId,
    codec_id_name: track.codecName,
    codec_type: track.kind === 'video' ? 0 : 1,
    ready: track.ready,
    frames: track.frames,
    duration: track.durationMs,
    ...(withLoss ? { loss: LOSS_UNKNOWN } : {}),
  };
  return track.kind === 'video'
    ? {
        ...common,
        width: track.width ?? 0,
        height: track.height ?? 0,
        fps: track.fps ?? 0,
        key_frames: track.keyFrames ?? 0,
        gop_size: track.gopSize ?? 0,
        gop_interval_ms: track.gopIntervalMs ?? 0,
      }
    : {
        ...common,
        sample_rate: track.sampleRate ?? 0,
        channels: track.channels ?? 0,
        sample_bit: track.sampleBits ?? 0,
      };
}
