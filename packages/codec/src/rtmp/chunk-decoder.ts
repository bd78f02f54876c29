import { ProtocolError } from '@sluice/base/errors';
import { DEFAULT_CHUNK_BYTES } from './chunk-encoder.ts';
import { MESSAGE_ABORT, MESSAGE_SET_CHUNK_SIZE, type RtmpMessage } from './message.ts';

/** Bounds on what a peer may make us hold: one message, all partial messages together, chunk streams. */
export type ChunkLimits = {
  readonly maxMessageBytes: number;
  readonly maxPartialBytes: number;
  readonly maxChunkStreams: number;
};

export const CHUNK_LIMITS: ChunkLimits = {
  maxMessageBytes: 8 * 1024 * 1024,
  maxPartialBytes: 16 * 1024 * 1024,
  maxChunkStreams: 64,
};

/** Memory given for the mere announcement of a message; the rest follows when this much of it has come. */
const FIRST_BODY_BYTES = 256 * 1024;
const EMPTY = Buffer.alloc(0);
const EXTENDED = 0xffffff;
const MAX_HEADER_BYTES = 18;
/** Bytes of the message header for each fmt. */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/** What the next header on a chunk stream builds upon, and its message in the making. */
type ChunkStream = {
  timestampMs: number;
  deltaMs: number;
  length: number;
  type: number;
  streamId: number;
  /** The extended timestamp field of the last fmt 0-2 header, `undefined` when it had none. */
  extendedField: number | undefined;
  body: Buffer | undefined;
  filled: number;
};

/**
 * Reassembles messages from a chunk stream (Adobe RTMP 1.0 §5.3). SetChunkSize and Abort take effect here and are also
 * returned. Message bodies are their own memory: every payload byte is copied once.
 */
export class ChunkDecoder {
  readonly #limits: ChunkLimits;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES);
  #headerBytes = 0;
  #chunkSize = DEFAULT_CHUNK_BYTES;
  #partialBytes = 0;
  #input: Buffer = EMPTY;
  #at = 0;
  /** The stream and rest of the chunk whose payload is being read. */
  #current: ChunkStream | undefined;
  #chunkLeft = 0;
  /** Bytes consumed before the current input, for error positions. */
  #consumed = 0;

  constructor(limits: ChunkLimits = CHUNK_LIMITS) {
    this.#limits = limits;
  }

  /** Whether `next` has used up everything pushed. */
  get drained(): boolean {
    return this.#at === this.#input.byteLength;
  }

