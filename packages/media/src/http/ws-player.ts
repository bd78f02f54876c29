import type { Socket } from 'node:net';
import type { Logger } from '@sluice/core/log/logger';
import type { WebSocket } from 'ws';
import { wsFlvFormat } from '../live/flv-format.ts';
import type { ViewerSocket } from '../live/viewer.ts';
import type { MediaSession } from '../session-table.ts';
import type { MediaSettings } from '../settings/settings.ts';
import { closeGently } from '../socket-closing.ts';
import type { StreamRegistry } from '../source/stream-registry.ts';
import { DEFAULT_VHOST } from '../source/tuple.ts';
import type { LiveUrl } from './live-url.ts';

export type WsPlayerOptions = {
  readonly log: Logger;
  readonly registry: StreamRegistry;
  readonly settings: MediaSettings;
};

const CLOSE_GOING_AWAY = 1001;
const CLOSE_NOT_FOUND = 4404;

/** The socket under an open WebSocket; once a close frame was seen or sent no media may follow. */
class WebSocketViewer implements ViewerSocket {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;

  constructor(webSocket: WebSocket, socket: Socket) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  get writable(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN && this.#socket.writable;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }
}

/**
 * Plays a stream on an open WebSocket. Media goes to the socket as ready-made frames shared by all viewers; `ws` keeps
 * the incoming side and answers pings and closes between them.
 */
export async function playWebSocket(
  webSocket: WebSocket,
  socket: Socket,
  url: LiveUrl,
  session: MediaSession,
  options: WsPlayerOptions,
): Promise<void> {
  const { registry, settings, log } = options;
  const gone = new AbortController();
  webSocket.once('close', () => gone.abort());
  webSocket.on('error', (error) => {
    log.debug('viewer failed', { id: session.info.id, reason: error.message });
    webSocket.terminate();
  });
  socket.setNoDelay(true);
  socket.setTimeout(0);
  const name = { vhost: DEFAULT_VHOST, app: url.app, stream: url.stream };
  const stream = await registry.waitFor(
    name,
    'rtmp',
    settings.number('general.maxStreamWaitMS'),
    gone.signal,
  );
  if (gone.signal.aborted || webSocket.readyState !== webSocket.OPEN) return;
  if (stream === undefined) return webSocket.close(CLOSE_NOT_FOUND, 'stream not found');
  const end = {
    ended: () => webSocket.close(CLOSE_GOING_AWAY, 'stream ended'),
    tooSlow: () => webSocket.terminate(),
  };
  const attachment = stream.attach(wsFlvFormat, new WebSocketViewer(webSocket, socket), end, () =>
    session.readerView(),
  );
  session.readSkips = () => attachment.viewer.skips;
  gone.signal.addEventListener('abort', attachment.leave, { once: true });
  socket.once('end', () => {
    attachment.leave();
    closeGently(socket);
  });
}
