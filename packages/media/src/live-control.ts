import type {
  MediaControl,
  MediaFilter,
  MediaReaderView,
  MediaSessionView,
  MediaSourceView,
  ThreadLoadView,
} from './port.ts';
import type { RtmpServer } from './rtmp/rtmp-server.ts';
import type { SessionTable } from './session-table.ts';
import type { MediaSettings } from './settings/settings.ts';
import type { StreamRegistry } from './source/stream-registry.ts';
import { matchingSchemas, viewSource } from './source-view.ts';
import type { ThreadLoad } from './thread-load.ts';

export type LiveControlOptions = {
  readonly registry: StreamRegistry;
  readonly sessions: SessionTable;
  readonly settings: MediaSettings;
  readonly rtmp: RtmpServer;
  readonly threadLoad: ThreadLoad;
};

/** The use cases of the media plane on its live objects. */
export class LiveControl implements MediaControl {
  readonly #options: LiveControlOptions;

  constructor(options: LiveControlOptions) {
    this.#options = options;
  }

  sources(filter: MediaFilter): readonly MediaSourceView[] {
    return this.#options.registry
      .streams()
      .flatMap((stream) => matchingSchemas(stream, filter).map((schema) => viewSource(stream, schema)));
  }

  readers(filter: Required<MediaFilter>): readonly MediaReaderView[] | undefined {
    for (const stream of this.#options.registry.streams()) {
      const [schema] = matchingSchemas(stream, filter);
      if (schema !== undefined) return stream.readers(schema);
    }
    return undefined;
  }

  closeStreams(filter: MediaFilter, force: boolean): { readonly hit: number; readonly closed: number } {
    let hit = 0;
    let closed = 0;
    for (const stream of this.#options.registry.streams()) {
      const schemas = matchingSchemas(stream, filter).length;
      hit += schemas;
      if (schemas === 0 || (stream.totalReaderCount > 0 && !force)) continue;
      stream.origin?.close('closed through the API');
      stream.close();
      closed += schemas;
    }
    return { hit, closed };
  }

  sessions(filter: { readonly localPort?: number; readonly peerIp?: string }): readonly MediaSessionView[] {
    return this.#options.sessions
      .sessions()
      .filter(({ info }) => (filter.localPort ?? info.localPort) === info.localPort)
      .filter(({ info }) => (filter.peerIp ?? info.peerIp) === info.peerIp)
      .map((session) => session.view());
  }

  kickSession(id: string): boolean {
    const session = this.#options.sessions.find(id);
    session?.kick();
    return session !== undefined;
  }

  config(): ReadonlyMap<string, string> {
    return this.#options.settings.values;
  }

  setConfig(values: ReadonlyMap<string, string>): number {
    return this.#options.settings.set(values);
  }

  statistics(): Readonly<Record<string, number>> {
    const { registry, sessions } = this.#options;
    const streams = registry.streams();
    return {
      MediaSource: streams.reduce((total, stream) => total + matchingSchemas(stream, {}).length, 0),
      MultiMediaSourceMuxer: streams.length,
      TcpServer: this.listeners().length,
      TcpSession: sessions.size,
      Socket: sessions.size + this.listeners().length,
    };
  }

  async threadLoads(): Promise<readonly ThreadLoadView[]> {
    return [this.#options.threadLoad.read(this.#options.sessions.size + this.listeners().length)];
  }

  listeners(): readonly { readonly name: string; readonly host: string; readonly port: number }[] {
    const { address } = this.#options.rtmp;
    return address === undefined ? [] : [{ name: 'rtmp', ...address }];
  }
}