  /** Hands over received bytes; they must stay unchanged until `drained`. */
  push(bytes: Uint8Array): void {
    this.#consumed += this.#at;
    this.#input = this.drained
      ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : Buffer.concat([this.#input.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** The next complete message, or `undefined` when more bytes are needed. @throws ProtocolError */
  next(): RtmpMessage | undefined {
    for (;;) {
      const stream = this.#current ?? this.#readHeader();
      if (stream === undefined) return this.#exhausted();
      const message = this.#readPayload(stream);
      if (message !== undefined) return this.#applied(message);
      if (this.#current !== undefined) return this.#exhausted();
    }
  }

  /** Lets go of the input: an idle connection must not keep its last read alive. */
  #exhausted(): undefined {
    this.#consumed += this.#at;
    this.#input = EMPTY;
    this.#at = 0;
  }

  #fail(code: string): ProtocolError {
    return new ProtocolError(code, this.#consumed + this.#at);
  }

  /** Collects header bytes until the first `count` are there. */
  #collect(count: number): boolean {
    while (this.#headerBytes < count) {
      const byte = this.#input[this.#at];
      if (byte === undefined) return false;
      this.#header[this.#headerBytes++] = byte;
      this.#at++;
    }
    return true;
  }

  #readHeader(): ChunkStream | undefined {
    if (!this.#collect(1)) return undefined;
    const header = this.#header;
    const first = header[0] ?? 0;
    const form = first & 0x3f;
    const basicBytes = form === 0 ? 2 : form === 1 ? 3 : 1;
    const fmt = (first >> 6) as 0 | 1 | 2 | 3;
    const fixedBytes = basicBytes + MESSAGE_HEADER_BYTES[fmt];
    if (!this.#collect(fixedBytes)) return undefined;
    const csid =
      form === 0 ? 64 + (header[1] ?? 0) : form === 1 ? 64 + (header[1] ?? 0) + 256 * (header[2] ?? 0) : form;
    const stream = this.#stream(csid, fmt);
    if (fmt === 3) {
      if (!this.#skipRepeatedTimestamp(stream, fixedBytes)) return undefined;
    } else {
      const field = header.readUIntBE(basicBytes, 3);
      if (field === EXTENDED && !this.#collect(fixedBytes + 4)) return undefined;
      const extendedField = field === EXTENDED ? header.readUInt32BE(fixedBytes) : undefined;
      this.#applyHeader(stream, fmt, basicBytes, extendedField ?? field);
      stream.extendedField = extendedField;
    }
    this.#headerBytes = 0;
    if (stream.body === undefined) this.#beginMessage(stream, fmt);
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.filled);
    this.#current = stream;
    return stream;
  }

  #stream(csid: number, fmt: number): ChunkStream {
    const known = this.#streams.get(csid);
    if (known !== undefined) return known;
    // librtmp and others open the control stream with fmt 1.
    if (fmt > 1) throw this.#fail('rtmp-chunk-without-header');
    if (this.#streams.size >= this.#limits.maxChunkStreams) throw this.#fail('rtmp-too-many-chunk-streams');
    const stream: ChunkStream = {
      timestampMs: 0,
      deltaMs: 0,
      length: 0,
      type: 0,
      streamId: 0,
      extendedField: undefined,
      body: undefined,
      filled: 0,
    };
    this.#streams.set(csid, stream);
    return stream;
  }

  #applyHeader(stream: ChunkStream, fmt: 0 | 1 | 2, at: number, time: number): void {
    const header = this.#header;
    this.#discard(stream); // a new header in the middle of a message gives that message up
    if (fmt === 0) {
      stream.timestampMs = time;
      stream.deltaMs = 0;
      stream.streamId = header.readUInt32LE(at + 7);
    } else {
      stream.deltaMs = time;
    }
    if (fmt < 2) {
      stream.length = header.readUIntBE(at + 3, 3);
      stream.type = header[at + 6] ?? 0;
    }
  }

  /**
   * fmt 3 repeats an extended timestamp, but some encoders leave it out: four bytes that differ from the current one
   * are payload and given back. False when more bytes are needed to tell.
   */
  #skipRepeatedTimestamp(stream: ChunkStream, fixedBytes: number): boolean {
    const expected = stream.extendedField;
    if (expected === undefined) return true;
    for (let index = 0; index < 4; index++) {
      if (!this.#collect(fixedBytes + index + 1)) return false;
      if (this.#header[fixedBytes + index] === ((expected >>> (24 - 8 * index)) & 0xff)) continue;
      this.#giveBack(fixedBytes, fixedBytes + index + 1);
      break;
    }
    return true;
  }

  #giveBack(from: number, to: number): void {
    const count = to - from;
    if (this.#at >= count) {
      this.#at -= count;
      return;
    }
    const head = Buffer.from(this.#header.subarray(from, to)); // the scratch is about to be overwritten
    this.#consumed += this.#at - count;
    this.#input = Buffer.concat([head, this.#input.subarray(this.#at)]);
    this.#at = 0;
  }

  #beginMessage(stream: ChunkStream, fmt: number): void {
    if (fmt !== 0) stream.timestampMs = (stream.timestampMs + stream.deltaMs) >>> 0;
    if (stream.length > this.#limits.maxMessageBytes) throw this.#fail('rtmp-message-too-large');
    if (this.#partialBytes + stream.length > this.#limits.maxPartialBytes)
      throw this.#fail('rtmp-too-much-partial');
    stream.body = Buffer.allocUnsafe(Math.min(stream.length, FIRST_BODY_BYTES));
    stream.filled = 0;
    this.#partialBytes += stream.length;
  }

  #discard(stream: ChunkStream): void {
    if (stream.body === undefined) return;
    stream.body = undefined;
    stream.filled = 0;
    this.#partialBytes -= stream.length;
  }

  #readPayload(stream: ChunkStream): RtmpMessage | undefined {
    let body = stream.body;
    if (body === undefined) throw this.#fail('rtmp-chunk-without-header');
    const available = this.#input.byteLength - this.#at;
    const count = Math.min(this.#chunkLeft, available);
    if (count > 0) {
      if (stream.filled + count > body.byteLength) body = grow(stream, body);
      this.#input.copy(body, stream.filled, this.#at, this.#at + count);
      this.#at += count;
      stream.filled += count;
      this.#chunkLeft -= count;
    }
    if (this.#chunkLeft > 0) return undefined;
    this.#current = undefined;
    if (stream.filled < stream.length) return undefined;
    this.#discard(stream);
    return { type: stream.type, timestampMs: stream.timestampMs, streamId: stream.streamId, data: body };
  }

  #applied(message: RtmpMessage): RtmpMessage {
    if (message.type === MESSAGE_SET_CHUNK_SIZE) {
      const size = this.#controlValue(message) & 0x7fffffff;
      if (size === 0) throw this.#fail('rtmp-chunk-size');
      this.#chunkSize = Math.min(size, 0xffffff); // no message is longer
    } else if (message.type === MESSAGE_ABORT) {
      const stream = this.#streams.get(this.#controlValue(message));
      if (stream !== undefined) this.#discard(stream);
    }
    return message;
  }

  #controlValue(message: RtmpMessage): number {
    if (message.data.byteLength < 4) throw this.#fail('truncated');
    return Buffer.from(message.data.buffer, message.data.byteOffset, 4).readUInt32BE();
  }
}

/** Gives a message its whole memory, once its sender has shown that it means it. */
function grow(stream: ChunkStream, started: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(stream.length);
  started.copy(whole, 0, 0, stream.filled);
  stream.body = whole;
  return whole;
}
