import { GatewayError } from '@sluice/base/errors';
import type { GeoSource } from '../../geo/geo-source.ts';
import type { FindEntrySet } from '../../rule-set/entry-set.ts';

/** Whether a lower-case name is meant. */
export type NameMatcher = (name: string) => boolean;

/** Matches names in any of the GeoSite lists `[!]name[@attribute…]`. @throws GatewayError `geo.list`, `geo.missing` */
export function geositeMatcher(geo: GeoSource, lists: readonly string[]): NameMatcher {
  const compiled = lists.map((text) => {
    const isNegated = text.startsWith('!');
    const [name = '', ...attributes] = (isNegated ? text.slice(1) : text).split('@');
    return { isNegated, list: geo.siteList(name, attributes) };
  });
  return (name) => name !== '' && compiled.some(({ isNegated, list }) => list.matches(name) !== isNegated);
}

/**
 * Matches names in any of the rule sets; of classical sets only the domain entries count.
 * @throws GatewayError `dns.rule-set` with the reference's words
 */
export function ruleSetMatcher(findSet: FindEntrySet, names: readonly string[]): NameMatcher {
  const sets = names.map((name) => {
    const set = findSet(name);
    if (set === undefined) throw new GatewayError('invalid', 'dns.rule-set', `not found rule-set: ${name}`);
    if (set.behavior === 'ipcidr')
      throw new GatewayError(
        'invalid',
        'dns.rule-set',
        'rule provider type error, except domain,actual IPCIDR',
      );
    return set;
  });
  return (name) => name !== '' && sets.some((set) => set.current()?.hasDomain(name) === true);
}
