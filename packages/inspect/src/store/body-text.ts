import { isUtf8 } from 'node:buffer';
import type { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import zlib from 'node:zlib';
import type { HeaderLines } from '../port.ts';
import { charsetOf, isTextType } from './body-kind.ts';
import { headerValue } from './header-text.ts';

/** A body for people: text, or base64 when it is not text; `cut` when a limit or damage hid its end. */
export type BodyText = {
  readonly bodyText: string | null;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly cut: boolean;
};

const MAX_CODINGS = 3;
const SLICE_BYTES = 4_096;
const ZSTD_WINDOW_LOG_MAX = 23; // 8 MiB
// What grows more than this, from a body of some size, was made to fill memory.
const MAX_GROWTH = 200;
const FREE_GROWTH_BYTES = 1024 * 1024;
const NO_BODY: BodyText = { bodyText: null, bodyEncoding: 'utf8', cut: false };

type Coding = {
  readonly decode: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer;
  readonly open: () => Transform;
};

const GZIP: Coding = {
  decode: (bytes, options) => zlib.unzipSync(bytes, options),
  open: () => zlib.createUnzip(),
};
const ZLIB: Coding = {
  decode: (bytes, options) => zlib.inflateSync(bytes, options),
  open: () => zlib.createInflate(),
};
const RAW_DEFLATE: Coding = {
  decode: (bytes, options) => zlib.inflateRawSync(bytes, options),
  open: () => zlib.createInflateRaw(),
};
const BROTLI: Coding = {
  decode: (bytes, options) => zlib.brotliDecompressSync(bytes, options),
  open: () => zlib.createBrotliDecompress(),
};
const ZSTD_PARAMS = { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
const ZSTD: Coding = {
  decode: (bytes, options) => zlib.zstdDecompressSync(bytes, { ...options, params: ZSTD_PARAMS }),
  open: () => zlib.createZstdDecompress({ params: ZSTD_PARAMS }),
};

function codingFor(name: string, bytes: Uint8Array): Coding | undefined {
  switch (name) {
    case 'gzip':
    case 'x-gzip':
      return GZIP;
    case 'deflate': {
      // RFC 1950 §2.2: a zlib header has method 8 and is a multiple of 31; many senders leave it out.
      const [cmf = 0, flg = 0] = bytes;
      return (cmf & 0x0f) === 8 && (cmf * 256 + flg) % 31 === 0 ? ZLIB : RAW_DEFLATE;
    }
    case 'br':
      return BROTLI;
    case 'zstd':
      return ZSTD;
    default:
      return undefined;
  }
}

/** Content codings in the order they have to be undone; charset names and `identity` are no codings. */
function codingNames(headers: HeaderLines): string[] {
  const names = headers
    .filter(([name]) => name.toLowerCase() === 'content-encoding')
    .flatMap(([, value]) => value.split(','));
  return names
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity' && !/^(utf-?8|us-ascii|iso-8859-\d+)$/.test(name))
    .reverse();
}

/** As much as comes out of a damaged, cut or too large stream, at most `limitBytes`. */
async function decodePrefix(coding: Coding, bytes: Uint8Array, limitBytes: number): Promise<Buffer> {
  const stream = coding.open();
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limitBytes) stream.destroy();
  });
  // In slices, since what one slice gave is lost when the decoder finds damage in it.
  for (let at = 0; at < bytes.byteLength; at += SLICE_BYTES)
    stream.write(bytes.subarray(at, at + SLICE_BYTES));
  stream.end();
  // How it ended does not matter here: the whole-body decoder has already failed, what came out is the answer.
  await finished(stream).then(
    () => undefined,
    () => undefined,
  );
  return Buffer.concat(chunks).subarray(0, limitBytes);
}

type Decoded = { readonly bytes: Uint8Array; readonly cut: boolean };

function decodeWhole(coding: Coding, bytes: Uint8Array, limitBytes: number): Buffer | undefined {
  try {
    return coding.decode(bytes, { maxOutputLength: limitBytes });
  } catch {
    return undefined; // damaged, cut or too large
  }
}

