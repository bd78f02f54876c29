/** Steps through the entries of a rule set; an entry is the UTF-8 bytes from `start` to `end`, until the next step. */
export interface EntryCursor {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Steps to the next entry; false behind the last one. */
  next(): boolean;
}

const LINE_FEED = 10;
const SPACE = 32;
const HASH = 35;
const SLASH = 47;

/** One entry a line, without white space around it; lines that start with `#` or `//` are comments. */
export class TextEntries implements EntryCursor {
  readonly bytes: Uint8Array;
  start = 0;
  end = 0;
  #next = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#next = afterByteOrderMark(bytes);
  }

  next(): boolean {
    const { bytes } = this;
    while (this.#next < bytes.length) {
      this.start = skipSpace(bytes, this.#next, bytes.length);
      const lineEnd = endOfLine(bytes, this.#next);
      this.end = trimEnd(bytes, this.start, lineEnd);
      this.#next = lineEnd + 1;
      if (this.end <= this.start) continue;
      const first = bytes[this.start];
      if (first !== HASH && (first !== SLASH || bytes[this.start + 1] !== SLASH)) return true;
    }
    return false;
  }
}

/** The entries of a list in memory. */
export class ListEntries implements EntryCursor {
  readonly #entries: Iterator<string>;
  bytes: Uint8Array = new Uint8Array(0);
  readonly start = 0;
  end = 0;

  constructor(entries: Iterable<string>) {
    this.#entries = entries[Symbol.iterator]();
  }

  next(): boolean {
    const step = this.#entries.next();
    if (step.done === true) return false;
    this.bytes = Buffer.from(step.value.trim(), 'utf8');
    this.end = this.bytes.length;
    return true;
  }
}

/** The entry that a cursor stands on, as text. */
export function entryText({ bytes, start, end }: EntryCursor): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** The place of the next line feed, or the end of the bytes. Lines are too short for `indexOf` to pay. */
export function endOfLine(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  while (at < length && bytes[at] !== LINE_FEED) at++;
  return at;
}

/** The first place from `from` on that is not a blank; line feeds count as text. */
export function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(bytes[at])) at++;
  return at;
}

/** The end of the text without the blanks before it. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1])) at--;
  return at;
}

/** Where the text starts when the file begins with the UTF-8 byte order mark or not. */
export function afterByteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

function isBlank(byte: number | undefined): boolean {
  return byte !== undefined && byte <= SPACE && byte !== LINE_FEED;
}
