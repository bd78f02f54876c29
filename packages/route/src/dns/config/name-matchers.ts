import { GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import type { GeoSource } from '../../geo/geo-source.ts';
import { compileCondition } from '../../rule/compile-condition.ts';
import { HostCondition } from '../../rule/condition.ts';
import { parseCondition } from '../../rule/parse-condition.ts';
import type { EntrySetSource, FindEntrySet } from '../../rule-set/entry-set.ts';

/** Whether a name (lower case, no trailing dot) belongs to something. */
export type NameTest = (name: string) => boolean;

/** What names can be tested against besides patterns. */
export type NameSources = { readonly geo: GeoSource; readonly findSet: FindEntrySet };

const BEHAVIOR_NAMES = { domain: 'Domain', ipcidr: 'IPCIDR', classical: 'Classical' } as const;

/**
 * The rule provider of a name that holds names of domains; `warn` hears of one that holds other things, too.
 * @throws GatewayError `dns.rule-set` (`not found rule-set: <n>`, `rule provider type error, except domain,actual <B>`)
 */
export function domainSet(
  name: string,
  findSet: FindEntrySet,
  warn: (message: string) => void,
): EntrySetSource {
  const set = findSet(name);
  if (set === undefined) throw invalid('dns.rule-set', `not found rule-set: ${name}`);
  if (set.behavior === 'ipcidr') {
    const actual = BEHAVIOR_NAMES[set.behavior];
    throw invalid('dns.rule-set', `rule provider type error, except domain,actual ${actual}`);
  }
  if (set.behavior === 'classical') warn(`rule-set ${name} is classical: only its domain rules count`);
  return set;
}

/** As `domainSet`, as a test; a set that is not loaded holds nothing. */
export function domainSetTest(
  name: string,
  findSet: FindEntrySet,
  warn: (message: string) => void,
): NameTest {
  const set = domainSet(name, findSet, warn);
  return (host) => set.current()?.hasDomain(host) ?? false;
}

/** `[!]list[@attribute…]` of GeoSite.dat as a test. @throws GatewayError `route.rule`, `geo.missing` */
export function geoSiteTest(list: string, sources: NameSources): NameTest {
  return conditionTest('GEOSITE', list, sources) ?? (() => false);
}

/**
 * A rule's type and payload as a test of names; `undefined` for types that look at other things.
 * @throws GatewayError `route.rule`, `dns.rule-set`, `geo.missing`
 */
export function ruleTest(
  keyword: string,
  payload: string,
  sources: NameSources,
  warn: (message: string) => void,
): NameTest | undefined {
  if (keyword === 'MATCH') return () => true;
  if (keyword === 'RULE-SET') return domainSetTest(payload, sources.findSet, warn);
  return conditionTest(keyword, payload, sources);
}

function conditionTest(keyword: string, payload: string, sources: NameSources): NameTest | undefined {
  if (keyword !== 'GEOSITE' && !keyword.startsWith('DOMAIN')) return undefined;
  const parsed = parseCondition(keyword, payload, []);
  const condition = compileCondition(parsed, { ...sources, fakeIpBroadcast: '' });
  return condition instanceof HostCondition ? (name) => condition.matchesHost(name) : undefined;
}

/** A report at one place of the configuration, as what the functions above take. */
export function warningAt(
  report: ReportIssue,
  path: readonly (string | number)[],
): (message: string) => void {
  return (message) => report('warning', path, message);
}

function invalid(code: string, message: string): GatewayError {
  return new GatewayError('invalid', code, message);
}
