import { errorText, type GatewayError } from '@sluice/base/errors';
import { parse } from 'yaml';
import { CappedWarnings, shortened } from './capped-warnings.ts';
import { contentError } from './content-error.ts';
import {
  afterByteOrderMark,
  type EntryCursor,
  endOfLine,
  ListEntries,
  skipSpace,
  trimEnd,
} from './entry-cursor.ts';

const TAB = 9;
const LINE_FEED = 10;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const SINGLE_QUOTE = 39;
const DASH = 45;
const COLON = 58;
const BACKSLASH = 92;
/** What a YAML scalar without quotes cannot start with; `-`, `?` and `:` only cannot when a blank follows. */
const INDICATORS = new Set(Buffer.from('[]{}&*!|>%@`,'));
const CONDITIONAL_INDICATORS = new Set(Buffer.from('-?:'));
const BRACE = 123;

const HEAD = /^(["']?)(?:payload|rules)\1[ \t]*:(?=\s|$)(.*)$/;
const LONGEST_HEAD_BYTES = 200;
const HEAD_STARTS = new Set(Buffer.from('pr"\''));
/** A document that is not one entry a line is read as a whole, which takes long. */
const MAX_DOCUMENT_BYTES = 2 ** 18;

/**
 * The entries of a YAML rule set: items of a block list under `payload:` or `rules:`, read line by line, so that one broken
 * line costs no other. A flow list (`payload: [a, b]`) and JSON are read as a document.
 * @param warn told of items that are not a text; called a limited number of times
 * @throws GatewayError `rule-set.content`
 */
export function yamlEntries(bytes: Uint8Array, warn: (message: string) => void): EntryCursor {
  let at = afterByteOrderMark(bytes);
  if (bytes[skipWhiteSpace(bytes, at)] === BRACE) return documentEntries(bytes);
  while (at < bytes.length) {
    const end = endOfLine(bytes, at);
    const start = skipSpace(bytes, at, end);
    const rest = HEAD_STARTS.has(bytes[start] ?? 0) ? headRest(bytes, start, end) : undefined;
    if (rest !== undefined)
      return rest === '' || rest.startsWith('#')
        ? new YamlItems(bytes, end + 1, warn)
        : documentEntries(bytes);
    at = end + 1;
  }
  throw noPayload();
}

/** What stands behind the key on the line that is the head, `undefined` on others. */
function headRest(bytes: Uint8Array, start: number, end: number): string | undefined {
  const line = textOf(bytes, start, Math.min(end, start + LONGEST_HEAD_BYTES)).trim();
  return HEAD.exec(line)?.[2]?.trim();
}

/** The items of a block list from a place on; lines that are no item with a scalar are left out. */
class YamlItems implements EntryCursor {
  readonly #file: Uint8Array;
  #next: number;
  readonly #warnings: CappedWarnings;
  bytes: Uint8Array;
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, from: number, warn: (message: string) => void) {
    this.#file = bytes;
    this.bytes = bytes;
    this.#next = from;
    this.#warnings = new CappedWarnings(warn);
  }

  next(): boolean {
    const file = this.#file;
    while (this.#next < file.length) {
      const lineStart = this.#next;
      const lineEnd = endOfLine(file, lineStart);
      this.#next = lineEnd + 1;
      const dash = skipSpace(file, lineStart, lineEnd);
      if (file[dash] !== DASH || dash === lineEnd) continue;
      const start = skipSpace(file, dash + 1, lineEnd);
      if (start === dash + 1 || start === lineEnd) continue;
      if (file[start] === HASH) continue;
      if (this.#readScalar(start, trimEnd(file, start, lineEnd))) return true;
      this.#warnings.add(() => `invalid line:[${shortened(textOf(file, dash, lineEnd).trim())}]`);
    }
    this.#warnings.finish();
    return false;
  }

  #readScalar(start: number, end: number): boolean {
    this.bytes = this.#file;
    const first = this.#file[start] as number;
    if (first === SINGLE_QUOTE) return this.#readSingleQuoted(start + 1, end);
    if (first === DOUBLE_QUOTE) return this.#readDoubleQuoted(start + 1, end);
    return this.#readPlain(start, end);
  }

  #readPlain(start: number, end: number): boolean {
    const file = this.#file;
    const first = file[start] as number;
    const second = start + 1 < end ? file[start + 1] : SPACE;
    if (INDICATORS.has(first)) return false;
    if (CONDITIONAL_INDICATORS.has(first) && isBlank(second)) return false;
    let at = start;
    for (; at < end; at++) {
      const byte = file[at];
      if (byte === COLON && (at + 1 === end || isBlank(file[at + 1]))) return false;
      if (byte === HASH && isBlank(file[at - 1])) break;
    }
    this.start = start;
    this.end = trimEnd(file, start, at);
    return true;
  }

  #readSingleQuoted(start: number, end: number): boolean {
    const file = this.#file;
    let hasQuote = false;
    let close = start;
    for (; close < end; close++) {
      if (file[close] !== SINGLE_QUOTE) continue;
      if (file[close + 1] !== SINGLE_QUOTE) break;
      hasQuote = true;
      close++;
    }
    if (close >= end || !isOver(file, close + 1, end)) return false;
    if (hasQuote) this.#take(textOf(file, start, close).replaceAll("''", "'"));
    else this.#takeRange(start, close);
    return true;
  }

  #readDoubleQuoted(start: number, end: number): boolean {
    const file = this.#file;
    let close = start;
    let hasEscape = false;
    for (; close < end && file[close] !== DOUBLE_QUOTE; close++) {
      if (file[close] !== BACKSLASH) continue;
      hasEscape = true;
      close++;
    }
    if (close >= end || !isOver(file, close + 1, end)) return false;
    if (!hasEscape) this.#takeRange(start, close);
    else {
      const text = unescaped(textOf(file, start, close));
      if (text === undefined) return false;
      this.#take(text);
    }
    return true;
  }

  #takeRange(start: number, end: number): void {
    this.start = skipSpace(this.#file, start, end);
    this.end = trimEnd(this.#file, this.start, end);
  }

  #take(text: string): void {
    this.bytes = Buffer.from(text.trim(), 'utf8');
    this.start = 0;
    this.end = this.bytes.length;
  }
}

