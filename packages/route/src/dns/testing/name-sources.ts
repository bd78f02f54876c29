import { GatewayError } from '@sluice/base/errors';
import type { GeoSource } from '../../geo/geo-source.ts';
import type { NameSources } from '../config/name-matchers.ts';

const missing = (): never => {
  throw new GatewayError('unavailable', 'geo.missing', 'no geo database');
};

/** No geo databases at all. */
export const NO_GEO: GeoSource = {
  datMode: false,
  countriesOf: missing,
  asnOf: missing,
  siteList: missing,
  ipList: missing,
  ipListSize: () => 0,
};

/** No geo databases and no rule providers. */
export const NO_SOURCES: NameSources = { geo: NO_GEO, findSet: () => undefined };
