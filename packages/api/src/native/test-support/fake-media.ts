import type { Clock } from '@sluice/base/clock';
import type { MediaControl, MediaFilter, MediaSessionView, MediaSourceView } from '@sluice/media/port';

const SOCKET = { id: '7', localIp: '127.0.0.1', localPort: 1935, peerIp: '192.168.1.30', peerPort: 50_312 };

export class FakeMedia implements MediaControl {
  readonly #clock: Clock;
  #sources: MediaSourceView[];
  #sessions: MediaSessionView[];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sources = [
      ...this.#stream('live', 'studio', 1_200_000, 12),
      ...this.#stream('live', 'gate 4/east', 410_000, 0),
    ];
    this.#sessions = [
      this.#session('7', 'mediakit::RtmpSession', 'publisher', 0),
      this.#session('12', 'mediakit::HttpSession', 'player', 0),
      this.#session('13', 'mediakit::HttpSession', 'player', 4),
    ];
  }

  sources(filter: MediaFilter): readonly MediaSourceView[] {
    return this.#sources.filter(
      (source) =>
        (filter.schema ?? source.schema) === source.schema &&
        (filter.vhost ?? source.vhost) === source.vhost &&
        (filter.app ?? source.app) === source.app &&
        (filter.stream ?? source.stream) === source.stream,
    );
  }

  readers(): undefined {
    return undefined;
  }

  closeStreams(filter: MediaFilter, force: boolean): { hit: number; closed: number } {
    const hit = this.sources(filter);
    const closed = hit.filter((source) => force || source.totalReaderCount === 0);
    this.#sources = this.#sources.filter((source) => !closed.includes(source));
    return { hit: hit.length, closed: closed.length };
  }

  sessions(): readonly MediaSessionView[] {
    return this.#sessions;
  }

  kickSession(id: string): boolean {
    const before = this.#sessions.length;
    this.#sessions = this.#sessions.filter((session) => session.id !== id);
    return this.#sessions.length < before;
  }

  config(): ReadonlyMap<string, string> {
    return new Map();
  }

  setConfig(): number {
    return 0;
  }

  statistics(): Readonly<Record<string, number>> {
    return {};
  }

  async threadLoads() {
    return [];
  }

  listeners() {
    return [
      { name: 'rtmp', host: '0.0.0.0', port: 1935 },
      { name: 'http', host: '0.0.0.0', port: 8080 },
    ];
  }

  #stream(app: string, stream: string, bytesPerSecond: number, readers: number): MediaSourceView[] {
    return ['rtmp', 'hls'].map((schema, index) => ({
      schema,
      vhost: '__defaultVhost__',
      app,
      stream,
      params: '',
      createdMs: this.#clock.now() - 754_000,
      aliveSeconds: 754,
      currentStampMs: 754_000,
      bytesPerSecond,
      totalBytes: bytesPerSecond * 754,
      readerCount: index === 0 ? readers : 0,
      totalReaderCount: readers,
      originType: 1,
      originTypeName: 'rtmp_push',
      originUrl: `rtmp://127.0.0.1:1935/${app}/${stream}`,
      originSocket: SOCKET,
      recordingMp4: false,
      recordingHls: false,
      tracks: [
        {
          kind: 'video',
          codecId: 0,
          codecName: 'H264',
          ready: true,
          frames: 18_850,
          durationMs: 754_000,
          width: 1280,
          height: 720,
          fps: 25,
          keyFrames: 377,
          gopSize: 50,
          gopIntervalMs: 2000,
        },
        {
          kind: 'audio',
          codecId: 2,
          codecName: 'mpeg4-generic',
          ready: true,
          frames: 32_480,
          durationMs: 754_000,
          sampleRate: 44_100,
          channels: 2,
          sampleBits: 16,
        },
      ],
    }));
  }

  #session(id: string, typeId: string, role: MediaSessionView['role'], skips: number): MediaSessionView {
    return {
      ...SOCKET,
      id,
      typeId,
      transport: 'tcp',
      role,
      stream: 'live/studio',
      startedMs: this.#clock.now() - 700_000,
      bytesIn: 900_000_000,
      bytesOut: 12_000,
      skips,
    };
  }
}
