import { isDomainPattern } from '@sluice/base/domain-patterns';
import { GatewayError } from '@sluice/base/errors';

/** What a key of a DNS policy means. */
export type PolicyMatcher =
  | { readonly kind: 'domain'; readonly patterns: readonly string[] }
  /** Names of GeoSite lists, lower case, with `@attribute` or a leading `!` as written. */
  | { readonly kind: 'geosite'; readonly lists: readonly string[] }
  | { readonly kind: 'rule-set'; readonly names: readonly string[] };

/**
 * Reads `a.com`, `+.a.com,b.com`, `geosite:cn,private` or `rule-set:a,b`.
 * @throws GatewayError `dns.policy` (`DNS ResoverRule invalid domain: <d>`)
 */
export function parsePolicyKey(key: string): PolicyMatcher {
  const prefix = /^(geosite|rule-set):(.*)$/is.exec(key.trim());
  const kind = prefix?.[1]?.toLowerCase();
  const items = (prefix?.[2] ?? key)
    .split(',')
    .map((item) => item.trim())
    .filter((item) => prefix === null || item !== '');
  if (kind === 'geosite') return { kind, lists: items.map((item) => item.toLowerCase()) };
  if (kind === 'rule-set') return { kind, names: items };
  const wrong = items.find((item) => !isDomainPattern(item));
  if (wrong !== undefined)
    throw new GatewayError('invalid', 'dns.policy', `DNS ResoverRule invalid domain: ${wrong}`);
  return { kind: 'domain', patterns: items };
}
