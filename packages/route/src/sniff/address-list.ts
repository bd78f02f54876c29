import { DomainPatterns } from '@sluice/base/domain-patterns';
import { GatewayError } from '@sluice/base/errors';
import { parseCidr } from '@sluice/base/ip';
import { PrefixSet } from '../config/prefixes.ts';
import type { GeoSource } from '../geo/geo-source.ts';
import type { EntrySetSource, FindEntrySet, SetBehavior } from '../rule-set/entry-set.ts';

/** Where lists find what they name. */
export type ListSources = { readonly geo: GeoSource; readonly findSet: FindEntrySet };

/** Whether a lower-case name, or an IP literal, is in a list. */
export type ListTest = (subject: string) => boolean;

/**
 * A list of domain patterns, `geosite:name,…` and `rule-set:name,…`.
 * @throws GatewayError with the reason an entry cannot be used
 */
export function compileDomainList(entries: readonly string[], sources: ListSources): ListTest {
  const patterns = new DomainPatterns<true>();
  const tests: ListTest[] = [];
  for (const entry of entries) {
    const named = splitNamed(entry);
    if (named?.scheme === 'geosite') {
      for (const name of named.names) tests.push(siteTest(name, sources.geo));
    } else if (named?.scheme === 'rule-set') {
      for (const source of named.names.map((name) => findSet(name, 'ipcidr', 'domain', sources.findSet)))
        tests.push((host) => source.current()?.hasDomain(host) === true);
    } else if (!patterns.add(entry, true)) {
      throw new GatewayError('invalid', 'route.sniffer', 'invalid domain');
    }
  }
  return (host) => patterns.find(host) === true || tests.some((test) => test(host));
}

/**
 * A list of prefixes, `geoip:code,…` and `rule-set:name,…`.
 * @throws GatewayError with the reason an entry cannot be used
 */
export function compileAddressList(entries: readonly string[], sources: ListSources): ListTest {
  const prefixes: string[] = [];
  const tests: ListTest[] = [];
  for (const entry of entries) {
    const named = splitNamed(entry);
    if (named?.scheme === 'geoip') {
      for (const code of named.names) tests.push(countryTest(code.toLowerCase(), sources.geo));
    } else if (named?.scheme === 'rule-set') {
      for (const source of named.names.map((name) => findSet(name, 'domain', 'ipcidr', sources.findSet)))
        tests.push((ip) => source.current()?.hasIp(ip) === true);
    } else if (parseCidr(entry.trim()) === undefined) {
      throw new GatewayError('invalid', 'route.sniffer', prefixText(entry));
    } else {
      prefixes.push(entry);
    }
  }
  const set = new PrefixSet(prefixes);
  return (ip) => set.includes(ip) || tests.some((test) => test(ip));
}

function splitNamed(
  entry: string,
): { readonly scheme: string; readonly names: readonly string[] } | undefined {
  const [, scheme = '', names = ''] = /^(geosite|geoip|rule-set):(.*)$/i.exec(entry) ?? [];
  if (scheme === '') return undefined;
  return { scheme: scheme.toLowerCase(), names: names.split(',').map((name) => name.trim()) };
}

/** A set whose kind cannot hold what is looked for is a mistake. */
function findSet(name: string, wrong: SetBehavior, right: SetBehavior, find: FindEntrySet): EntrySetSource {
  const source = find(name);
  if (source === undefined)
    throw new GatewayError('not-found', 'route.sniffer', `not found rule-set: ${name}`);
  if (source.behavior === wrong) {
    const text = `rule provider type error, except ${right},actual ${source.behavior}`;
    throw new GatewayError('invalid', 'route.sniffer', text);
  }
  return source;
}

function siteTest(entry: string, geo: GeoSource): ListTest {
  const [name = '', ...attributes] = entry.split('@');
  const list = geo.siteList(name, attributes);
  return (host) => list.matches(host);
}

function countryTest(code: string, geo: GeoSource): ListTest {
  if (!geo.datMode) return (ip) => geo.countriesOf(ip).includes(code);
  const list = geo.ipList(code);
  return (ip) => list.matches(ip);
}

function prefixText(entry: string): string {
  const reason = entry.includes('/') ? 'bad prefix' : "no '/'";
  return `netip.ParsePrefix(${JSON.stringify(entry)}): ${reason}`;
}
