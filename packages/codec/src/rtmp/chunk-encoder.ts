import { ProtocolError } from '@sluice/base/errors';
import type { FlvTagParts } from '../flv/tag.ts';
import { chunkStreamOf, type RtmpMessage } from './message.ts';

/** The chunk size until a peer announces another (Adobe RTMP 1.0 §5.4.1). */
export const DEFAULT_CHUNK_BYTES = 128;
/** The chunk size our sessions announce for their own output. */
export const OUTPUT_CHUNK_BYTES = 60_000;
/** The one message stream our sessions use, as server and as client. */
export const MEDIA_STREAM_ID = 1;

const FULL_HEADER_BYTES = 12;
const EXTENDED = 0xffffff;
const MAX_MESSAGE_BYTES = 0xffffff;

/** What decides the bytes of an encoded message besides its content. */
export type ChunkOptions = { readonly chunkSize: number; readonly streamId: number };

/**
 * Media as RTMP chunks: each message starts with a full header (fmt 0) on a chunk stream fixed by its type and goes on
 * with fmt 3, so the bytes depend on nothing but the tags and options and can be shared by every viewer.
 * @throws ProtocolError when a body exceeds 24 bits
 */
export function encodeRtmpMessages(
  tags: readonly FlvTagParts[],
  options: ChunkOptions = { chunkSize: OUTPUT_CHUNK_BYTES, streamId: MEDIA_STREAM_ID },
): Buffer {
  let total = 0;
  for (const tag of tags) total += rtmpMessageBytes(tag, options.chunkSize);
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const tag of tags) at = writeRtmpMessage(out, at, tag, options);
  return out;
}

/** One message of any type as chunks. @throws ProtocolError */
export function encodeRtmpMessage(message: RtmpMessage, chunkSize: number): Buffer {
  const out = Buffer.allocUnsafe(rtmpMessageBytes(message, chunkSize));
  writeRtmpMessage(out, 0, message, { chunkSize, streamId: message.streamId });
  return out;
}

/** The size of a message as chunks. */
export function rtmpMessageBytes(tag: FlvTagParts, chunkSize: number): number {
  const length = (tag.prefix?.byteLength ?? 0) + tag.data.byteLength;
  const extendedBytes = tag.timestampMs >>> 0 >= EXTENDED ? 4 : 0;
  const continuations = length === 0 ? 0 : Math.ceil(length / chunkSize) - 1;
  return FULL_HEADER_BYTES + extendedBytes + length + continuations * (1 + extendedBytes);
}

/**
 * Writes a message at `at` and returns where the next one goes.
 *
 *     fmt 0: 00:2 csid:6 | timestamp 24 | length 24 | type 8 | stream id 32 LE | [extended timestamp 32]
 *     fmt 3: 11:2 csid:6 | [extended timestamp 32]
 */
export function writeRtmpMessage(out: Buffer, at: number, tag: FlvTagParts, options: ChunkOptions): number {
  const prefix = tag.prefix;
  const prefixBytes = prefix?.byteLength ?? 0;
  const length = prefixBytes + tag.data.byteLength;
  if (length > MAX_MESSAGE_BYTES) throw new ProtocolError('rtmp-message-too-large', at);
  const timestampMs = tag.timestampMs >>> 0;
  const extended = timestampMs >= EXTENDED;
  const csid = chunkStreamOf(tag.type);
  out.writeUInt32BE(((csid << 24) | (extended ? EXTENDED : timestampMs)) >>> 0, at);
  out.writeUInt32BE(((length << 8) | tag.type) >>> 0, at + 4);
  out.writeUInt32LE(options.streamId >>> 0, at + 8);
  let to = at + FULL_HEADER_BYTES;
  if (extended) to = out.writeUInt32BE(timestampMs, to);
  let done = 0;
  while (done < length) {
    if (done > 0) {
      out[to++] = 0xc0 | csid;
      if (extended) to = out.writeUInt32BE(timestampMs, to);
    }
    const end = Math.min(length, done + options.chunkSize);
    if (prefix !== undefined && done < prefixBytes) {
      const stop = Math.min(end, prefixBytes);
      out.set(prefix.subarray(done, stop), to);
      to += stop - done;
      done = stop;
    }
    if (done < end) {
      const from = done - prefixBytes;
      const count = end - done;
      out.set(count === tag.data.byteLength ? tag.data : tag.data.subarray(from, from + count), to);
      to += count;
      done = end;
    }
  }
  return to;
}
