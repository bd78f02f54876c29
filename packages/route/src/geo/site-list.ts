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
const MAX_PATTERN_CHARACTERS = 65_536;
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
  limit(
    keywords.map(({ keyword }) => keyword),
    MAX_KEYWORD_CHARACTERS,
    'keywords',
  );
  limit(patterns, MAX_PATTERN_CHARACTERS, 'regular expressions');
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

function limit(texts: readonly string[], characters: number, what: string): void {
  if (texts.reduce((sum, text) => sum + text.length, 0) > characters)
    throw new GatewayError('limit', 'geo.list', `too many ${what}`);
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
