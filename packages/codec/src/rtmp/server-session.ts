import { ByteQueue, ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { type AmfObject, type AmfValue, amfProperties, isAmfList } from '../amf/value.ts';
import { MEDIA_STREAM_ID } from './chunk-encoder.ts';
import { RtmpConnection, WINDOW_BYTES } from './connection.ts';
import { commandValuesOf, mediaEventsOf, type RtmpMediaEvent } from './data-message.ts';
import { ServerHandshake } from './handshake.ts';
import {
  encodeControlValue,
  encodePeerBandwidth,
  encodeUserControl,
  MESSAGE_ACKNOWLEDGEMENT,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_COMMAND_AMF3,
  MESSAGE_SET_PEER_BANDWIDTH,
  MESSAGE_USER_CONTROL,
  MESSAGE_WINDOW_ACK_SIZE,
  type RtmpMessage,
  USER_SET_BUFFER_LENGTH,
  USER_STREAM_BEGIN,
  USER_STREAM_EOF,
} from './message.ts';
import { parseRtmpNames, type RtmpNames } from './names.ts';

/** What the client of an `RtmpServerSession` did. */
export type RtmpServerEvent =
  | RtmpMediaEvent
  /** Already answered; `fourCcList` is what an enhanced RTMP client can decode. */
  | {
      readonly type: 'connect';
      readonly app: string;
      readonly tcUrl: string;
      readonly flashVer: string;
      readonly objectEncoding: number;
      readonly fourCcList: readonly string[];
    }
  /** Answer with `acceptPublish` or `rejectPublish`; until then later bytes wait, see `resume`. */
  | ({ readonly type: 'publish' } & RtmpNames)
  /** Answer with `acceptPlay` or `rejectPlay`. `start` and `duration` are the client's own numbers. */
  | ({
      readonly type: 'play';
      readonly start: number;
      readonly duration: number;
      readonly reset: boolean;
    } & RtmpNames)
  /** The publisher ended its stream gracefully; already answered. */
  | { readonly type: 'unpublish' }
  /** The player no longer wants the stream (also before `play` was answered). */
  | { readonly type: 'stop' }
  /** Already answered. */
  | { readonly type: 'pause'; readonly paused: boolean; readonly positionMs: number }
  /** Already answered; configuration tags must be sent again. */
  | { readonly type: 'seek'; readonly positionMs: number }
  /** Already answered (`onPlayCtrl`). */
  | { readonly type: 'play-speed'; readonly speed: number }
  | { readonly type: 'set-buffer-length'; readonly bufferMs: number }
  /** The peer has received so many bytes of ours, modulo 2^32. */
  | { readonly type: 'acknowledgement'; readonly receivedBytes: number }
  /** Flush the output and close; nothing further is read. */
  | { readonly type: 'close'; readonly reason: string };

export type PublishRefusal =
  | 'NetStream.Publish.BadName'
  | 'NetStream.Publish.BadAuth'
  | 'NetStream.Publish.Failed';
export type PlayRefusal =
  | 'NetStream.Play.StreamNotFound'
  | 'NetStream.Play.BadAuth'
  | 'NetStream.Play.Failed';

type State =
  | 'handshake'
  | 'new'
  | 'idle'
  | 'publish-asked'
  | 'publishing'
  | 'play-asked'
  | 'playing'
  | 'closed';

/** Bytes that may wait for the answer to a publish. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
const SERVER_VERSION = 'FMS/3,0,1,123';
const CAPABILITIES = 31;

/**
 * Server end of one RTMP connection (Adobe RTMP 1.0 §7). Feed it what arrives, act on the events, send `takeOutput`.
 * Errors thrown by `feed` or `resume` mean the connection must be closed.
 */
export class RtmpServerSession {
  readonly #handshake = new ServerHandshake();
  readonly #connection = new RtmpConnection();
  readonly #held = new ByteQueue(MAX_HELD_BYTES);
  #state: State = 'handshake';
  #app = '';

  /** Takes received bytes. @throws ProtocolError */
  feed(bytes: Uint8Array): RtmpServerEvent[] {
    if (this.#state === 'closed') return [];
    this.#connection.count(bytes.byteLength);
    if (this.#state === 'handshake') {
      const reply = this.#handshake.push(bytes);
      if (reply !== undefined) this.#connection.sendBytes(reply);
      if (!this.#handshake.done) return [];
      this.#state = 'new';
      this.#connection.push(this.#handshake.takeRest());
    } else if (this.#state === 'publish-asked') {
      this.#held.push(bytes);
      return [];
    } else this.#connection.push(bytes);
    return this.#process();
  }

  /** What arrived while a publish waited for its answer; call after `acceptPublish`. @throws ProtocolError */
  resume(): RtmpServerEvent[] {
    if (this.#state === 'closed' || this.#state === 'publish-asked' || this.#state === 'handshake') return [];
    if (this.#held.length > 0) this.#connection.push(this.#held.takeAll());
    return this.#process();
  }

  /** Bytes to send now, or `undefined`. */
  takeOutput(): Buffer | undefined {
    return this.#connection.takeOutput();
  }

  /** Lets the publisher start. Then handle what `resume` returns. */
  acceptPublish(): void {
    this.#expect('publish-asked');
    this.#state = 'publishing';
    this.#status('status', 'NetStream.Publish.Start', 'Started publishing stream.');
  }

  /** Refuses the publisher; flush and close. */
  rejectPublish(code: PublishRefusal, description: string): void {
    this.#expect('publish-asked');
    this.#state = 'closed';
    this.#status('error', code, description);
  }

  /**
   * Lets the player start; not to be called when a `stop` came since. Next come metadata, configuration and media
   * through `encodeRtmpMessages`.
   */
  acceptPlay(): void {
    this.#expect('play-asked');
    this.#state = 'playing';
    this.#userControl(USER_STREAM_BEGIN);
    this.#status('status', 'NetStream.Play.Reset', 'Resetting and playing stream.');
    this.#status('status', 'NetStream.Play.Start', 'Started playing stream.');
    this.#status('status', 'NetStream.Play.PublishNotify', 'Now published.');
    this.#connection.sendData(MEDIA_STREAM_ID, '|RtmpSampleAccess', true, true);
  }

  /** Refuses the player; flush and close. */
  rejectPlay(code: PlayRefusal, description: string): void {
    this.#expect('play-asked');
    this.#state = 'closed';
    this.#status('error', code, description);
  }

  /** Tells the player that the stream is over; flush and close. */
  endPlay(): void {
    if (this.#state !== 'playing') return;
    this.#state = 'closed';
    this.#userControl(USER_STREAM_EOF);
    this.#status('status', 'NetStream.Play.UnpublishNotify', 'Stream is now unpublished.');
  }

  #expect(state: State): void {
    if (this.#state !== state) throw new Error(`RTMP session is ${this.#state}, not ${state}`);
  }

  #process(): RtmpServerEvent[] {
    const events: RtmpServerEvent[] = [];
    while (this.#state !== 'closed' && this.#state !== 'publish-asked') {
      const message = this.#connection.next();
      if (message === undefined) break;
      this.#handle(message, events);
    }
    return events;
  }

  #handle(message: RtmpMessage, events: RtmpServerEvent[]): void {
    switch (message.type) {
      case MESSAGE_COMMAND_AMF0:
      case MESSAGE_COMMAND_AMF3:
        this.#command(commandValuesOf(message), events);
        break;
      case MESSAGE_USER_CONTROL: {
        const reader = new ByteReader(message.data);
        if (reader.u16() !== USER_SET_BUFFER_LENGTH) break;
        reader.skip(4);
        events.push({ type: 'set-buffer-length', bufferMs: reader.u32() });
        break;
      }
      case MESSAGE_ACKNOWLEDGEMENT:
        events.push({ type: 'acknowledgement', receivedBytes: new ByteReader(message.data).u32() });
        break;
      default:
        if (this.#state === 'publishing') events.push(...mediaEventsOf(message));
    }
  }

  #command([name, transaction, object, ...args]: readonly AmfValue[], events: RtmpServerEvent[]): void {
    if (typeof name !== 'string') throw new ProtocolError('rtmp-command-name', 0);
    const id = typeof transaction === 'number' ? transaction : 0;
    if (name === 'connect') {
      this.#connect(id, amfProperties(object) ?? {}, events);
      return;
    }
    if (this.#state === 'new') throw new ProtocolError('rtmp-not-connected', 0);
    switch (name) {
      case 'createStream':
        this.#connection.sendCommand(0, '_result', id, null, MEDIA_STREAM_ID);
        break;
      case 'releaseStream':
      case 'FCPublish':
      case '_checkbw':
        this.#connection.sendCommand(0, '_result', id, null, undefined);
        break;
      case 'getStreamLength':
        this.#connection.sendCommand(0, '_result', id, null, 0);
        break;
      case 'publish':
        this.#publish(args, events);
        break;
      case 'play':
        this.#play(args, events);
        break;
      case 'play2':
        this.#play([amfProperties(args[0])?.streamName], events);
        break;
      case 'pause':
        this.#pause(args, events);
        break;
      case 'seek':
        this.#seek(args, events);
        break;
      case 'onPlayCtrl':
        this.#playControl(amfProperties(args[0]) ?? {}, events);
        break;
      case 'deleteStream':
      case 'closeStream':
        this.#endStream(events);
        break;
      default:
      // No answer to anything else. After FCUnpublish clients close without reading, and an answer would reset
      // the connection before deleteStream has been read.
    }
  }

  #connect(transaction: number, options: AmfObject, events: RtmpServerEvent[]): void {
    const app = text(options.app);
    const objectEncoding = numberOr(options.objectEncoding, 0);
    if (parseRtmpNames(app, '').app === '') {
      const error = {
        level: 'error',
        code: 'NetConnection.Connect.InvalidApp',
        description: 'Invalid application name.',
      };
      this.#connection.sendCommand(0, '_error', transaction, null, error);
      this.#close('invalid app', events);
      return;
    }
    this.#connection.sendControl(MESSAGE_WINDOW_ACK_SIZE, encodeControlValue(WINDOW_BYTES));
    this.#connection.sendControl(MESSAGE_SET_PEER_BANDWIDTH, encodePeerBandwidth(WINDOW_BYTES));
    this.#connection.sendChunkSize();
    this.#connection.sendCommand(
      0,
      '_result',
      transaction,
      { fmsVer: SERVER_VERSION, capabilities: CAPABILITIES },
      {
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'Connection succeeded.',
        objectEncoding,
      },
    );
    this.#connection.sendCommand(0, 'onBWDone', 0, null);
    if (this.#state === 'new') this.#state = 'idle';
    this.#app = app;
    events.push({
      type: 'connect',
      app,
      tcUrl: text(options.tcUrl),
      flashVer: text(options.flashVer),
      objectEncoding,
      fourCcList: isAmfList(options.fourCcList)
        ? options.fourCcList.filter((code) => typeof code === 'string')
        : [],
    });
  }

  #publish([streamName]: readonly AmfValue[], events: RtmpServerEvent[]): void {
    if (this.#state === 'publishing') {
      this.#status('error', 'NetStream.Publish.BadName', 'Already publishing.');
      return;
    }
    if (this.#state !== 'idle') throw new ProtocolError('rtmp-publish-while-playing', 0);
    const names = parseRtmpNames(this.#app, text(streamName));
    if (names.stream === '') {
      this.#status('error', 'NetStream.Publish.BadName', 'The stream name is empty.');
      this.#close('empty stream name', events);
      return;
    }
    this.#state = 'publish-asked';
    events.push({ type: 'publish', ...names });
  }

  #play([streamName, start, duration, reset]: readonly AmfValue[], events: RtmpServerEvent[]): void {
    if (this.#state === 'publishing') throw new ProtocolError('rtmp-play-while-publishing', 0);
    if (this.#state !== 'idle') events.push({ type: 'stop' });
    const names = parseRtmpNames(this.#app, text(streamName));
    if (names.stream === '') {
      this.#status('error', 'NetStream.Play.StreamNotFound', 'The stream name is empty.');
      this.#close('empty stream name', events);
      return;
    }
    this.#state = 'play-asked';
    events.push({
      type: 'play',
      start: numberOr(start, -2),
      duration: numberOr(duration, -1),
      reset: reset !== false && reset !== 0,
      ...names,
    });
  }

  #pause([paused, position]: readonly AmfValue[], events: RtmpServerEvent[]): void {
    if (this.#state !== 'playing') return;
    const isPaused = paused === true;
    if (isPaused) this.#status('status', 'NetStream.Pause.Notify', 'Paused stream.');
    else this.#status('status', 'NetStream.Unpause.Notify', 'Unpaused stream.');
    events.push({ type: 'pause', paused: isPaused, positionMs: numberOr(position, 0) });
  }

  #seek([position]: readonly AmfValue[], events: RtmpServerEvent[]): void {
    if (this.#state !== 'playing') return;
    this.#status('status', 'NetStream.Seek.Notify', 'Seeking.');
    this.#userControl(USER_STREAM_BEGIN);
    events.push({ type: 'seek', positionMs: numberOr(position, 0) });
  }

  #playControl(options: AmfObject, events: RtmpServerEvent[]): void {
    if (this.#state !== 'playing') return;
    this.#status('status', 'NetStream.Speed.Notify', 'Speed changed.');
    events.push({ type: 'play-speed', speed: numberOr(options.speed, 1) });
  }

  #endStream(events: RtmpServerEvent[]): void {
    if (this.#state === 'publishing') {
      this.#status('status', 'NetStream.Unpublish.Success', 'Stopped publishing.');
      events.push({ type: 'unpublish' });
    } else if (this.#state === 'playing' || this.#state === 'play-asked') events.push({ type: 'stop' });
    this.#state = 'idle';
  }

  #close(reason: string, events: RtmpServerEvent[]): void {
    this.#state = 'closed';
    events.push({ type: 'close', reason });
  }

  #status(level: 'status' | 'error', code: string, description: string): void {
    this.#connection.sendStatus(MEDIA_STREAM_ID, { level, code, description });
  }

  #userControl(event: number): void {
    this.#connection.sendControl(MESSAGE_USER_CONTROL, encodeUserControl(event, MEDIA_STREAM_ID));
  }
}

function text(value: AmfValue): string {
  return typeof value === 'string' ? value : '';
}

function numberOr(value: AmfValue, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}
