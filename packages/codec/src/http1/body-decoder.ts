import { ProtocolError } from '@sluice/base/errors';
import type { BodyFraming } from './framing.ts';
import { latin1 } from './head.ts';
import { MAX_HEAD_BYTES } from './head-buffer.ts';
import { type HeaderLines, parseHeaderLines } from './header.ts';

/** Receives body bytes as views on the bytes fed to the decoder. */
export interface BodySink {
  bodyBytes(slice: Buffer): void;
}

/*
 * chunked-body = *( 1*16HEXDIG [ chunk-ext ] CRLF chunk-data CRLF )
 *                1*"0" [ chunk-ext ] CRLF *( field-line CRLF ) CRLF     (RFC 9112 §7.1)
 */
type State =
  | 'done'
  | 'counted'
  | 'until-close'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer';

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const SPACE = 32;
const TAB = 9;
const MAX_SIZE_DIGITS = 16;
// Of one chunk: some servers pad every size with spaces, so a limit for the whole body would cut their long ones short.
const MAX_EXTENSION_BYTES = 4_096;
const NO_TRAILERS: HeaderLines = [];
const FORBIDDEN_TRAILERS = new Set(['transfer-encoding', 'content-length', 'host']);

/** Finds the end of one message body in the bytes that arrive. */
export class BodyDecoder {
  #state: State;
  #remaining: number;
  #sizeDigits = 0;
  #extensionBytes = 0;
  #trailerBytes: number[] = [];
  #trailers: HeaderLines = NO_TRAILERS;

  constructor(framing: BodyFraming) {
    this.#remaining = framing.kind === 'length' ? framing.bytes : 0;
    if (framing.kind === 'none') this.#state = 'done';
    else if (framing.kind === 'length') this.#state = framing.bytes === 0 ? 'done' : 'counted';
    else this.#state = framing.kind === 'chunked' ? 'size' : 'until-close';
  }

  /** True once the whole body, trailers included, has been fed. */
  get ended(): boolean {
    return this.#state === 'done';
  }

  /** Trailer lines; complete when `ended`. */
  get trailers(): HeaderLines {
    return this.#trailers;
  }

  /**
   * Takes bytes, gives `sink` the body in them and returns how many belonged to this body; fewer than given means the
   * rest starts the next message.
   * @throws ProtocolError `bad-chunk-size`, `bad-chunk`, `chunk-extension-too-large`, `trailers-too-large`,
   *   `forbidden-trailer` and those of `parseHeaderLines`
   */
  push(bytes: Buffer, sink: BodySink): number {
    if (this.#state === 'counted' && bytes.length <= this.#remaining) {
      this.#remaining -= bytes.length;
      if (this.#remaining === 0) this.#state = 'done';
      if (bytes.length > 0) sink.bodyBytes(bytes);
      return bytes.length;
    }
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') at = this.#step(bytes, at, sink);
    return at;
  }

  /** The peer closed its side. @throws ProtocolError `body-cut-short` unless the body was complete or ends by closing */
  close(): void {
    if (this.#state === 'until-close') this.#state = 'done';
    if (this.#state !== 'done') throw new ProtocolError('body-cut-short', 0);
  }

  #step(bytes: Buffer, at: number, sink: BodySink): number {
    switch (this.#state) {
      case 'until-close':
        sink.bodyBytes(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      case 'counted':
        return this.#data(bytes, at, sink, 'done');
      case 'data':
        return this.#data(bytes, at, sink, 'data-cr');
      case 'trailer':
        return this.#trailer(bytes, at);
      default:
        this.#chunkByte(bytes[at] as number, at);
        return at + 1;
    }
  }

  #data(bytes: Buffer, at: number, sink: BodySink, next: State): number {
    const end = Math.min(bytes.length, at + this.#remaining);
    this.#remaining -= end - at;
    if (this.#remaining === 0) this.#state = next;
    if (end > at) sink.bodyBytes(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    return end;
  }

  #chunkByte(byte: number, at: number): void {
    switch (this.#state) {
      case 'size':
        this.#sizeByte(byte, at);
        return;
      case 'extension':
        if (byte === CR) this.#state = 'size-lf';
        else if (byte === LF || byte === 0) throw new ProtocolError('bad-chunk', at);
        else if (++this.#extensionBytes > MAX_EXTENSION_BYTES)
          throw new ProtocolError('chunk-extension-too-large', at);
        return;
      case 'size-lf':
        expect(byte, LF, at);
        this.#sizeDigits = 0;
        this.#extensionBytes = 0;
        this.#state = this.#remaining === 0 ? 'trailer' : 'data';
        return;
      case 'data-cr':
        expect(byte, CR, at);
        this.#state = 'data-lf';
        return;
      default:
        expect(byte, LF, at);
        this.#state = 'size';
    }
  }

  #sizeByte(byte: number, at: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#sizeDigits > MAX_SIZE_DIGITS) throw new ProtocolError('bad-chunk-size', at);
      this.#remaining = this.#remaining * 16 + digit;
      if (!Number.isSafeInteger(this.#remaining)) throw new ProtocolError('bad-chunk-size', at);
      return;
    }
    if (this.#sizeDigits === 0) throw new ProtocolError('bad-chunk-size', at);
    if (byte === CR) this.#state = 'size-lf';
    else if (byte === SEMICOLON || byte === SPACE || byte === TAB) this.#state = 'extension';
    else throw new ProtocolError('bad-chunk-size', at);
  }

  #trailer(bytes: Buffer, start: number): number {
    const collected = this.#trailerBytes;
    for (let at = start; at < bytes.length; at++) {
      collected.push(bytes[at] as number);
      if (collected.length > MAX_HEAD_BYTES) throw new ProtocolError('trailers-too-large', at);
      if (bytes[at] === LF && endsWithEmptyLine(collected)) {
        this.#finishTrailers();
        return at + 1;
      }
    }
    return bytes.length;
  }

  #finishTrailers(): void {
    this.#state = 'done';
    if (this.#trailerBytes.length === 2) return;
    const section = Buffer.from(this.#trailerBytes);
    this.#trailerBytes = [];
    this.#trailers = parseHeaderLines(section, latin1(section), 0, section.length - 2);
    for (const [name] of this.#trailers) {
      if (FORBIDDEN_TRAILERS.has(name.toLowerCase())) throw new ProtocolError('forbidden-trailer', 0);
    }
  }
}

function expect(byte: number, wanted: number, at: number): void {
  if (byte !== wanted) throw new ProtocolError('bad-chunk', at);
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function endsWithEmptyLine(bytes: readonly number[]): boolean {
  const { length } = bytes;
  if (bytes[length - 2] !== CR) return false;
  return length === 2 || (bytes[length - 3] === LF && bytes[length - 4] === CR);
}