async function undo(coding: Coding, bytes: Uint8Array, limitBytes: number): Promise<Decoded> {
  const whole = decodeWhole(coding, bytes, limitBytes);
  if (whole !== undefined) return { bytes: whole, cut: false };
  const member = coding === GZIP ? gzipMember(bytes) : undefined;
  if (member === undefined) return { bytes: await decodePrefix(coding, bytes, limitBytes), cut: true };
  // Rubbish behind the end of gzip is common and the text before it is whole, which the gzip decoder does not tell.
  const first = decodeWhole(RAW_DEFLATE, member, limitBytes);
  if (first !== undefined) return { bytes: first, cut: false };
  return { bytes: await decodePrefix(RAW_DEFLATE, member, limitBytes), cut: true };
}

/** The deflate stream of the first gzip member (RFC 1952 §2.3), `undefined` when there is no gzip header. */
function gzipMember(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return undefined;
  const flags = bytes[3] ?? 0;
  let at = 10;
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256;
  for (const text of [8, 16]) {
    if ((flags & text) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  return bytes.subarray(at);
}

/**
 * Undoes the content codings of a stored body (at most three) with at most `limitBytes`, and past the first MiB at most 200
 * times the body, coming out of each; a coding that is not known leaves the bytes as they are.
 */
export async function decodeBody(
  headers: HeaderLines,
  body: Uint8Array,
  limitBytes: number,
): Promise<Decoded> {
  const codedLimitBytes = Math.min(limitBytes, Math.max(FREE_GROWTH_BYTES, body.byteLength * MAX_GROWTH));
  let bytes = body;
  let cut = false;
  for (const name of codingNames(headers).slice(0, MAX_CODINGS)) {
    const coding = bytes.byteLength === 0 ? undefined : codingFor(name, bytes);
    if (coding === undefined) break;
    const decoded = await undo(coding, bytes, codedLimitBytes);
    bytes = decoded.bytes;
    cut ||= decoded.cut;
  }
  if (bytes.byteLength > limitBytes) return { bytes: bytes.subarray(0, limitBytes), cut: true };
  return { bytes, cut };
}

function byteOrderMark(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : '';
}

/** Leaves out a UTF-8 sequence whose end is missing. */
function withoutTornEnd(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function decodeCharset(bytes: Uint8Array, charset: string): string | undefined {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return undefined; // a charset nobody knows
  }
}

/** The text of decoded bytes, `undefined` when they are not text. */
function textOf(bytes: Uint8Array, contentType: string, cut: boolean): string | undefined {
  const known = isTextType(contentType);
  if (known === false) return undefined;
  const charset = charsetOf(contentType) || byteOrderMark(bytes);
  const whole = cut ? withoutTornEnd(bytes) : bytes;
  if (charset !== '' && charset !== 'utf-8') {
    const text = decodeCharset(whole, charset);
    if (text !== undefined) return text;
  }
  const buffer = Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
  // Whatever it is called: no text holds NUL, and in JSON each would take six characters.
  if (buffer.includes(0)) return undefined;
  if (isUtf8(buffer)) return buffer.toString('utf8');
  return known === true ? buffer.toString('latin1') : undefined;
}

/** Decodes a stored body for display; `limitBytes` bounds what a small body may grow to. */
export async function readBodyText(
  headers: HeaderLines,
  body: Uint8Array,
  truncated: boolean,
  limitBytes: number,
): Promise<BodyText> {
  if (body.byteLength === 0) return { ...NO_BODY, cut: truncated };
  const decoded = await decodeBody(headers, body, limitBytes);
  const cut = truncated || decoded.cut;
  const text = textOf(decoded.bytes, headerValue(headers, 'content-type'), cut);
  if (text !== undefined) return { bodyText: text, bodyEncoding: 'utf8', cut };
  const { bytes } = decoded;
  return {
    bodyText: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
    bodyEncoding: 'base64',
    cut,
  };
}
