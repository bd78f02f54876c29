import type { Socket } from 'node:net';
import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError, ProtocolError } from '@sluice/base/errors';
import { encodeRtmpMessages } from '@sluice/codec/rtmp/chunk-encoder';
import { type RtmpServerEvent, RtmpServerSession } from '@sluice/codec/rtmp/server-session';
import type { Logger } from '@sluice/core/log/logger';
import type { MediaOrigin, MediaTuple, Publication } from '@sluice/core/ports/media';
import type { DecidePublish } from '../access.ts';
import { DEFAULT_SLOW_READER_LIMITS } from '../live/limits.ts';
import { configTags } from '../live/live-tags.ts';
import type { MediaSession } from '../session-table.ts';
import type { MediaSettings } from '../settings/settings.ts';
import { closeGently } from '../socket-closing.ts';
import type { Attachment, LiveStream } from '../source/live-stream.ts';
import type { StreamRegistry } from '../source/stream-registry.ts';
import { createTuple } from '../source/tuple.ts';
import { rtmpFormat } from './rtmp-format.ts';
import { RtmpPublisher } from './rtmp-publisher.ts';

export type RtmpPeerOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: StreamRegistry;
  readonly settings: MediaSettings;
  readonly decidePublish: DecidePublish;
};

type Publishing = { readonly publication: Publication; readonly publisher: RtmpPublisher };
type Playing = { readonly stream: LiveStream; readonly attachment: Attachment };
type NamedEvent = Extract<RtmpServerEvent, { readonly type: 'publish' | 'play' }>;

const ORIGIN_RTMP_PUSH = 1;
/** Replies a peer may leave unread. */
const MAX_UNREAD_REPLY_BYTES = 1024 * 1024;
/** The same for players, whose media waits on the same socket and has its own limit. */
const MAX_UNREAD_PLAYER_BYTES = DEFAULT_SLOW_READER_LIMITS.hardBytes + MAX_UNREAD_REPLY_BYTES;

/** The server's side of one RTMP connection: binds the protocol session to its socket and to the streams. */
export class RtmpPeer {
  readonly #socket: Socket;
  readonly #session: MediaSession;
  readonly #options: RtmpPeerOptions;
  readonly #rtmp = new RtmpServerSession();
  readonly #openedMs: number;
  #lastDataMs: number;
  #publishing: Publishing | undefined;
  #playing: Playing | undefined;
  #asked = false;
  #waiting: AbortController | undefined;
  #closed = false;

  constructor(socket: Socket, session: MediaSession, options: RtmpPeerOptions) {
    this.#socket = socket;
    this.#session = session;
    this.#options = options;
    this.#openedMs = options.clock.monotonicMs();
    this.#lastDataMs = this.#openedMs;
    session.kick = () => this.close('kicked');
    session.readSkips = () => this.#playing?.attachment.viewer.skips ?? 0;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('error', (error) =>
      options.log.debug('connection failed', { id: session.info.id, reason: error.message }),
    );
    // Who has said its last word is gone, whether or not it reads what still waits for it.
    socket.on('end', () => {
      this.#lost();
      closeGently(socket);
    });
    socket.on('close', () => this.#lost());
  }

  /** Once a second: closes peers that do not get to the point and publishers that fell silent. */
  check(nowMs: number): void {
    if (this.#closed || this.#playing !== undefined || this.#waiting !== undefined) return;
    const { settings } = this.#options;
    const silentMs = nowMs - this.#lastDataMs;
    if (this.#publishing !== undefined) {
      if (silentMs > settings.number('rtmp.keepAliveSecond') * 1000) this.#cut('publisher silent');
      return;
    }
    const idleMs = this.#asked ? silentMs : nowMs - this.#openedMs;
    if (idleMs > settings.number('rtmp.handshakeSecond') * 1000) this.#cut('neither publishing nor playing');
  }

  /** Ends the connection for good: a publisher's stream ends at once. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.log.debug('closing', { id: this.#session.info.id, reason });
    this.#leave(true);
    closeGently(this.#socket);
  }

  /** Drops the connection as if the network had: the stream waits for its publisher. */
  #cut(reason: string): void {
    this.#options.log.info('connection dropped', { id: this.#session.info.id, reason });
    this.#socket.destroy();
  }

