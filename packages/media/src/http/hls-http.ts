import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Timer } from '@sluice/base/clock';
import type { HlsOutput } from '../hls/hls-output.ts';
import type { MediaSession } from '../session-table.ts';
import type { MediaSettings } from '../settings/settings.ts';
import type { StreamRegistry } from '../source/stream-registry.ts';
import { DEFAULT_VHOST, tupleKey } from '../source/tuple.ts';
import { HlsReaders } from './hls-readers.ts';
import type { LiveUrl } from './live-url.ts';
import { contentType, corsHeaders, sendReply } from './response-headers.ts';

export type HlsHttpOptions = {
  readonly clock: Clock;
  readonly registry: StreamRegistry;
  readonly settings: MediaSettings;
};

type Ended = { readonly hls: HlsOutput; readonly bytes: number; readonly timer: Timer };

const MAX_ENDED = 1000;
/** Bytes of segments kept for all of them together. */
const MAX_ENDED_BYTES = 256 * 1024 * 1024;

/** Answers requests for HLS playlists and segments from memory. */
export class HlsHttp {
  readonly #options: HlsHttpOptions;
  readonly #readers: HlsReaders;
  /** Streams that ended a moment ago: players still fetch their last segments. */
  readonly #ended = new Map<string, Ended>();
  #endedBytes = 0;
  readonly #stopWatching: () => void;

  constructor(options: HlsHttpOptions) {
    this.#options = options;
    this.#readers = new HlsReaders(options.clock);
    this.#stopWatching = options.registry.onChange(({ stream, schema, online }) => {
      if (schema !== 'hls') return;
      const key = tupleKey(stream.tuple);
      this.#forget(key);
      if (!online && stream.hls !== undefined) this.#keepEnded(key, stream.hls);
    });
  }

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    url: LiveUrl,
    session: MediaSession,
  ): Promise<void> {
    session.stream = `${url.app}/${url.stream}`;
    if (url.kind === 'segment') return this.#segment(request, response, url);
    const gone = new AbortController();
    const onGone = () => gone.abort();
    request.socket.once('close', onGone);
    const timer = this.#options.clock.after(this.#options.settings.number('general.maxStreamWaitMS'), onGone);
    try {
      await this.#playlist(request, response, url, session, gone.signal);
    } finally {
      timer.cancel();
      request.socket.off('close', onGone);
    }
  }

  close(): void {
    this.#stopWatching();
    this.#readers.close();
    for (const key of [...this.#ended.keys()]) this.#forget(key);
  }

  async #playlist(
    request: IncomingMessage,
    response: ServerResponse,
    url: LiveUrl,
    session: MediaSession,
    signal: AbortSignal,
  ): Promise<void> {
    const { registry, settings } = this.#options;
    const name = { vhost: DEFAULT_VHOST, app: url.app, stream: url.stream };
    const ended = this.#ended.get(tupleKey(name))?.hls;
    if (ended?.playlist !== undefined)
      return this.#sendPlaylist(request, response, ended.playlist, undefined);
    const stream = await registry.waitFor(name, 'hls', settings.number('general.maxStreamWaitMS'), signal);
    if (stream?.hls === undefined) return this.#notFound(request, response);
    const cookie = this.#readers.visit(request, stream, url.params, session.readerView());
    const playlist = await stream.hls.waitForPlaylist(signal);
    if (playlist === undefined) return this.#notFound(request, response);
    this.#sendPlaylist(request, response, playlist, cookie);
  }

  #sendPlaylist(
    request: IncomingMessage,
    response: ServerResponse,
    playlist: Buffer,
    cookie: string | undefined,
  ): void {
    const { settings } = this.#options;
    const headers = {
      ...corsHeaders(request, settings),
      ...(cookie === undefined ? {} : { 'Set-Cookie': cookie }),
      'Content-Type': contentType('application/vnd.apple.mpegurl', settings),
      'Cache-Control': 'no-cache',
    };
    sendReply(request, response, settings, 200, headers, playlist);
  }

  #segment(request: IncomingMessage, response: ServerResponse, url: LiveUrl): void {
    const { registry, settings } = this.#options;
    const name = { vhost: DEFAULT_VHOST, app: url.app, stream: url.stream };
    const stream = registry.find(name);
    if (stream !== undefined) this.#readers.visit(request, stream, url.params, undefined);
    const segment =
      stream?.hls?.segment(url.segment) ?? this.#ended.get(tupleKey(name))?.hls.segment(url.segment);
    if (segment === undefined) {
      this.#notFound(request, response);
      return;
    }
    const headers = {
      ...corsHeaders(request, settings),
      'Content-Type': contentType('video/mp2t', settings),
    };
    sendReply(request, response, settings, 200, headers, segment.bytes);
  }

  #notFound(request: IncomingMessage, response: ServerResponse): void {
    if (response.destroyed) return;
    const { settings } = this.#options;
    const headers = { ...corsHeaders(request, settings), 'Content-Type': contentType('text/html', settings) };
    sendReply(request, response, settings, 404, headers, settings.text('http.notFound'));
  }

  #keepEnded(key: string, hls: HlsOutput): void {
    const bytes = hls.windowBytes;
    this.#endedBytes += bytes;
    for (const oldest of [...this.#ended.keys()]) {
      if (this.#ended.size < MAX_ENDED && this.#endedBytes <= MAX_ENDED_BYTES) break;
      this.#forget(oldest);
    }
    const delayMs = Math.max(0, this.#options.settings.number('hls.deleteDelaySec')) * 1000;
    this.#ended.set(key, { hls, bytes, timer: this.#options.clock.after(delayMs, () => this.#forget(key)) });
  }

  #forget(key: string): void {
    const ended = this.#ended.get(key);
    if (ended === undefined) return;
    this.#ended.delete(key);
    ended.timer.cancel();
    this.#endedBytes -= ended.bytes;
    ended.hls.release();
  }
}