/** Whether nothing but blanks and a comment follows. */
function isOver(bytes: Uint8Array, from: number, end: number): boolean {
  const at = skipSpace(bytes, from, end);
  return at === end || (bytes[at] === HASH && at > from);
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '0': '\0', a: '\x07', b: '\b', t: '\t', n: '\n', v: '\v', f: '\f', r: '\r', e: '\x1b' },
  ...{ ' ': ' ', '"': '"', '/': '/', '\\': '\\', N: '\x85', _: '\xa0', L: '\u2028', P: '\u2029' },
};

/** A double-quoted scalar's text (YAML 1.2 §5.7), `undefined` when an escape is none. */
function unescaped(text: string): string | undefined {
  let wrong = false;
  const plain = text.replace(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|U00([\da-f]{6})|(.))/gi,
    (_all, two?: string, four?: string, six?: string, letter?: string) => {
      const hex = two ?? four ?? six;
      const point = hex === undefined ? Number.NaN : Number.parseInt(hex, 16);
      const character = point <= 0x10_ffff ? String.fromCodePoint(point) : ESCAPES[letter ?? ''];
      wrong ||= character === undefined;
      return character ?? '';
    },
  );
  return wrong ? undefined : plain;
}

function documentEntries(bytes: Uint8Array): EntryCursor {
  const text = textOf(bytes, afterByteOrderMark(bytes), bytes.length);
  const document = parseJson(text) ?? parseYaml(text);
  if (typeof document !== 'object' || document === null) throw noPayload();
  const fields = new Map<string, unknown>(Object.entries(document));
  const list = fields.get('payload') ?? fields.get('rules');
  if (!Array.isArray(list)) throw noPayload();
  return new ListEntries(
    list.filter((item) => typeof item === 'string' || typeof item === 'number').map(String),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseYaml(text: string): unknown {
  if (text.length > MAX_DOCUMENT_BYTES)
    throw contentError(`a list that is not one entry a line may have ${MAX_DOCUMENT_BYTES} bytes`);
  try {
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    throw contentError(errorText(error).split('\n', 1)[0] ?? '', error);
  }
}

function noPayload(): GatewayError {
  return contentError('file must have a `payload` field');
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function skipWhiteSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isBlank(bytes[at]) || bytes[at] === LINE_FEED || bytes[at] === 13) at++;
  return at;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
