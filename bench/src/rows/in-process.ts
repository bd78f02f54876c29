import { benchAead } from '../aead.ts';
import { benchExchangeStore } from '../exchange-store.ts';
import { compare, emptySection, type Section } from '../harness/section.ts';
import { benchRuleDecision } from '../rule-decision.ts';
import { benchRuleSets } from '../rule-sets.ts';

/** Deciding and loading 120,000 rules. */
export async function benchRules(): Promise<Section> {
  const section = emptySection('Rules: 100,000 domain suffixes and 20,000 IPv4 prefixes');
  section.rows.push(...(await benchRuleDecision()));
  compare(section, 'ns', 'rules: decision by domain', undefined, { most: 1_000 });
  compare(section, 'ns', 'rules: decision by address', undefined, { most: 1_000 });
  compare(section, 'ms', 'rules: load 120,000 lines', undefined, { most: 60 });
  compare(section, 'MB', 'rules: memory', undefined, { most: 10 });
  return section;
}

/** Loading and asking rule sets of the size that users have. */
export async function benchSets(): Promise<Section> {
  const section = emptySection('Rule sets: 30 providers of 10,000 domains, and one of 100,000');
  section.rows.push(...(await benchRuleSets()));
  compare(section, 'ns', 'sets: lookup in 100,000 entries', undefined, { most: 1_000 });
  compare(section, 'ms', 'sets: load 300,000 entries of 30 files', undefined, { most: 2_000 });
  return section;
}

/** Storing and searching exchanges. */
export async function benchStore(): Promise<Section> {
  const section = emptySection('Exchange store');
  section.rows.push(...(await benchExchangeStore()));
  compare(section, 'exchanges/s', 'exchanges stored', undefined, { least: 50_000 });
  const firstPage = section.rows.find((row) => row.name.startsWith('first page,'));
  if (firstPage !== undefined) compare(section, 'ms', firstPage.name, undefined, { most: 30 });
  return section;
}

/** Sealing and opening Shadowsocks chunks with each engine. */
export async function benchSealing(): Promise<Section> {
  const section = emptySection('AEAD engines');
  section.rows.push(...(await benchAead()));
  return section;
}
