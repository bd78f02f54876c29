import { ProtocolError } from '@sluice/base/errors';
import { FieldReader, LENGTH_DELIMITED } from './wire.ts';

/** Where the message of one list is in the file. */
export type GeoEntry = { readonly start: number; readonly end: number };

const MAX_ENTRIES = 100_000;

/**
 * Finds the lists of a `GeoSiteList` or `GeoIPList` (both `repeated Entry entry = 1`, and an entry's field 1 is its code)
 * without reading what they hold. Codes are in lower case; of several lists with the same code the first counts.
 * @throws ProtocolError `dat-field`, `dat-too-large`, `truncated`
 */
export function scanGeoList(bytes: Uint8Array): Map<string, GeoEntry> {
  const entries = new Map<string, GeoEntry>();
  const reader = new FieldReader(bytes);
  while (reader.next()) {
    if (reader.field !== 1 || reader.wireType !== LENGTH_DELIMITED) continue;
    const { start, end } = reader;
    const code = codeOf(bytes, start, end).toLowerCase();
    if (!entries.has(code)) entries.set(code, { start, end });
    if (entries.size > MAX_ENTRIES) throw new ProtocolError('dat-too-large', start);
  }
  return entries;
}

function codeOf(bytes: Uint8Array, start: number, end: number): string {
  const fields = new FieldReader(bytes, start, end);
  while (fields.next()) {
    if (fields.field === 1 && fields.wireType === LENGTH_DELIMITED) return fields.text();
  }
  return '';
}
