import { ProtocolError } from '@sluice/base/errors';
import { endOfValue, formatHeaderLines, type HeaderLines, parseHeaderLines, TOKEN_BYTES } from './header.ts';

export type HttpVersion = '1.0' | '1.1';

export type RequestHead = {
  readonly method: string;
  /** The request target exactly as sent. */
  readonly target: string;
  readonly version: HttpVersion;
  readonly headers: HeaderLines;
};

export type ResponseHead = {
  /** 100-999. */
  readonly status: number;
  readonly reason: string;
  readonly version: HttpVersion;
  readonly headers: HeaderLines;
};

/*
 * request-line = method SP request-target SP HTTP-version CRLF    (RFC 9112 §3)
 * status-line  = HTTP-version SP 3DIGIT [SP reason-phrase] CRLF   (RFC 9112 §4)
 * followed by header lines and one empty line
 */

const SPACE = 32;
const DELETE = 127;

/**
 * Reads one complete request head, from the first byte of the method to the empty line.
 * @throws ProtocolError `bad-method`, `bad-target`, `bad-version`, `http2-preface` and those of `parseHeaderLines`
 */
export function parseRequestHead(bytes: Uint8Array): RequestHead {
  const text = latin1(bytes);
  let at = 0;
  while (TOKEN_BYTES[bytes[at] ?? 0] === 1) at++;
  if (at === 0 || bytes[at] !== SPACE) throw new ProtocolError('bad-method', at);
  const methodEnd = at++;
  const targetStart = at;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte <= SPACE || byte === DELETE) break;
  }
  if (at === targetStart || bytes[at] !== SPACE) throw new ProtocolError('bad-target', at);
  const targetEnd = at++;
  const lineEnd = endOfValue(bytes, at, bytes.length);
  const versionText = text.slice(at, lineEnd);
  if (versionText === 'HTTP/2.0' && text.startsWith('PRI * ')) throw new ProtocolError('http2-preface', 0);
  const version = parseVersion(versionText, at);
  return {
    method: text.slice(0, methodEnd),
    target: text.slice(targetStart, targetEnd),
    version,
    headers: parseHeaderLines(bytes, text, lineEnd + 2, bytes.length - 2),
  };
}

/**
 * Reads one complete response head, from `HTTP/` to the empty line; the reason phrase may be absent.
 * @throws ProtocolError `bad-version`, `bad-status` and those of `parseHeaderLines`
 */
export function parseResponseHead(bytes: Uint8Array): ResponseHead {
  const text = latin1(bytes);
  const version = parseVersion(text.slice(0, 8), 0);
  const lineEnd = endOfValue(bytes, 8, bytes.length);
  const status = bytes[8] === SPACE ? threeDigits(bytes, 9) : -1;
  if (status < 100 || (lineEnd > 12 && bytes[12] !== SPACE)) throw new ProtocolError('bad-status', 9);
  return {
    status,
    reason: text.slice(13, lineEnd),
    version,
    headers: parseHeaderLines(bytes, text, lineEnd + 2, bytes.length - 2),
  };
}

function parseVersion(text: string, offset: number): HttpVersion {
  if (text === 'HTTP/1.1') return '1.1';
  if (text === 'HTTP/1.0') return '1.0';
  throw new ProtocolError('bad-version', offset);
}

function threeDigits(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = at; index < at + 3; index++) {
    const digit = (bytes[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Bytes as a string of one character per byte. */
export function latin1(bytes: Uint8Array): string {
  const buffer =
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}

/** The head as it goes on the wire, Latin-1; the caller vouches for the parts (see `checkHeaderLines`). */
export function formatRequestHead(
  method: string,
  target: string,
  version: HttpVersion,
  headers: HeaderLines,
): string {
  return `${method} ${target} HTTP/${version}\r\n${formatHeaderLines(headers)}\r\n`;
}

/** The head as it goes on the wire, Latin-1. */
export function formatResponseHead(
  status: number,
  reason: string,
  version: HttpVersion,
  headers: HeaderLines,
): string {
  return `HTTP/${version} ${status} ${reason}\r\n${formatHeaderLines(headers)}\r\n`;
}
