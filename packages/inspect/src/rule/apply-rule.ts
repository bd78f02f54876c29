import zlib from 'node:zlib';
import type { HeaderLines, ResponseRule } from '../port.ts';
import type { RewritableResponse } from '../proxy/services.ts';
import { headerValue } from '../store/header-text.ts';

// They describe the bytes of the old body or its transfer.
const BODY_HEADERS = new Set([
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'etag',
]);
const FRAMING_HEADERS = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'trailer',
]);
const DECODE_LIMIT_BYTES = 64 * 1024 * 1024;

type Coding = { readonly encode: (body: Buffer) => Buffer; readonly decode: (body: Buffer) => Buffer };
const limit = { maxOutputLength: DECODE_LIMIT_BYTES };

const GZIP: Coding = {
  encode: (body) => zlib.gzipSync(body),
  decode: (body) => zlib.gunzipSync(body, limit),
};
const CODINGS: Readonly<Record<string, Coding>> = {
  gzip: GZIP,
  'x-gzip': GZIP,
  deflate: { encode: (body) => zlib.deflateSync(body), decode: (body) => zlib.inflateSync(body, limit) },
  br: {
    // The default quality 11 takes tens of times longer for a few per cent.
    encode: (body) => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
    decode: (body) => zlib.brotliDecompressSync(body, limit),
  },
  zstd: {
    encode: (body) => zlib.zstdCompressSync(body),
    decode: (body) => zlib.zstdDecompressSync(body, limit),
  },
};

/**
 * What the client gets instead of `response`. Headers of the rule replace all headers (a missing content type is inherited);
 * without any the original ones stay, less those that describe a body that was replaced. The body is coded as the resulting
 * `content-encoding` says. Framing headers are left to whoever sends the response.
 */
export function applyResponseRule(rule: ResponseRule, response: RewritableResponse): RewritableResponse {
  const replaced = rule.responseBody === null ? undefined : Buffer.from(rule.responseBody, 'utf8');
  const headers = resultHeaders(rule, response, replaced !== undefined);
  const wanted = codingName(headers);
  const status = rule.responseStatus;
  const statusText = status === response.status ? response.statusText : '';
  const found = codingName(response.headers);
  if (replaced === undefined && wanted === found) return { status, statusText, headers, body: response.body };
  const plain = replaced ?? decode(response.body, found);
  const body = plain === undefined ? undefined : encode(plain, wanted);
  if (body !== undefined) return { status, statusText, headers, body };
  // A coding that cannot be made or undone: say truthfully how the bytes are coded.
  const actual = replaced === undefined ? found : '';
  const honest = headers.filter(([name]) => name.toLowerCase() !== 'content-encoding');
  return {
    status,
    statusText,
    headers: actual === '' ? honest : [...honest, ['content-encoding', actual]],
    body: replaced ?? response.body,
  };
}

function resultHeaders(
  rule: ResponseRule,
  response: RewritableResponse,
  isBodyReplaced: boolean,
): HeaderLines {
  const own = Object.entries(rule.responseHeaders).map(([name, value]) => [name, onWire(value)] as const);
  if (own.length === 0) {
    const dropped = isBodyReplaced ? BODY_HEADERS : FRAMING_HEADERS;
    return response.headers.filter(
      ([name]) => !dropped.has(name.toLowerCase()) && !FRAMING_HEADERS.has(name.toLowerCase()),
    );
  }
  const lines = own.filter(([name]) => !FRAMING_HEADERS.has(name.toLowerCase()));
  const contentType = headerValue(response.headers, 'content-type');
  if (contentType === '' || own.some(([name]) => name.toLowerCase() === 'content-type')) return lines;
  return [...lines, ['content-type', contentType]];
}

/** Header lines are one character per byte; text beyond ASCII is sent as UTF-8. */
function onWire(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}

function codingName(headers: HeaderLines): string {
  const name = headerValue(headers, 'content-encoding').trim().toLowerCase();
  return name === 'identity' ? '' : name;
}

function decode(body: Buffer, name: string): Buffer | undefined {
  if (name === '' || body.length === 0) return body;
  try {
    return CODINGS[name]?.decode(body);
  } catch {
    return undefined; // damaged, or larger than what may be held in memory
  }
}

function encode(body: Buffer, name: string): Buffer | undefined {
  return name === '' ? body : CODINGS[name]?.encode(body);
}
