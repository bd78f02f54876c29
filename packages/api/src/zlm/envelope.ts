/** An answer of the API; always HTTP 200 with `code` telling the outcome. */
export type Envelope = { readonly code: number; readonly msg?: string; readonly [member: string]: unknown };

export const CODE_SUCCESS = 0;
export const CODE_FAILURE = -1;
export const CODE_UNAUTHORIZED = -100;
export const CODE_INVALID_ARGUMENTS = -300;
export const CODE_EXCEPTION = -400;
export const CODE_NOT_FOUND = -500;

export const STREAM_NOT_FOUND: Envelope = { code: CODE_NOT_FOUND, msg: 'can not find the stream' };

export function success(members: Readonly<Record<string, unknown>> = {}): Envelope {
  return { code: CODE_SUCCESS, ...members };
}

/** A list under `data`, which is absent when the list is empty. */
export function list(rows: readonly unknown[]): Envelope {
  return rows.length === 0 ? success() : success({ data: rows });
}

/** Compact JSON with members in ascending order of their names at every level. */
export function encodeEnvelope(envelope: Envelope): string {
  return `${JSON.stringify(sortMembers(envelope))}\n`;
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sortMembers(member)]));
}
