import { ByteReader } from '@sluice/base/bytes';
import { type AmfObject, type AmfValue, amfProperties } from '../amf/value.ts';
import type { FlvTagParts } from '../flv/tag.ts';
import { encodeRtmpMessages, OUTPUT_CHUNK_BYTES } from './chunk-encoder.ts';
import { RtmpConnection, WINDOW_BYTES } from './connection.ts';
import { commandValuesOf, mediaEventsOf, type RtmpMediaEvent } from './data-message.ts';
import { ClientHandshake } from './handshake.ts';
import {
  encodeControlValue,
  encodeUserControl,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_COMMAND_AMF3,
  MESSAGE_USER_CONTROL,
  MESSAGE_WINDOW_ACK_SIZE,
  type RtmpMessage,
  USER_SET_BUFFER_LENGTH,
  USER_STREAM_EOF,
} from './message.ts';

/** What to play or publish: `stream` keeps its own `?query`; `complexHandshake` signs C1. */
export type RtmpClientOptions = {
  readonly mode: 'play' | 'publish';
  readonly app: string;
  readonly stream: string;
  readonly tcUrl: string;
  readonly complexHandshake?: boolean;
};

/** What the server of an `RtmpClientSession` did. */
export type RtmpClientEvent =
  | RtmpMediaEvent
  /** NetStream.Play.Start or NetStream.Publish.Start arrived. */
  | { readonly type: 'started' }
  /** Any other status that is no error. */
  | { readonly type: 'status'; readonly code: string; readonly description: string }
  /** The stream is over: StreamEOF, UnpublishNotify or Play.Stop. */
  | { readonly type: 'end'; readonly reason: string }
  /** `_error` or a status of level error; close. */
  | { readonly type: 'failed'; readonly code: string; readonly description: string };

const CONNECT_TRANSACTION = 1;
const CREATE_STREAM_TRANSACTION = 4;
const PLAY_BUFFER_MS = 3000;
/** Live or recorded, in the unit common clients use. */
const PLAY_START = -2000;
const END_CODES = new Set([
  'NetStream.Play.UnpublishNotify',
  'NetStream.Play.Stop',
  'NetStream.Play.Complete',
]);

/** Client end of one RTMP connection that plays or publishes one stream; errors thrown by `feed` mean close. */
export class RtmpClientSession {
  readonly #options: RtmpClientOptions;
  readonly #handshake: ClientHandshake;
  readonly #connection = new RtmpConnection();
  #streamId = 0;
  #started = false;

  constructor(options: RtmpClientOptions) {
    this.#options = options;
    this.#handshake = new ClientHandshake({ complex: options.complexHandshake ?? true });
    this.#connection.sendBytes(this.#handshake.start());
  }

