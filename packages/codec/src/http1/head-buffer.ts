import { ProtocolError } from '@sluice/base/errors';

/** Most bytes of one head, and of one trailer section. */
export const MAX_HEAD_BYTES = 65_536;

/** Codes that mean "too big" rather than "malformed"; a server answers them with 431 (RFC 6585 §5). */
export const HEAD_LIMIT_CODES: ReadonlySet<string> = new Set(['head-too-large', 'too-many-headers']);

const CR = 13;
const LF = 10;
const EMPTY = Buffer.alloc(0);
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1');
const BARE_END_OF_HEAD = Buffer.from('\n\n', 'latin1');

/**
 * Collects the bytes of one message head. A head that arrives in one piece is never copied; one in many pieces costs
 * linear time.
 */
export class HeadBuffer {
  readonly #limitBytes: number;
  #collected: Buffer = EMPTY;
  #length = 0;

  constructor(limitBytes = MAX_HEAD_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** True between messages: nothing but empty lines has arrived. */
  get empty(): boolean {
    return this.#length === 0;
  }

  /**
   * Adds `chunk`. Returns the complete head (with its empty line, without leading empty lines) and the bytes after it,
   * or `undefined` when more is needed; after a head the buffer is empty again.
   * @throws ProtocolError `head-too-large`, `bare-lf`
   */
  push(chunk: Buffer): { readonly head: Buffer; readonly rest: Buffer } | undefined {
    const start = this.#length === 0 ? skipEmptyLines(chunk) : 0;
    const searched = this.#length;
    const bytes = searched === 0 ? (start === 0 ? chunk : chunk.subarray(start)) : this.#append(chunk);
    const end = bytes.indexOf(END_OF_HEAD, Math.max(0, searched - 3));
    if (end < 0 ? bytes.length > this.#limitBytes : end + 4 > this.#limitBytes) {
      throw new ProtocolError('head-too-large', this.#limitBytes);
    }
    if (end < 0) {
      const bare = bytes.indexOf(BARE_END_OF_HEAD, Math.max(0, searched - 1));
      if (bare >= 0) throw new ProtocolError('bare-lf', bare);
      if (searched === 0 && bytes.length > 0) this.#append(bytes);
      return undefined;
    }
    this.#collected = EMPTY;
    this.#length = 0;
    return { head: bytes.subarray(0, end + 4), rest: bytes.subarray(end + 4) };
  }

  /** What has been collected of an unfinished head, for the record of a failure. */
  peek(): Buffer {
    return this.#collected.subarray(0, this.#length);
  }

  #append(chunk: Buffer): Buffer {
    const needed = this.#length + chunk.length;
    if (needed > this.#collected.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#collected.length * 2, 1024));
      this.#collected.copy(larger, 0, 0, this.#length);
      this.#collected = larger;
    }
    chunk.copy(this.#collected, this.#length);
    this.#length = needed;
    return this.#collected.subarray(0, needed);
  }
}

// An empty line before a request is ignored (RFC 9112 §2.2). Its CR and LF may come in two chunks.
function skipEmptyLines(chunk: Buffer): number {
  let at = chunk[0] === LF ? 1 : 0;
  while (chunk[at] === CR && (at + 1 === chunk.length || chunk[at + 1] === LF)) at += 2;
  return Math.min(at, chunk.length);
}
