import { FallbackGroup } from './fallback.ts';
import type { Group } from './group.ts';
import { LoadBalanceGroup } from './load-balance.ts';
import { RelayGroup, type RelayParts } from './relay.ts';
import { SelectGroup } from './select.ts';
import { UrlTestGroup } from './url-test.ts';

/** Builds the group that a configuration describes. */
export function createGroup(parts: RelayParts): Group {
  switch (parts.config.type) {
    case 'select':
      return new SelectGroup(parts);
    case 'url-test':
      return new UrlTestGroup(parts);
    case 'fallback':
      return new FallbackGroup(parts);
    case 'load-balance':
      return new LoadBalanceGroup(parts);
    case 'relay':
      return new RelayGroup(parts);
  }
}
