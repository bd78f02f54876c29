import { ProtocolError } from '@sluice/base/errors';

/** FLV tag types, the same numbers as RTMP message types. */
export const TAG_AUDIO = 8;
export const TAG_VIDEO = 9;
export const TAG_SCRIPT = 18;

/** One audio, video or script tag as received: `data` is the body, also the body of the RTMP message of that type. */
export type FlvTag = { readonly type: number; readonly timestampMs: number; readonly data: Uint8Array };

/** A tag to send: its body is `prefix` followed by `data`, so that frame data is copied once, into the output. */
export type FlvTagParts = FlvTag & { readonly prefix?: Uint8Array };

/** FLV header and the first PreviousTagSize: `46 4C 56 01 flags 00000009 00000000`. */
export const FLV_HEADER_BYTES = 13;
export const FLV_TAG_HEADER_BYTES = 11;
/** A tag costs its body plus this. */
export const FLV_TAG_OVERHEAD_BYTES = 15;

/** The 13 bytes that start an FLV stream. */
export function encodeFlvHeader(tracks: { readonly video: boolean; readonly audio: boolean }): Buffer {
  const header = Buffer.alloc(FLV_HEADER_BYTES);
  header.writeUInt32BE(0x464c5601, 0);
  header[4] = (tracks.video ? 1 : 0) | (tracks.audio ? 4 : 0);
  header.writeUInt32BE(9, 5);
  return header;
}

/** The tracks announced by a file header and where the first PreviousTagSize starts. @throws ProtocolError */
export function parseFlvHeader(bytes: Uint8Array): { video: boolean; audio: boolean; dataOffset: number } {
  if (bytes.byteLength < 9) throw new ProtocolError('truncated', bytes.byteLength);
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, 9);
  if (header.readUIntBE(0, 3) !== 0x464c56) throw new ProtocolError('flv-signature', 0);
  const flags = header[4] ?? 0;
  const dataOffset = header.readUInt32BE(5);
  if (dataOffset < 9 || dataOffset > 1024) throw new ProtocolError('flv-data-offset', 5);
  return { video: (flags & 1) !== 0, audio: (flags & 4) !== 0, dataOffset };
}

/** One tag with its PreviousTagSize: type 8, size 24, timestamp 24, timestamp bits 31..24, stream id 24, body, size 32. */
export function encodeFlvTag(tag: FlvTagParts): Buffer {
  const out = Buffer.allocUnsafe(flvTagBytes(tag));
  writeFlvTag(out, 0, tag);
  return out;
}

/** Several tags one after the other in one buffer. */
export function encodeFlvTags(tags: readonly FlvTagParts[]): Buffer {
  let total = 0;
  for (const tag of tags) total += flvTagBytes(tag);
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const tag of tags) at = writeFlvTag(out, at, tag);
  return out;
}

/** The size of the encoded tag, PreviousTagSize included. */
export function flvTagBytes(tag: FlvTagParts): number {
  return FLV_TAG_OVERHEAD_BYTES + (tag.prefix?.byteLength ?? 0) + tag.data.byteLength;
}

/** Writes the tag at `at` and returns where the next one goes. @throws ProtocolError when the body exceeds 24 bits */
export function writeFlvTag(out: Buffer, at: number, tag: FlvTagParts): number {
  const prefixBytes = tag.prefix?.byteLength ?? 0;
  const size = prefixBytes + tag.data.byteLength;
  if (size > 0xffffff) throw new ProtocolError('flv-tag-too-large', at);
  const timestampMs = tag.timestampMs >>> 0;
  out.writeUInt32BE(((tag.type << 24) | size) >>> 0, at);
  out.writeUInt32BE(((timestampMs << 8) | (timestampMs >>> 24)) >>> 0, at + 4);
  out[at + 8] = 0;
  out[at + 9] = 0;
  out[at + 10] = 0;
  const body = at + FLV_TAG_HEADER_BYTES;
  if (tag.prefix !== undefined) out.set(tag.prefix, body);
  out.set(tag.data, body + prefixBytes);
  out.writeUInt32BE(FLV_TAG_HEADER_BYTES + size, body + size);
  return body + size + 4;
}
