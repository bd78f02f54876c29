import type { HttpReply } from '@sluice/core/http/dialect';

const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * Compact JSON as the reference writes it: a `Map` becomes an object sorted by key, other objects keep their order,
 * and `<`, `>`, `&`, U+2028, U+2029 are escaped. Ends with a newline.
 */
export function encodeJson(value: unknown): string {
  const text = encodeValue(value).replace(
    ESCAPED,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${text}\n`;
}

/** A record that is encoded at once and natively, which is several times as fast; a map in it only as a member. */
export class JsonText {
  readonly text: string;

  constructor(record: Readonly<Record<string, unknown>>) {
    const hasMap = Object.values(record).some((member) => member instanceof Map);
    this.text = hasMap ? encodeValue(record) : JSON.stringify(record);
  }
}

function encodeValue(value: unknown): string {
  if (value instanceof JsonText) return value.text;
  if (value instanceof Map) {
    const members = value as ReadonlyMap<string, unknown>;
    const keys = sortByBytes([...members.keys()]);
    return `{${keys.map((key) => `${JSON.stringify(key)}:${encodeValue(members.get(key))}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(encodeValue).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${encodeValue(member)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** UTF-16 order is the order of UTF-8 bytes but for surrogates, which only names with emoji and the like have. */
function sortByBytes(keys: string[]): string[] {
  return keys.some((key) => /[\ud800-\udfff]/.test(key))
    ? keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : keys.sort();
}

/** RFC 3339 in the local zone with trailing zeros of the fraction trimmed, `Z` for UTC. */
export function formatTime(epochMs: number): string {
  const date = new Date(epochMs);
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(epochMs + offsetMinutes * 60_000).toISOString().slice(0, -1);
  return `${local.replace(/\.?0+$/, '')}${formatOffset(offsetMinutes)}`;
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** The zero time, written where nothing ever happened. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

const JSON_TYPE = 'application/json';

export function json(value: unknown, status = 200): HttpReply {
  return { status, contentType: JSON_TYPE, body: encodeJson(value) };
}

export function message(status: number, text: string): HttpReply {
  return json({ message: text }, status);
}

export function plainText(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return { status, contentType: 'text/plain; charset=utf-8', headers, body: text };
}

export const NO_CONTENT: HttpReply = { status: 204 };
export const UNAUTHORIZED = message(401, 'Unauthorized');
export const BODY_INVALID = message(400, 'Body invalid');
export const NOT_FOUND = message(404, 'Resource not found');
export const TIMEOUT = message(504, 'Timeout');
export const PAGE_NOT_FOUND = plainText(404, '404 page not found\n', { 'x-content-type-options': 'nosniff' });
