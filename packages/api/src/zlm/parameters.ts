import type { IncomingHttpHeaders } from 'node:http';

/** Parameters of one call: body, then query string (which wins), then request headers. */
export interface Parameters {
  /** The value under a name in any case; `''` when absent or empty, which mean the same. */
  get(name: string): string;
  /** Everything the body and the query string said, under the names as written. */
  readonly given: ReadonlyMap<string, string>;
}

const MAX_PARAMETERS = 1_000;

/** Merges the places a parameter may come from. `body` is undefined when there was none. */
export function parseParameters(
  query: string,
  body: { readonly bytes: Buffer; readonly contentType: string } | undefined,
  headers: IncomingHttpHeaders,
): Parameters {
  const given = new Map<string, string>();
  if (body !== undefined) for (const [name, value] of parseBody(body)) given.set(name, value);
  for (const [name, value] of parsePairs(query)) given.set(name, value);
  const byLowerName = new Map<string, string>();
  for (const [name, value] of given) if (value !== '') byLowerName.set(name.toLowerCase(), value);
  return {
    given,
    get: (name) => byLowerName.get(name.toLowerCase()) ?? headerText(headers[name.toLowerCase()]),
  };
}

function headerText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

function parseBody(body: {
  readonly bytes: Buffer;
  readonly contentType: string;
}): Iterable<readonly [string, string]> {
  const text = body.bytes.toString('utf8');
  if (body.contentType.startsWith('application/x-www-form-urlencoded')) return parsePairs(text);
  return body.contentType.startsWith('application/json') ? parseJsonMembers(text) : [];
}

/** `name=value` pairs: names as they are, values percent-decoded with `+` as a space. */
function* parsePairs(text: string): Generator<readonly [string, string]> {
  for (const pair of text.split('&', MAX_PARAMETERS)) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = (equals < 0 ? pair : pair.slice(0, equals)).trim();
    yield [name, equals < 0 ? '' : decodeValue(pair.slice(equals + 1).trim())];
  }
}

function decodeValue(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    // A value with a stray percent sign means itself.
    return spaced;
  }
}

/** Scalar members of a top-level object as text; nested ones, and anything that is no object, are left out. */
function* parseJsonMembers(text: string): Generator<readonly [string, string]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The product takes a malformed body for none; the reply then names the missing parameters.
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const [name, member] of Object.entries(value).slice(0, MAX_PARAMETERS)) {
    if (member === null) yield [name, ''];
    else if (typeof member !== 'object') yield [name, String(member)];
  }
}

/** The leading decimal integer of a text, 0 when there is none or it exceeds `max` either way. */
export function toInteger(text: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(/^\s*([+-]?\d+)/.exec(text)?.[1] ?? 0);
  return Math.abs(value) <= max ? value : 0;
}

/** `true` and `false` in any case; otherwise only a text that starts with the number 1 is true. */
export function toBoolean(text: string): boolean {
  const lower = text.toLowerCase();
  return lower === 'true' || (/^\d/.test(lower) && toInteger(lower) === 1);
}
