import type { Duplex } from 'node:stream';
import { ProtocolError } from '@sluice/base/errors';
import { BodyDecoder } from '@sluice/codec/http1/body-decoder';
import { encodeChunk, formatLastChunk } from '@sluice/codec/http1/chunk';
import type { BodyFraming } from '@sluice/codec/http1/framing';
import type { ChunkReader } from '../net/chunk-reader.ts';

/** Writes and, when the stream's buffer is full, waits until it has room. @throws ProtocolError `truncated` when it closed */
export async function writeFully(stream: Duplex, bytes: Buffer | string): Promise<void> {
  if (stream.destroyed) throw new ProtocolError('truncated', 0, 'closed');
  const room = typeof bytes === 'string' ? stream.write(bytes, 'latin1') : stream.write(bytes);
  if (room) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/**
 * Copies one message body, decoded from `framing`, and written chunked or as it is. Trailers travel only in chunked bodies.
 * @throws ProtocolError when the body is malformed or cut short
 */
export async function copyBody(
  from: ChunkReader,
  framing: BodyFraming,
  to: Duplex,
  chunked: boolean,
): Promise<void> {
  const decoder = new BodyDecoder(framing);
  const slices: Buffer[] = [];
  const sink = { bodyBytes: (slice: Buffer) => void slices.push(slice) };
  while (!decoder.ended) {
    const bytes = await from.next();
    if (bytes === undefined) {
      decoder.close();
      break;
    }
    const used = decoder.push(bytes, sink);
    from.unread(bytes.subarray(used));
    if (chunked) {
      const chunk = encodeChunk(slices);
      if (chunk !== undefined) await writeFully(to, chunk);
    } else {
      for (const slice of slices) await writeFully(to, slice);
    }
    slices.length = 0;
  }
  if (chunked) await writeFully(to, formatLastChunk(decoder.trailers));
}
