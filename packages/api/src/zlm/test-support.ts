import { GatewayError } from '@sluice/base/errors';
import type {
  MediaControl,
  MediaFilter,
  MediaReaderView,
  MediaSessionView,
  MediaSourceView,
  ThreadLoadView,
} from '@sluice/media/port';

export const originSocket = {
  id: '7-41',
  localIp: '192.168.1.10',
  localPort: 1935,
  peerIp: '192.168.1.50',
  peerPort: 50112,
};

export const source: MediaSourceView = {
  schema: 'rtmp',
  vhost: '__defaultVhost__',
  app: 'live',
  stream: 'test',
  params: 'sign=abc',
  createdMs: 1_724_232_158_900,
  aliveSeconds: 25,
  currentStampMs: 24_960,
  bytesPerSecond: 181_040,
  totalBytes: 4_526_000,
  readerCount: 1,
  totalReaderCount: 2,
  originType: 1,
  originTypeName: 'rtmp_push',
  originUrl: 'rtmp://__defaultVhost__/live/test?sign=abc',
  originSocket,
  recordingMp4: false,
  recordingHls: true,
  tracks: [
    {
      kind: 'video',
      codecId: 0,
      codecName: 'H264',
      ready: true,
      frames: 624,
      durationMs: 24_960,
      width: 1280,
      height: 720,
      fps: 25,
      keyFrames: 13,
      gopSize: 50,
      gopIntervalMs: 1_993,
    },
    {
      kind: 'audio',
      codecId: 2,
      codecName: 'mpeg4-generic',
      ready: true,
      frames: 1_077,
      durationMs: 25_013,
      sampleRate: 44_100,
      channels: 2,
      sampleBits: 16,
    },
  ],
};

/** `source` as the API shows it when it is the only one. */
export const SOURCE_JSON = {
  aliveSecond: 25,
  app: 'live',
  bytesSpeed: 181_040,
  createStamp: 1_724_232_158,
  currentStamp: 24_960,
  isRecordingHLS: true,
  isRecordingMP4: false,
  originSock: {
    identifier: '7-41',
    local_ip: '192.168.1.10',
    local_port: 1935,
    peer_ip: '192.168.1.50',
    peer_port: 50112,
  },
  originType: 1,
  originTypeStr: 'rtmp_push',
  originUrl: 'rtmp://__defaultVhost__/live/test?sign=abc',
  params: 'sign=abc',
  readerCount: 1,
  schema: 'rtmp',
  stream: 'test',
  totalBytes: 4_526_000,
  totalReaderCount: 2,
  tracks: [
    {
      codec_id: 0,
      codec_id_name: 'H264',
      codec_type: 0,
      duration: 24_960,
      fps: 25,
      frames: 624,
      gop_interval_ms: 1_993,
      gop_size: 50,
      height: 720,
      key_frames: 13,
      loss: -1,
      ready: true,
      width: 1280,
    },
    {
      channels: 2,
      codec_id: 2,
      codec_id_name: 'mpeg4-generic',
      codec_type: 1,
      duration: 25_013,
      frames: 1_077,
      loss: -1,
      ready: true,
      sample_bit: 16,
      sample_rate: 44_100,
    },
  ],
  vhost: '__defaultVhost__',
};

export const session: MediaSessionView = {
  ...originSocket,
  typeId: 'mediakit::RtmpSession',
  transport: 'tcp',
  role: 'publisher',
  stream: 'live/test',
  startedMs: 0,
  bytesIn: 1,
  bytesOut: 2,
  skips: 0,
};

/** A media plane with one stream and one session that remembers what it was asked for. */
export class FakeMedia implements MediaControl {
  readonly asked: string[] = [];
  settings = new Map<string, string>();
  live: MediaSourceView[] = [];
  accepted: MediaSessionView[] = [];

  sources(filter: MediaFilter): readonly MediaSourceView[] {
    this.asked.push(`sources ${JSON.stringify(filter)}`);
    if (filter.app === 'crash') throw new Error('a path like /etc/secret');
    if (filter.app === 'busy') throw new GatewayError('unavailable', 'media.busy', 'media is busy');
    return this.live.filter((one) => this.#matches(one, filter));
  }

  readers(filter: Required<MediaFilter>): readonly MediaReaderView[] | undefined {
    if (!this.live.some((one) => this.#matches(one, filter))) return undefined;
    return [{ ...originSocket, typeId: 'mediakit::HttpSession' }];
  }

  closeStreams(filter: MediaFilter, force: boolean): { hit: number; closed: number } {
    const hits = this.live.filter((one) => this.#matches(one, filter));
    const closed = hits.filter((one) => force || one.totalReaderCount === 0);
    this.live = this.live.filter((one) => !closed.includes(one));
    return { hit: hits.length, closed: closed.length };
  }

  sessions(filter: { localPort?: number; peerIp?: string }): readonly MediaSessionView[] {
    return this.accepted.filter(
      (one) =>
        (filter.localPort === undefined || one.localPort === filter.localPort) &&
        (filter.peerIp === undefined || one.peerIp === filter.peerIp),
    );
  }

  kickSession(id: string): boolean {
    const before = this.accepted.length;
    this.accepted = this.accepted.filter((one) => one.id !== id);
    return this.accepted.length < before;
  }

  config(): ReadonlyMap<string, string> {
    return this.settings;
  }

  setConfig(values: ReadonlyMap<string, string>): number {
    const known = [...values].filter(
      ([name, value]) => this.settings.has(name) && this.settings.get(name) !== value,
    );
    for (const [name, value] of known) this.settings.set(name, value);
    return known.length;
  }

  statistics(): Readonly<Record<string, number>> {
    return { MediaSource: 3, TcpSession: 2 };
  }

  async threadLoads(): Promise<readonly ThreadLoadView[]> {
    return [{ name: 'event poller 0', load: 3, delayMs: 1, handles: 9 }];
  }

  listeners() {
    return [];
  }

  #matches(one: MediaSourceView, filter: MediaFilter): boolean {
    return (['schema', 'vhost', 'app', 'stream'] as const).every(
      (key) => filter[key] === undefined || filter[key] === one[key],
    );
  }
}
