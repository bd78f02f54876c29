import type { GeoKind } from './geo-source.ts';

/** What a configuration asks of geo databases besides its rules. */
export type GeoUse = {
  readonly datMode: boolean;
  /** A `geosite:` list in a DNS policy, a fake-ip filter or a fallback filter that is in use. */
  readonly sites: boolean;
  /** A `geoip:` list in the sniffer, or a fallback filter in use with `geoip` and a code other than `lan`. */
  readonly countries: boolean;
};

/** Types that hold other rules in parentheses. */
const LOGIC = /^\s*(?:AND|OR|NOT|SUB-RULE)\s*,/i;
const GEO = /^\s*(GEOSITE|(?:SRC-)?GEOIP|(?:SRC-)?IP-ASN)\s*,\s*([^,)]*)/i;
const GEO_CHILD = /\(\s*(GEOSITE|(?:SRC-)?GEOIP|(?:SRC-)?IP-ASN)\s*,\s*([^,)]*)/gi;

/** The databases that rules (with or without targets) read, those within logical rules included. */
export function geoKindsOfRules(lines: Iterable<string>, datMode: boolean): Set<GeoKind> {
  const kinds = new Set<GeoKind>();
  for (const line of lines) {
    // Nearly no line of a long list is one, and this is much cheaper than an expression.
    if (!line.includes('GEO') && !line.includes('ASN') && !/geo|asn/i.test(line)) continue;
    const found = LOGIC.test(line) ? [...line.matchAll(GEO_CHILD)] : [GEO.exec(line)];
    for (const match of found) {
      const kind = match === null ? undefined : kindOf(match[1] ?? '', match[2] ?? '', datMode);
      if (kind !== undefined) kinds.add(kind);
    }
  }
  return kinds;
}

/** The databases that a whole configuration reads; `lines` are those of `rules`, all sub-rules and inline rule sets. */
export function geoKindsOf(lines: Iterable<string>, use: GeoUse): Set<GeoKind> {
  const kinds = geoKindsOfRules(lines, use.datMode);
  if (use.sites) kinds.add('geosite');
  if (use.countries) kinds.add(use.datMode ? 'geoip' : 'mmdb');
  return kinds;
}

function kindOf(type: string, payload: string, datMode: boolean): GeoKind | undefined {
  const upper = type.toUpperCase();
  if (upper === 'GEOSITE') return 'geosite';
  if (upper.endsWith('ASN')) return 'asn';
  if (payload.trim().toLowerCase() === 'lan') return undefined;
  return datMode ? 'geoip' : 'mmdb';
}
