import { ProtocolError } from '@sluice/base/errors';

/** Header lines in wire order and case; every character is one byte (Latin-1). */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** Most header (or trailer) lines of one message. */
export const MAX_HEADER_LINES = 200;

/** 1 for the bytes of a token (RFC 9110 §5.6.2). */
export const TOKEN_BYTES: Uint8Array = tokenBytes();

function tokenBytes(): Uint8Array {
  const table = new Uint8Array(256);
  const token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (let index = 0; index < token.length; index++) table[token.charCodeAt(index)] = 1;
  return table;
}

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

/**
 * Reads `name: value CRLF` lines from `start` up to `end` (RFC 9112 §5). `text` is `bytes` as Latin-1, so that names and
 * values are slices of one string.
 * @throws ProtocolError `obs-fold`, `whitespace-before-colon`, `bad-header-name`, `nul`, `bare-lf`, `bare-cr`, `too-many-headers`
 */
export function parseHeaderLines(bytes: Uint8Array, text: string, start: number, end: number): HeaderLines {
  const lines: [string, string][] = [];
  let at = start;
  while (at < end) {
    const nameStart = at;
    while (TOKEN_BYTES[bytes[at] ?? 0] === 1) at++;
    if (bytes[at] !== COLON || at === nameStart)
      throw new ProtocolError(badNameCode(bytes, nameStart, at), at);
    const nameEnd = at++;
    while (bytes[at] === SPACE || bytes[at] === TAB) at++;
    const valueStart = at;
    at = endOfValue(bytes, at, end);
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB))
      valueEnd--;
    if (lines.length === MAX_HEADER_LINES) throw new ProtocolError('too-many-headers', nameStart);
    lines.push([text.slice(nameStart, nameEnd), text.slice(valueStart, valueEnd)]);
    at += 2;
  }
  return lines;
}

/** The offset of the CRLF that ends the text at `start`; nothing in between is CR, LF or NUL. */
export function endOfValue(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= SPACE) continue;
    if (byte === CR) break;
    if (byte === 0) throw new ProtocolError('nul', at);
    if (byte === LF) throw new ProtocolError('bare-lf', at);
  }
  if (at + 1 >= end || bytes[at + 1] !== LF) throw new ProtocolError('bare-cr', at);
  return at;
}

function badNameCode(bytes: Uint8Array, nameStart: number, at: number): string {
  const byte = bytes[at];
  const blank = byte === SPACE || byte === TAB;
  if (at === nameStart) return blank ? 'obs-fold' : 'bad-header-name';
  return blank ? 'whitespace-before-colon' : 'bad-header-name';
}

/** True when `text` is a non-empty token. */
export function isToken(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || TOKEN_BYTES[code] === 0) return false;
  }
  return text.length > 0;
}

const ILLEGAL_IN_VALUE = /[\0\r\n]|[^\0-\xff]/;

/**
 * Checks lines that were not read from the wire with the validator of those that were.
 * @throws ProtocolError `bad-header-name`, `bad-header-value`, `too-many-headers`
 */
export function checkHeaderLines(headers: HeaderLines): void {
  if (headers.length > MAX_HEADER_LINES) throw new ProtocolError('too-many-headers', 0);
  for (const [name, value] of headers) {
    if (!isToken(name)) throw new ProtocolError('bad-header-name', 0);
    if (ILLEGAL_IN_VALUE.test(value)) throw new ProtocolError('bad-header-value', 0);
  }
}

function isNamed(name: string, lowerName: string): boolean {
  return name.length === lowerName.length && (name === lowerName || name.toLowerCase() === lowerName);
}

/** `text` without the spaces and tabs round it; unlike `trim`, which also takes characters other parsers would keep. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** The first value of a header, or `undefined`; `lowerName` is in lower case. */
export function headerValue(headers: HeaderLines, lowerName: string): string | undefined {
  for (const line of headers) if (isNamed(line[0], lowerName)) return line[1];
  return undefined;
}

/** The only value of a header, or `undefined`. @throws ProtocolError `repeatedCode` when there are several */
export function singleHeaderValue(
  headers: HeaderLines,
  lowerName: string,
  repeatedCode: string,
): string | undefined {
  let found: string | undefined;
  for (const line of headers) {
    if (!isNamed(line[0], lowerName)) continue;
    if (found !== undefined) throw new ProtocolError(repeatedCode, 0);
    found = line[1];
  }
  return found;
}

/** Every member of a comma-separated header over all its lines, trimmed, in lower case. */
export function headerTokens(headers: HeaderLines, lowerName: string): readonly string[] {
  let tokens: string[] | undefined;
  for (const [name, value] of headers) {
    if (!isNamed(name, lowerName)) continue;
    tokens ??= [];
    for (const part of value.split(',')) {
      const token = trimBlanks(part).toLowerCase();
      if (token !== '') tokens.push(token);
    }
  }
  return tokens ?? NO_TOKENS;
}

const NO_TOKENS: readonly string[] = [];

/** Header lines as they go on the wire, without the empty line. */
export function formatHeaderLines(headers: HeaderLines): string {
  let text = '';
  for (const line of headers) text += `${line[0]}: ${line[1]}\r\n`;
  return text;
}
