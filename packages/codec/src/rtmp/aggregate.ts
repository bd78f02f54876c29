import { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import type { FlvTag } from '../flv/tag.ts';

/**
 * The tags of an aggregate message (type 22): FLV tags with back pointers, whose times count from the message's own
 * time for the first one. @throws ProtocolError
 */
export function parseAggregate(data: Uint8Array, timestampMs: number): FlvTag[] {
  const reader = new ByteReader(data);
  const tags: FlvTag[] = [];
  let firstMs: number | undefined;
  while (reader.remaining > 0) {
    const type = reader.u8() & 0x1f;
    const size = reader.u24();
    const tagMs = (reader.u24() | (reader.u8() << 24)) >>> 0;
    reader.skip(3);
    if (size > reader.remaining) throw new ProtocolError('truncated', reader.offset);
    firstMs ??= tagMs;
    tags.push({ type, timestampMs: (timestampMs + tagMs - firstMs) >>> 0, data: reader.view(size) });
    // Some senders leave out the last back pointer.
    if (reader.remaining > 0) reader.skip(4);
  }
  return tags;
}
