import type { Endpoint } from '@sluice/base/address';
import type { FakeIpFilter } from '../fake-ip/fake-ip-filter.ts';
import type { FakeIpRange } from '../fake-ip/fake-ip-range.ts';
import type { ResolverConfig } from '../resolver/resolver-config.ts';

export type EnhancedMode = 'normal' | 'fake-ip' | 'redir-host';

/** The `dns` section made ready for use. */
export type ResolvedDns = {
  readonly enabled: boolean;
  /** `undefined` for no DNS server on the network. */
  readonly listen: Endpoint | undefined;
  readonly mode: EnhancedMode;
  /** Whether AAAA questions of clients are answered with records (the top-level `ipv6` comes on top). */
  readonly ipv6: boolean;
  readonly usesHosts: boolean;
  readonly usesSystemHosts: boolean;
  readonly resolver: ResolverConfig;
  readonly fakeIp: FakeIpConfig;
};

export type FakeIpConfig = {
  readonly range: FakeIpRange;
  /** Without it AAAA questions for names with fake addresses get no records. */
  readonly range6: FakeIpRange | undefined;
  readonly filter: FakeIpFilter;
  readonly ttlSeconds: number;
  /** Whether names and addresses are kept over a restart. */
  readonly isStored: boolean;
};
