/** A compiled domain list of GeoSite.dat. */
export interface SiteList {
  readonly size: number;
  /** `host` is lower case and not empty. */
  matches(host: string): boolean;
}

/** A compiled address list of GeoIP.dat. */
export interface IpList {
  readonly size: number;
  matches(ip: string): boolean;
}

export type GeoKind = 'mmdb' | 'asn' | 'geoip' | 'geosite';

/**
 * Geo databases that are on disk. Reading is synchronous; what a configuration needs is made present before it is compiled
 * (`GeoStore.ensure`). An updated database takes effect in lists that were given out before.
 */
export interface GeoSource {
  /** True when GEOIP rules read GeoIP.dat. */
  readonly datMode: boolean;
  /** Lower-case codes of an IP literal, [] for none. @throws GatewayError `geo.missing` when there is no mmdb file */
  countriesOf(ip: string): readonly string[];
  /** `number` is decimal digits, both `''` when unknown. @throws GatewayError `geo.missing` */
  asnOf(ip: string): { readonly number: string; readonly organization: string };
  /** A list by name, entries restricted to those that have all of `attributes`. @throws GatewayError `geo.list` for unknown names, `geo.missing` */
  siteList(name: string, attributes: readonly string[]): SiteList;
  /** @throws GatewayError `geo.list`, `geo.missing` */
  ipList(code: string): IpList;
  /** Number of networks of a code for display, 0 when unknown or in mmdb mode. */
  ipListSize(code: string): number;
}
