import type { Writable } from 'node:stream';
import { formatLastChunk } from '@sluice/codec/http1/chunk';
import type { HeaderLines } from '@sluice/codec/http1/header';

/** Up to this size head and body are copied together and written as one. */
const JOIN_LIMIT_BYTES = 32_768;

/** Gathers the body bytes of one socket read and writes them in the framing of the other side. */
export class OutgoingBody {
  readonly #chunked: boolean;
  #slices: Buffer[] = [];
  #last = '';
  /** A head, Latin-1, that leaves with the first body bytes. */
  head = '';

  constructor(chunked: boolean) {
    this.#chunked = chunked;
  }

  get empty(): boolean {
    return this.#slices.length === 0 && this.#last === '' && this.head === '';
  }

  add(slice: Buffer): void {
    this.#slices.push(slice);
  }

  /** The body is complete; trailers only go where the framing has room for them. */
  end(trailers: HeaderLines): void {
    if (this.#chunked) this.#last = formatLastChunk(trailers);
  }

  /** Writes the head and all that was gathered, if anything; false asks to wait for `drain`. */
  write(out: Writable): boolean {
    const { head } = this;
    this.head = '';
    const slices = this.#slices;
    const last = this.#last;
    if (slices.length > 0) this.#slices = [];
    this.#last = '';
    let length = 0;
    for (const slice of slices) length += slice.length;
    const size = this.#chunked && length > 0 ? `${length.toString(16)}\r\n` : '';
    const before = head + size;
    const after = size === '' ? last : `\r\n${last}`;
    if (before === '' && after === '' && slices.length === 1) return out.write(slices[0]);
    if (slices.length === 0) return before + after === '' || out.write(before + after, 'latin1');
    if (length <= JOIN_LIMIT_BYTES) return out.write(join(before, slices, length, after));
    out.cork();
    if (before !== '') out.write(before, 'latin1');
    let flowing = true;
    for (const slice of slices) flowing = out.write(slice);
    if (after !== '') flowing = out.write(after, 'latin1');
    out.uncork();
    return flowing;
  }
}

function join(before: string, slices: readonly Buffer[], length: number, after: string): Buffer {
  const joined = Buffer.allocUnsafe(before.length + length + after.length);
  let at = joined.write(before, 0, 'latin1');
  for (const slice of slices) at += slice.copy(joined, at);
  joined.write(after, at, 'latin1');
  return joined;
}
