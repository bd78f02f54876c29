import { FieldReader, LENGTH_DELIMITED, utf8, VARINT } from './wire.ts';

/** What a domain of a list covers: hosts that contain it, hosts it finds as a regular expression, itself and below, itself. */
export const SITE_PLAIN = 0;
export const SITE_REGEX = 1;
export const SITE_DOMAIN = 2;
export const SITE_FULL = 3;

/** One domain of a list as its reader sees it; valid until the next one is read. */
export type SiteDomain = {
  readonly type: number;
  /** Where the value is in the bytes that are read, in UTF-8. */
  readonly start: number;
  readonly end: number;
  readonly attributes: readonly string[];
};

const NO_ATTRIBUTES: readonly string[] = [];

/**
 * Reads the domains of a `GeoSite` message: `Domain { type = 1; value = 2; Attribute attribute = 3 { key = 1 } }` in field 2.
 * Attributes are in lower case.
 * @throws ProtocolError `dat-field`, `truncated`
 */
export function* parseGeoSite(
  bytes: Uint8Array,
  from = 0,
  to = bytes.length,
): Generator<SiteDomain, void, void> {
  const reader = new FieldReader(bytes, from, to);
  while (reader.next()) {
    if (reader.field === 2 && reader.wireType === LENGTH_DELIMITED)
      yield readDomain(bytes, reader.start, reader.end);
  }
}

function readDomain(bytes: Uint8Array, from: number, to: number): SiteDomain {
  const fields = new FieldReader(bytes, from, to);
  let type = SITE_PLAIN;
  let start = from;
  let end = from;
  let attributes = NO_ATTRIBUTES;
  while (fields.next()) {
    if (fields.field === 1 && fields.wireType === VARINT) type = fields.value;
    else if (fields.wireType !== LENGTH_DELIMITED) continue;
    else if (fields.field === 2) {
      start = fields.start;
      end = fields.end;
    } else if (fields.field === 3) attributes = [...attributes, readKey(bytes, fields.start, fields.end)];
  }
  return { type, start, end, attributes };
}

function readKey(bytes: Uint8Array, from: number, to: number): string {
  const fields = new FieldReader(bytes, from, to);
  while (fields.next()) {
    if (fields.field === 1 && fields.wireType === LENGTH_DELIMITED)
      return utf8(bytes, fields.start, fields.end).toLowerCase();
  }
  return '';
}
