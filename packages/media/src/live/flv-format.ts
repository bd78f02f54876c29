import {
  encodeFlvHeader,
  encodeFlvTags,
  type FlvTagParts,
  flvTagBytes,
  writeFlvTag,
} from '@sluice/codec/flv/tag';
import type { LiveTracks } from '../source/live-tracks.ts';
import { preambleTags } from './live-tags.ts';
import type { OutputFormat } from './output-format.ts';

function flvPreamble(tracks: LiveTracks): Buffer {
  const header = encodeFlvHeader({ video: tracks.video !== undefined, audio: tracks.audio !== undefined });
  return Buffer.concat([header, encodeFlvTags(preambleTags(tracks))]);
}

/** HTTP-FLV: the bytes of an FLV file. */
export const flvFormat: OutputFormat = {
  name: 'flv',
  encodePreamble: flvPreamble,
  encodeTags: encodeFlvTags,
};

/** FIN and opcode 2, a whole binary message (RFC 6455 §5.2). */
const BINARY_MESSAGE = 0x82;

function messageHeaderBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 65536 ? 4 : 10;
}

/** Writes `FIN opcode | 0 length:7 [length:16 | length:64]` at the start of `out`. */
function writeMessageHeader(out: Buffer, payloadBytes: number): void {
  out[0] = BINARY_MESSAGE;
  if (payloadBytes < 126) {
    out[1] = payloadBytes;
  } else if (payloadBytes < 65536) {
    out[1] = 126;
    out.writeUInt16BE(payloadBytes, 2);
  } else {
    out[1] = 127;
    out.writeUInt32BE(0, 2);
    out.writeUInt32BE(payloadBytes, 6);
  }
}

/** WS-FLV: the same bytes, each block one unmasked binary message. */
export const wsFlvFormat: OutputFormat = {
  name: 'ws-flv',
  encodePreamble(tracks) {
    const payload = flvPreamble(tracks);
    const header = Buffer.alloc(messageHeaderBytes(payload.byteLength));
    writeMessageHeader(header, payload.byteLength);
    return Buffer.concat([header, payload]);
  },
  encodeTags(tags: readonly FlvTagParts[]) {
    let payloadBytes = 0;
    for (const tag of tags) payloadBytes += flvTagBytes(tag);
    const headerBytes = messageHeaderBytes(payloadBytes);
    const out = Buffer.allocUnsafe(headerBytes + payloadBytes);
    writeMessageHeader(out, payloadBytes);
    let at = headerBytes;
    for (const tag of tags) at = writeFlvTag(out, at, tag);
    return out;
  },
};
