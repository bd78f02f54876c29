import { isUtf8 } from 'node:buffer';
import type { HeaderLines } from '../port.ts';

/**
 * Header lines for people: a value is Latin-1, one character per byte, but what is sent beyond ASCII is nearly always UTF-8
 * (file names in `Content-Disposition`, for one), and shown as that where its bytes are.
 */
export function readableLines(lines: HeaderLines): HeaderLines {
  return lines.some(([, value]) => BEYOND_ASCII.test(value))
    ? lines.map(([name, value]) => [name, readableValue(value)] as const)
    : lines;
}

const BEYOND_ASCII = /[\x80-\xff]/;
const BEYOND_LATIN1 = /[^\0-\xff]/;

function readableValue(value: string): string {
  if (!BEYOND_ASCII.test(value) || BEYOND_LATIN1.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

/** Values by lower-case name in first-seen order; repeats joined with `, `, `set-cookie` with a line feed. */
export function joinHeaderLines(lines: HeaderLines): Map<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of lines) {
    const lower = name.toLowerCase();
    const earlier = joined.get(lower);
    joined.set(
      lower,
      earlier === undefined ? value : earlier + (lower === 'set-cookie' ? '\n' : ', ') + value,
    );
  }
  return joined;
}

/** The compact JSON object of header lines: the text in which a search looks for headers. */
export function headersJson(lines: HeaderLines): string {
  // Built member by member: an object would move names that look like array indices to the front.
  const members: string[] = [];
  for (const [name, value] of joinHeaderLines(lines))
    members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${members.join(',')}}`;
}

/** The first value of a header, `''` when absent; `name` in lower case. */
export function headerValue(lines: HeaderLines, name: string): string {
  for (const [lineName, value] of lines) {
    if (lineName.length === name.length && lineName.toLowerCase() === name) return value;
  }
  return '';
}
