import { ProtocolError } from '@sluice/base/errors';
import { parseIp } from '@sluice/base/ip';
import type { MmdbValue } from '@sluice/codec/mmdb/decoder';
import { isMap } from '@sluice/codec/mmdb/metadata';
import { MmdbReader, NO_RECORD } from '@sluice/codec/mmdb/reader';

/** An AS number in decimal digits and who runs it; both `''` when unknown. */
export type AsnRecord = { readonly number: string; readonly organization: string };

const NO_CODES: readonly string[] = [];
const NO_ASN: AsnRecord = { number: '', organization: '' };
const MAX_CACHED_RECORDS = 8192;

/** Looks addresses up and keeps what their records mean: millions of addresses share some hundred or thousand records. */
class RecordCache<R> {
  readonly #reader: MmdbReader;
  readonly #unknown: R;
  readonly #interpret: (value: MmdbValue, databaseType: string) => R;
  readonly #records = new Map<number, R>();

  constructor(bytes: Uint8Array, unknown: R, interpret: (value: MmdbValue, databaseType: string) => R) {
    this.#reader = new MmdbReader(bytes);
    this.#unknown = unknown;
    this.#interpret = interpret;
  }

  /** A record that is broken counts as none. */
  lookup(ip: string): R {
    const address = parseIp(ip);
    const offset = address === undefined ? NO_RECORD : this.#reader.find(address);
    if (offset === NO_RECORD) return this.#unknown;
    const known = this.#records.get(offset);
    if (known !== undefined) return known;
    const record = this.#read(offset);
    if (this.#records.size >= MAX_CACHED_RECORDS) this.#records.clear();
    this.#records.set(offset, record);
    return record;
  }

  #read(offset: number): R {
    try {
      return this.#interpret(this.#reader.decode(offset), this.#reader.metadata.databaseType);
    } catch (error) {
      if (error instanceof ProtocolError) return this.#unknown;
      throw error;
    }
  }
}

/** A file that tells countries, or other codes, of addresses. @throws ProtocolError from the constructor */
export class CountryDatabase {
  readonly #records: RecordCache<readonly string[]>;

  constructor(bytes: Uint8Array) {
    this.#records = new RecordCache(bytes, NO_CODES, codesOf);
  }

  /** Lower-case codes of an IP literal, [] for none. */
  codesOf(ip: string): readonly string[] {
    return this.#records.lookup(ip);
  }
}

/** A file that tells the autonomous systems of addresses. @throws ProtocolError from the constructor */
export class AsnDatabase {
  readonly #records: RecordCache<AsnRecord>;

  constructor(bytes: Uint8Array) {
    this.#records = new RecordCache(bytes, NO_ASN, asnOf);
  }

  asnOf(ip: string): AsnRecord {
    return this.#records.lookup(ip);
  }
}

/** `sing-geoip` has one code, `Meta-geoip0` one or several, MaxMind's and alike a country with a code. */
function codesOf(value: MmdbValue, databaseType: string): readonly string[] {
  if (databaseType === 'sing-geoip' || databaseType === 'Meta-geoip0') {
    const codes: readonly MmdbValue[] = typeof value === 'object' && Array.isArray(value) ? value : [value];
    return codes
      .filter((code) => typeof code === 'string' && code !== '')
      .map((code) => String(code).toLowerCase());
  }
  const country = isMap(value) ? value.get('country') : undefined;
  const code = isMap(country) ? country.get('iso_code') : undefined;
  return typeof code === 'string' && code !== '' ? [code.toLowerCase()] : NO_CODES;
}

/** `GeoLite2-ASN` and alike have a number, ipinfo's files a text `AS` and number. */
function asnOf(value: MmdbValue): AsnRecord {
  if (!isMap(value)) return NO_ASN;
  const number = value.get('autonomous_system_number');
  if (typeof number === 'number')
    return { number: String(number), organization: textOf(value.get('autonomous_system_organization')) };
  const name = textOf(value.get('asn'));
  return /^AS\d+$/i.test(name) ? { number: name.slice(2), organization: textOf(value.get('name')) } : NO_ASN;
}

function textOf(value: MmdbValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