  /** Takes received bytes. @throws ProtocolError */
  feed(bytes: Uint8Array): RtmpClientEvent[] {
    this.#connection.count(bytes.byteLength);
    if (this.#handshake.done) this.#connection.push(bytes);
    else {
      const reply = this.#handshake.push(bytes);
      if (reply === undefined) return [];
      this.#connection.sendBytes(reply);
      this.#sendConnect();
      this.#connection.push(this.#handshake.takeRest());
    }
    const events: RtmpClientEvent[] = [];
    for (let message = this.#connection.next(); message !== undefined; message = this.#connection.next()) {
      this.#handle(message, events);
    }
    return events;
  }

  /** Bytes to send now, or `undefined`; the first call gives C0 and C1. */
  takeOutput(): Buffer | undefined {
    return this.#connection.takeOutput();
  }

  /** Queues tags of the published stream; only after `started`. */
  sendTags(tags: readonly FlvTagParts[]): void {
    this.#connection.sendBytes(
      encodeRtmpMessages(tags, { chunkSize: OUTPUT_CHUNK_BYTES, streamId: this.#streamId }),
    );
  }

  /** Queues the publisher's onMetaData. */
  sendMetadata(properties: AmfObject): void {
    this.#connection.sendData(this.#streamId, '@setDataFrame', 'onMetaData', properties);
  }

  /** Queues a graceful end; flush and close. */
  endStream(): void {
    if (this.#streamId === 0) return;
    if (this.#options.mode === 'publish') this.#command(6, 'FCUnpublish', this.#streamName());
    this.#connection.sendCommand(0, 'deleteStream', 0, null, this.#streamId);
  }

  /** Whether media may be sent or will arrive. */
  get started(): boolean {
    return this.#started;
  }

  #streamName(): string {
    return this.#options.stream;
  }

  #command(transaction: number, name: string, ...args: readonly AmfValue[]): void {
    this.#connection.sendCommand(0, name, transaction, null, ...args);
  }

  #sendConnect(): void {
    const { app, tcUrl, mode } = this.#options;
    const flash = 'LNX 9,0,124,2';
    const object: AmfObject =
      mode === 'publish'
        ? { app, type: 'nonprivate', flashVer: `FMLE/3.0 (compatible; ${flash})`, tcUrl }
        : {
            app,
            flashVer: flash,
            tcUrl,
            fpad: false,
            capabilities: 15,
            audioCodecs: 4071,
            videoCodecs: 252,
            videoFunction: 1,
            fourCcList: ['av01', 'vp09', 'hvc1'],
          };
    this.#connection.sendCommand(0, 'connect', CONNECT_TRANSACTION, object);
  }

  #handle(message: RtmpMessage, events: RtmpClientEvent[]): void {
    if (message.type === MESSAGE_COMMAND_AMF0 || message.type === MESSAGE_COMMAND_AMF3) {
      this.#reply(commandValuesOf(message), events);
    } else if (message.type === MESSAGE_USER_CONTROL) {
      if (new ByteReader(message.data).u16() === USER_STREAM_EOF)
        events.push({ type: 'end', reason: 'StreamEOF' });
    } else if (this.#options.mode === 'play') {
      for (const event of mediaEventsOf(message)) events.push(event);
    }
  }

  #reply([name, transaction, , ...args]: readonly AmfValue[], events: RtmpClientEvent[]): void {
    const info = amfProperties(args[0]);
    const code = typeof info?.code === 'string' ? info.code : '';
    const description = typeof info?.description === 'string' ? info.description : '';
    if (name === '_error' || (name === 'onStatus' && info?.level === 'error')) {
      // Servers may refuse the optional commands; only connect and createStream matter.
      const optional =
        name === '_error' && transaction !== CONNECT_TRANSACTION && transaction !== CREATE_STREAM_TRANSACTION;
      if (!optional) events.push({ type: 'failed', code, description });
    } else if (name === '_result' && transaction === CONNECT_TRANSACTION) this.#openStream();
    else if (name === '_result' && transaction === CREATE_STREAM_TRANSACTION) this.#startStream(args[0]);
    else if (name === 'onStatus') this.#status(code, description, events);
  }

  #openStream(): void {
    if (this.#options.mode === 'play') {
      this.#connection.sendControl(MESSAGE_WINDOW_ACK_SIZE, encodeControlValue(WINDOW_BYTES));
    } else {
      this.#connection.sendChunkSize();
      this.#command(2, 'releaseStream', this.#streamName());
      this.#command(3, 'FCPublish', this.#streamName());
    }
    this.#command(CREATE_STREAM_TRANSACTION, 'createStream');
  }

  #startStream(streamId: AmfValue): void {
    this.#streamId = typeof streamId === 'number' && streamId > 0 ? streamId >>> 0 : 1;
    if (this.#options.mode === 'publish') {
      this.#connection.sendCommand(this.#streamId, 'publish', 5, null, this.#streamName(), 'live');
      return;
    }
    this.#connection.sendControl(
      MESSAGE_USER_CONTROL,
      encodeUserControl(USER_SET_BUFFER_LENGTH, this.#streamId, PLAY_BUFFER_MS),
    );
    this.#connection.sendCommand(this.#streamId, 'play', 0, null, this.#streamName(), PLAY_START);
  }

  #status(code: string, description: string, events: RtmpClientEvent[]): void {
    if (code === 'NetStream.Play.Start' || code === 'NetStream.Publish.Start') {
      this.#started = true;
      events.push({ type: 'started' });
    } else if (END_CODES.has(code)) events.push({ type: 'end', reason: code });
    else events.push({ type: 'status', code, description });
  }
}