  #lost(): void {
    this.#closed = true;
    this.#leave(false);
  }

  #leave(graceful: boolean): void {
    this.#waiting?.abort();
    this.#waiting = undefined;
    const { publication } = this.#publishing ?? {};
    this.#publishing = undefined;
    publication?.end(graceful);
    this.#stopPlaying();
  }

  #stopPlaying(): void {
    const playing = this.#playing;
    this.#playing = undefined;
    playing?.attachment.leave();
  }

  #received(bytes: Buffer): void {
    if (this.#closed) return;
    this.#lastDataMs = this.#options.clock.monotonicMs();
    this.#guard(() => this.#handleAll(this.#rtmp.feed(bytes)));
  }

  /** Runs one step of the protocol; whatever is wrong with it costs this connection only. */
  #guard(step: () => void): void {
    try {
      step();
      this.#flush();
    } catch (error) {
      const { log } = this.#options;
      const fields = { id: this.#session.info.id, reason: errorText(error) };
      if (error instanceof ProtocolError) log.debug('bad RTMP, connection dropped', fields);
      else log.error('RTMP connection failed', fields);
      this.#socket.destroy();
    }
  }

  #flush(): void {
    const output = this.#rtmp.takeOutput();
    if (output !== undefined) this.#reply(output);
  }

  #reply(bytes: Buffer): void {
    if (!this.#socket.writable) return;
    this.#socket.write(bytes);
    const limit = this.#playing === undefined ? MAX_UNREAD_REPLY_BYTES : MAX_UNREAD_PLAYER_BYTES;
    if (this.#socket.writableLength > limit) this.#cut('replies not read');
  }

  #handleAll(events: readonly RtmpServerEvent[]): void {
    for (const event of events) {
      if (this.#closed) return;
      this.#handle(event);
    }
  }

  #handle(event: RtmpServerEvent): void {
    switch (event.type) {
      case 'media':
        this.#publishing?.publisher.media(event.tag);
        break;
      case 'metadata':
        this.#publishing?.publisher.metadata(event.properties);
        break;
      case 'publish':
        void this.#publish(event);
        break;
      case 'play':
        void this.#play(event);
        break;
      case 'unpublish':
        this.#publishing?.publication.end(true);
        this.#publishing = undefined;
        break;
      case 'stop':
        this.#waiting?.abort();
        this.#waiting = undefined;
        this.#stopPlaying();
        break;
      case 'pause':
        if (this.#playing !== undefined) {
          this.#playing.stream.pause(rtmpFormat, this.#playing.attachment.viewer, event.paused);
        }
        break;
      case 'seek':
        if (this.#playing !== undefined) {
          this.#flush();
          this.#reply(encodeRtmpMessages(configTags(this.#playing.stream.tracks)));
        }
        break;
      case 'close':
        this.#flush();
        this.close(event.reason);
        break;
      default: // connect, acknowledgement and the like need nothing from us
    }
  }

  async #publish(event: NamedEvent): Promise<void> {
    this.#asked = true;
    // Nothing more is read until the decision, so a publisher cannot pile up frames meanwhile.
    this.#socket.pause();
    try {
      const tuple = createTuple(event.app, event.stream, event.params);
      this.#enter('publisher', tuple);
      const decision = await this.#options.decidePublish({ tuple, peer: this.#session.info });
      if (this.#closed) return;
      if (!decision.allowed) return this.#refusePublish('NetStream.Publish.BadAuth', decision.reason);
      const publication = this.#options.registry.publish(tuple, this.#origin(tuple));
      this.#publishing = { publication, publisher: new RtmpPublisher(publication, this.#options.log) };
      this.#lastDataMs = this.#options.clock.monotonicMs();
      this.#options.log.info('publishing', {
        app: tuple.app,
        stream: tuple.stream,
        id: this.#session.info.id,
      });
      this.#guard(() => {
        this.#rtmp.acceptPublish();
        this.#handleAll(this.#rtmp.resume());
      });
      this.#socket.resume();
    } catch (error) {
      this.#failPublish(error);
    }
  }

  #failPublish(error: unknown): void {
    if (this.#closed) return;
    const expected = error instanceof GatewayError;
    if (!expected) this.#options.log.error('publish failed', { reason: errorText(error) });
    const code =
      expected && error.kind !== 'unavailable' ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Failed';
    this.#refusePublish(code, expected ? error.message : 'internal error');
  }

  #refusePublish(code: Parameters<RtmpServerSession['rejectPublish']>[0], reason: string): void {
    this.#options.log.info('publish refused', { id: this.#session.info.id, code, reason });
    this.#guard(() => this.#rtmp.rejectPublish(code, reason));
    this.close(reason);
  }

  async #play(event: NamedEvent): Promise<void> {
    this.#asked = true;
    const { registry, settings } = this.#options;
    const waiting = new AbortController();
    this.#waiting = waiting;
    try {
      const tuple = createTuple(event.app, event.stream, event.params);
      this.#enter('player', tuple);
      const waitMs = settings.number('general.maxStreamWaitMS');
      const stream = await registry.waitFor(tuple, 'rtmp', waitMs, waiting.signal);
      if (this.#closed || waiting.signal.aborted) return;
      this.#waiting = undefined;
      if (stream === undefined) return this.#refusePlay('no such stream');
      this.#startPlaying(stream);
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof GatewayError))
        this.#options.log.error('play failed', { reason: errorText(error) });
      this.#refusePlay(errorText(error));
    }
  }

  #startPlaying(stream: LiveStream): void {
    this.#guard(() => this.#rtmp.acceptPlay());
    if (!this.#socket.writable) return;
    const end = {
      ended: () => {
        this.#guard(() => this.#rtmp.endPlay());
        this.close('stream ended');
      },
      tooSlow: () => this.#cut('reads too slowly'),
    };
    const attachment = stream.attach(rtmpFormat, this.#socket, end, () => this.#session.readerView());
    this.#playing = { stream, attachment };
  }

  #refusePlay(reason: string): void {
    this.#guard(() => this.#rtmp.rejectPlay('NetStream.Play.StreamNotFound', reason));
    this.close(reason);
  }

  #enter(role: 'publisher' | 'player', tuple: MediaTuple): void {
    this.#session.role = role;
    this.#session.stream = `${tuple.app}/${tuple.stream}`;
  }

  #origin(tuple: MediaTuple): MediaOrigin {
    const query = tuple.params === '' ? '' : `?${tuple.params}`;
    return {
      type: ORIGIN_RTMP_PUSH,
      url: `rtmp://${tuple.vhost}/${tuple.app}/${tuple.stream}${query}`,
      socket: this.#session.info,
      close: (reason) => this.close(reason),
    };
  }
}
