import type { HeaderLines } from '../port.ts';

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
