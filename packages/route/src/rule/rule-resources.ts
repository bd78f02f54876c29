import type { GeoSource } from '../geo/geo-source.ts';
import type { FindEntrySet } from '../rule-set/entry-set.ts';

/** What rules are compiled with besides their text. */
export type RuleResources = {
  readonly geo: GeoSource;
  readonly findSet: FindEntrySet;
  /** Broadcast address of the fake-ip range, which `GEOIP,lan` includes; `''` without one. */
  readonly fakeIpBroadcast: string;
};
