import { DomainSetBuilder } from '@sluice/base/domain-set-builder';
import { NO_RULE } from '@sluice/base/domain-table';
import { GatewayError } from '@sluice/base/errors';
import { type KeywordEntry, KeywordIndex } from '@sluice/base/keyword-index';
import {
  parseGeoSite,
  SITE_DOMAIN,
  SITE_FULL,
  SITE_PLAIN,
  SITE_REGEX,
  type SiteDomain,
} from '@sluice/codec/geo-dat/geo-site';
import { RE2JS } from 're2js';
import type { SiteList } from './geo-source.ts';

/** Limits of what takes much more memory than it takes in the file. */
const MAX_KEYWORD_CHARACTERS = 32_768;
/** Characters times repetitions, which is about how large compiled expressions become. */
const MAX_PATTERN_COST = 1_000_000;
const REPETITION = /\{\d*,?(\d+)/g;
const VISIBLE_ASCII = /^[!-~]+$/;

/**
 * Compiles a `GeoSite` message, restricted to entries that have all of `attributes`.
 * @throws ProtocolError for a broken message; GatewayError `geo.list` when it is too large
 */
export function compileSiteList(bytes: Uint8Array, attributes: readonly string[]): SiteList {
  const domains = new DomainSetBuilder();
  const keywords: KeywordEntry[] = [];
  const patterns: string[] = [];
  let size = 0;
  for (const domain of parseGeoSite(bytes)) {
    if (!attributes.every((attribute) => domain.attributes.includes(attribute))) continue;
    size++;
    if (domain.type === SITE_FULL || domain.type === SITE_DOMAIN)
      domains.addName(bytes, domain.start, domain.end, domain.type === SITE_DOMAIN);
    else if (domain.type === SITE_REGEX) patterns.push(textOf(bytes, domain));
    else if (domain.type === SITE_PLAIN) {
      const keyword = textOf(bytes, domain).toLowerCase();
      // Hosts have no others, and each further character makes the automaton wider.
      if (VISIBLE_ASCII.test(keyword)) keywords.push({ keyword, rule: keywords.length });
    }
  }
  refuseAbove(MAX_KEYWORD_CHARACTERS, 'keywords', keywords, ({ keyword }) => keyword.length);
  refuseAbove(MAX_PATTERN_COST, 'regular expressions', patterns, patternCost);
  const set = domains.build();
  const index = keywords.length === 0 ? undefined : new KeywordIndex(keywords);
  const search = compilePatterns(patterns);
  return {
    size,
    matches: (host) =>
      set.has(host) ||
      (index !== undefined && index.lookup(host) !== NO_RULE) ||
      search.some((each) => each.test(host)),
  };
}

function textOf(bytes: Uint8Array, { start, end }: SiteDomain): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

function refuseAbove<T>(limit: number, what: string, items: readonly T[], costOf: (item: T) => number): void {
  if (items.reduce((sum, item) => sum + costOf(item), 0) > limit)
    throw new GatewayError('limit', 'geo.list', `too many ${what}`);
}

function patternCost(pattern: string): number {
  const repetitions = Array.from(pattern.matchAll(REPETITION), (match) => Number(match[1]));
  return pattern.length * repetitions.reduce((sum, count) => sum + count, 1);
}

/** One expression out of all, which is searched in one pass; linear time, since the files are downloaded. */
function compilePatterns(patterns: readonly string[]): readonly RE2JS[] {
  const valid = patterns.filter((pattern) => compile(pattern) !== undefined);
  if (valid.length === 0) return [];
  const all = compile(valid.map((pattern) => `(?:${pattern})`).join('|'));
  return all === undefined ? valid.map((pattern) => RE2JS.compile(pattern)) : [all];
}

/** `undefined` for an expression that RE2 refuses, which then matches nothing. */
function compile(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (error instanceof Error && error.name.startsWith('RE2JS')) return undefined;
    throw error;
  }
}
