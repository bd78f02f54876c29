import { hash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '@sluice/base/clock';
import type { MediaReaderView } from '../port.ts';
import type { LiveStream } from '../source/live-stream.ts';

type Reader = {
  readonly stream: LiveStream;
  readonly cookie: string;
  readonly uid: string;
  /** Has sent its cookie back, so requests without one are somebody else's. */
  showsCookie: boolean;
  expiresMs: number;
  readonly leave: () => void;
};

const COOKIE = 'ZLM_HTTP_COOKIE';
const READER_LIFE_MS = 60_000;
const MAX_READERS = 50_000;

/**
 * HLS players are requests, not connections: a reader is known by its cookie, or, while it sends none back, by its
 * address, program and URL parameters. It leaves when it fetched nothing for a minute.
 */
export class HlsReaders {
  readonly #clock: Clock;
  readonly #byCookie = new Map<string, Reader>();
  readonly #byUid = new Map<string, Reader>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a request below the stream's path. A request for the playlist makes a reader of a stranger and returns the
   * `Set-Cookie` value for it; segments only keep readers alive.
   */
  visit(
    request: IncomingMessage,
    stream: LiveStream,
    params: string,
    reader: MediaReaderView | undefined,
  ): string | undefined {
    const cookie = readCookie(request);
    const uid = readerUid(request, stream, params);
    const known = this.#find(cookie, uid);
    if (known !== undefined && known.stream === stream) {
      known.showsCookie ||= cookie !== undefined;
      known.expiresMs = this.#clock.monotonicMs() + READER_LIFE_MS;
      return undefined;
    }
    if (reader === undefined || this.#byCookie.size >= MAX_READERS) return undefined;
    // The same player on a stream that ended and came back.
    if (known !== undefined) this.#leave(known);
    return this.#join(uid, stream, reader);
  }

  /** Lets all readers go. */
  close(): void {
    for (const reader of [...this.#byCookie.values()]) this.#leave(reader);
  }

  #find(cookie: string | undefined, uid: string): Reader | undefined {
    if (cookie !== undefined) return this.#byCookie.get(cookie);
    const reader = this.#byUid.get(uid);
    return reader?.showsCookie === true ? undefined : reader;
  }

  #join(uid: string, stream: LiveStream, view: MediaReaderView): string {
    const cookie = randomBytes(16).toString('hex');
    const reader: Reader = {
      stream,
      cookie,
      uid,
      showsCookie: false,
      expiresMs: this.#clock.monotonicMs() + READER_LIFE_MS,
      leave: stream.addReader('hls', () => view),
    };
    this.#byCookie.set(cookie, reader);
    this.#byUid.set(uid, reader);
    this.#timer ??= this.#clock.every(1000, () => this.#expire());
    const expires = new Date(this.#clock.now() + READER_LIFE_MS).toUTCString();
    const { app, stream: name } = stream.tuple;
    return `${COOKIE}=${cookie};expires=${expires};path=/${cookiePath(app)}/${cookiePath(name)}/`;
  }

  #leave(reader: Reader): void {
    reader.leave();
    this.#byCookie.delete(reader.cookie);
    if (this.#byUid.get(reader.uid) === reader) this.#byUid.delete(reader.uid);
    if (this.#byCookie.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const reader of [...this.#byCookie.values()]) {
      if (reader.expiresMs <= nowMs || reader.stream.state === 'closed') this.#leave(reader);
    }
  }
}

/** A name as browsers write it in a path; a semicolon would end the attribute. */
function cookiePath(name: string): string {
  return encodeURI(name).replaceAll(';', '%3B');
}

function readCookie(request: IncomingMessage): string | undefined {
  return /(?:^|;\s*)ZLM_HTTP_COOKIE=([0-9a-f]{32})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1];
}

/** As a digest, because clients choose the length of what goes into it. */
function readerUid(request: IncomingMessage, stream: LiveStream, params: string): string {
  const { app, stream: name } = stream.tuple;
  const { remoteAddress = '' } = request.socket;
  return hash('sha256', [app, name, remoteAddress, request.headers['user-agent'] ?? '', params].join('\n'));
}
