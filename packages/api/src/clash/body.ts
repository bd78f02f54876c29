import { isIP } from 'node:net';
import { GatewayError } from '@sluice/base/errors';

/** A request body that does not decode; answered with 400 `Body invalid`. */
export class BodyInvalidError extends GatewayError {
  constructor(message: string, cause?: unknown) {
    super('invalid', 'clash.body-invalid', message, { cause });
  }
}

/**
 * Decodes the first JSON value of a body and ignores what follows it.
 * @throws BodyInvalidError when there is none
 */
export function decodeFirstJson(body: Buffer | undefined): unknown {
  const text = firstValue(body?.toString('utf8') ?? '');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BodyInvalidError('not JSON', error);
  }
}

/** The text of the first JSON value, `''` when none starts there. */
function firstValue(text: string): string {
  const start = text.search(/[^ \t\r\n]/);
  if (start < 0) return '';
  if (!'{["'.includes(text[start] ?? '')) return /^[-+.\w]+/.exec(text.slice(start))?.[0] ?? '';
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (depth === 0 && !inString) return text.slice(start, at + 1);
  }
  return '';
}

/** The members of a JSON object by lower-cased name, the last of equal names winning, `null` members left out. */
export function membersOf(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BodyInvalidError('not an object');
  const members = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value))
    if (member !== null) members.set(name.toLowerCase(), member);
  return members;
}

/** Decoders of single members; each throws BodyInvalidError for another type. */
export function asString(value: unknown): string {
  if (typeof value !== 'string') throw new BodyInvalidError('not a string');
  return value;
}

export function asBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new BodyInvalidError('not a boolean');
  return value;
}

export function asInteger(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new BodyInvalidError('not an integer');
  return value;
}

export function asStrings(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new BodyInvalidError('not a list');
  return value.map(asString);
}

/** Prefixes in CIDR notation; a bare address is none. */
export function asPrefixes(value: unknown): readonly string[] {
  const prefixes = asStrings(value);
  if (!prefixes.every(isPrefix)) throw new BodyInvalidError('not a list of CIDRs');
  return prefixes;
}

function isPrefix(text: string): boolean {
  const [, ip = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(ip);
  return version !== 0 && Number(length) <= (version === 4 ? 32 : 128);
}
