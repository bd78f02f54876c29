import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import { WebSocketServer } from 'ws';
import { flvFormat } from '../live/flv-format.ts';
import type { MediaHttp } from '../port.ts';
import type { MediaSession, SessionTable } from '../session-table.ts';
import type { MediaSettings } from '../settings/settings.ts';
import { closeGently } from '../socket-closing.ts';
import type { StreamRegistry } from '../source/stream-registry.ts';
import { DEFAULT_VHOST } from '../source/tuple.ts';
import { HlsHttp } from './hls-http.ts';
import { type LiveUrl, parseLiveUrl } from './live-url.ts';
import { contentType, corsHeaders, preflightHeaders, sendReply } from './response-headers.ts';
import { playWebSocket } from './ws-player.ts';

export type LiveHttpOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: StreamRegistry;
  readonly sessions: SessionTable;
  readonly settings: MediaSettings;
};

const TYPE_ID = 'mediakit::HttpSession';
const MAX_INBOUND_MESSAGE_BYTES = 64 * 1024;

/** Serves HTTP-FLV, WS-FLV and HLS on connections that somebody else accepted. */
export class LiveHttp implements MediaHttp {
  readonly #options: LiveHttpOptions;
  readonly #sessions = new WeakMap<Socket, MediaSession>();
  /** Connections that wait for a stream or carry a live body; nothing else may follow on them. */
  readonly #busy = new WeakSet<Socket>();
  readonly #hls: HlsHttp;
  readonly #webSockets: WebSocketServer;

  constructor(options: LiveHttpOptions) {
    this.#options = options;
    this.#hls = new HlsHttp(options);
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_INBOUND_MESSAGE_BYTES,
    });
    this.#webSockets.on('headers', (headers: string[], request: IncomingMessage) => {
      headers.push('Cache-Control: no-store');
      for (const [name, value] of Object.entries(corsHeaders(request, options.settings)))
        headers.push(`${name}: ${value}`);
    });
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    if (this.#busy.has(socket)) {
      // A request behind an endless reply can never be answered, and many behind a late one would pile up.
      socket.destroy();
      return true;
    }
    // Calls of the API on the same listener belong in the session table, too.
    const session = this.#session(socket);
    const url = parseLiveUrl(request.url ?? '');
    if (url === undefined) return false;
    if (request.method === 'OPTIONS') {
      sendReply(request, response, this.#options.settings, 200, preflightHeaders(this.#options.settings), '');
      return true;
    }
    if (request.method === 'HEAD') {
      sendReply(
        request,
        response,
        this.#options.settings,
        200,
        corsHeaders(request, this.#options.settings),
        '',
      );
      return true;
    }
    if (request.method !== 'GET') return false;
    this.#busy.add(socket);
    const play =
      url.kind === 'flv'
        ? this.#playFlv(request, response, url, session)
        : this.#hls.serve(request, response, url, session).finally(() => this.#busy.delete(socket));
    play.catch((error: unknown) => {
      this.#options.log.error('live request failed', { url: request.url, reason: errorText(error) });
      socket.destroy();
    });
    return true;
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (!(socket instanceof Socket)) return false;
    const session = this.#session(socket);
    const url = parseLiveUrl(request.url ?? '');
    if (url?.kind !== 'flv' || request.method !== 'GET') return false;
    this.#busy.add(socket);
    socket.on('error', (error) =>
      this.#options.log.debug('viewer failed', { id: session.info.id, reason: error.message }),
    );
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      enterPlayer(session, url);
      playWebSocket(webSocket, socket, url, session, this.#options).catch((error: unknown) => {
        this.#options.log.error('live WebSocket failed', { url: request.url, reason: errorText(error) });
        socket.destroy();
      });
    });
    return true;
  }

  /** Ends what does not end with its connection. */
  close(): void {
    this.#hls.close();
    this.#webSockets.close();
  }

  #session(socket: Socket): MediaSession {
    const known = this.#sessions.get(socket);
    if (known !== undefined) return known;
    const session = this.#options.sessions.open(socket, TYPE_ID);
    this.#sessions.set(socket, session);
    return session;
  }

  async #playFlv(
    request: IncomingMessage,
    response: ServerResponse,
    url: LiveUrl,
    session: MediaSession,
  ): Promise<void> {
    const { registry, settings } = this.#options;
    const { socket } = request;
    enterPlayer(session, url);
    const gone = new AbortController();
    const onGone = () => gone.abort();
    socket.once('close', onGone);
    const name = { vhost: DEFAULT_VHOST, app: url.app, stream: url.stream };
    const stream = await registry.waitFor(
      name,
      'rtmp',
      settings.number('general.maxStreamWaitMS'),
      gone.signal,
    );
    socket.off('close', onGone);
    if (socket.destroyed) return;
    const cors = corsHeaders(request, settings);
    // Only the reply at the head of the line may take the socket over.
    if (stream === undefined || response.socket !== socket) {
      this.#busy.delete(socket);
      const headers = { ...cors, 'Content-Type': contentType('text/html', settings) };
      return sendReply(request, response, settings, 404, headers, settings.text('http.notFound'));
    }
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.cork();
    socket.write(flvHead(contentType('video/x-flv', settings), cors));
    const end = { ended: () => closeGently(socket), tooSlow: () => socket.destroy() };
    const attachment = stream.attach(flvFormat, socket, end, () => session.readerView());
    socket.uncork();
    session.readSkips = () => attachment.viewer.skips;
    socket.once('end', () => {
      attachment.leave();
      closeGently(socket);
    });
    socket.once('close', attachment.leave);
    socket.on('error', (error) =>
      this.#options.log.debug('viewer failed', { id: session.info.id, reason: error.message }),
    );
  }
}

function enterPlayer(session: MediaSession, url: LiveUrl): void {
  session.role = 'player';
  session.stream = `${url.app}/${url.stream}`;
}

/** The head of an endless reply, written by hand because the body goes past `node:http` straight to the socket. */
function flvHead(type: string, cors: Readonly<Record<string, string>>): string {
  const headers = {
    'Content-Type': type,
    'Cache-Control': 'no-store',
    Connection: 'close',
    Date: new Date().toUTCString(),
    ...cors,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 200 OK\r\n${lines.join('')}\r\n`;
}
