import type { ReportIssue } from '@sluice/core/config/issue';
import Type, { type Static } from 'typebox';
import { DEFAULT_GEO_URLS } from '../config/geo-urls.ts';
import { flag, text } from '../config/schema-parts.ts';
import type { GeoSettings } from '../port.ts';

const urlsSchema = Type.Object(
  {
    geoip: text('GeoIP.dat.', DEFAULT_GEO_URLS.geoip),
    mmdb: text('Countries, in MaxMind format.', DEFAULT_GEO_URLS.mmdb),
    asn: text('Autonomous systems, in MaxMind format.', DEFAULT_GEO_URLS.asn),
    geosite: text('GeoSite.dat.', DEFAULT_GEO_URLS.geosite),
  },
  { description: 'Where geo databases are downloaded from.', default: { ...DEFAULT_GEO_URLS } },
);

/** The top-level keys about geo databases, to be spread into the schema of the whole. */
export const geoSchemas = {
  'geodata-mode': flag('GEOIP rules read GeoIP.dat instead of an mmdb file.', false),
  'geodata-loader': text(
    'memconservative or standard; shown, but lists are always read one by one.',
    'memconservative',
  ),
  'geosite-matcher': text('succinct or mph; shown, but there is one kind of matcher.', 'succinct'),
  'geo-auto-update': flag('Download the geo databases in use again at an interval.', false),
  'geo-update-interval': Type.Integer({ description: 'Hours between such downloads.', default: 24 }),
  'geox-url': urlsSchema,
};

const geoSchema = Type.Object(geoSchemas);
export type RawGeo = Static<typeof geoSchema>;

/** The settings that the keys mean; names of old loaders and matchers become those of today. */
export function resolveGeo(raw: RawGeo, report: ReportIssue): GeoSettings {
  const oneOf = <T>(
    key: 'geodata-loader' | 'geosite-matcher',
    names: Readonly<Record<string, T>>,
    otherwise: T,
  ): T => {
    const name = raw[key].toLowerCase();
    const found = Object.hasOwn(names, name) ? names[name] : undefined;
    if (found === undefined)
      report('warning', [key], `unknown ${key}`, {
        expected: Object.keys(names).join(', '),
        found: raw[key],
      });
    return found ?? otherwise;
  };
  return {
    urls: raw['geox-url'],
    autoUpdate: raw['geo-auto-update'],
    updateIntervalHours: raw['geo-update-interval'],
    datMode: raw['geodata-mode'],
    loader: oneOf<GeoSettings['loader']>(
      'geodata-loader',
      { memconservative: 'memconservative', memc: 'memconservative', standard: 'standard' },
      'memconservative',
    ),
    siteMatcher: oneOf<GeoSettings['siteMatcher']>(
      'geosite-matcher',
      { succinct: 'succinct', mph: 'mph', hybrid: 'mph' },
      'succinct',
    ),
  };
}
