import { formatHeaderLines, type HeaderLines } from './header.ts';

/** The end of a chunked body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** One chunk holding `slices` in order, ready to write; nothing for no bytes, which would end the body. */
export function encodeChunk(slices: readonly Buffer[]): Buffer | undefined {
  let length = 0;
  for (const slice of slices) length += slice.length;
  if (length === 0) return undefined;
  const size = length.toString(16);
  const chunk = Buffer.allocUnsafe(size.length + 4 + length);
  let at = chunk.write(`${size}\r\n`, 0, 'latin1');
  for (const slice of slices) {
    slice.copy(chunk, at);
    at += slice.length;
  }
  chunk[at] = 13;
  chunk[at + 1] = 10;
  return chunk;
}

/** The end of a chunked body, Latin-1. */
export function formatLastChunk(trailers: HeaderLines): string {
  return trailers.length === 0 ? LAST_CHUNK : `0\r\n${formatHeaderLines(trailers)}\r\n`;
}
