import { DomainPatterns } from '@sluice/base/domain-patterns';
import { errorText, GatewayError } from '@sluice/base/errors';
import {
  domainSetTest,
  geoSiteTest,
  type NameSources,
  type NameTest,
  ruleTest,
} from '../config/name-matchers.ts';
import { parsePolicyKey } from '../policy/policy-key.ts';

/** What the entries mean: names that get real addresses, names that get fake ones, or rules that say which. */
export type FakeIpFilterMode = 'blacklist' | 'whitelist' | 'rule';

/** Hears of an entry that cannot be used (`error`) or means less than it seems (`warning`). */
export type ReportEntry = (severity: 'error' | 'warning', index: number, message: string) => void;

const VERDICTS: ReadonlyMap<string, boolean> = new Map([
  ['fake-ip', false],
  ['real-ip', true],
]);

/** Which names are answered with real addresses. */
export class FakeIpFilter {
  readonly #alwaysReal: ReadonlySet<string>;
  readonly #isReal: NameTest;

  private constructor(isReal: NameTest, alwaysReal: Iterable<string>) {
    this.#alwaysReal = new Set(alwaysReal);
    this.#isReal = isReal;
  }

  /** `alwaysReal` are names that must stay reachable whatever the entries say. Entries in error are reported and left out. */
  static compile(
    mode: FakeIpFilterMode,
    entries: readonly string[],
    alwaysReal: Iterable<string>,
    sources: NameSources,
    report: ReportEntry,
  ): FakeIpFilter {
    const isListed = mode === 'rule' ? undefined : compileEntries(entries, sources, report);
    if (isListed === undefined) return new FakeIpFilter(compileRules(entries, sources, report), alwaysReal);
    return new FakeIpFilter(mode === 'whitelist' ? (name) => !isListed(name) : isListed, alwaysReal);
  }

  /** Whether a name (lower case, no trailing dot) gets real addresses. */
  isReal(name: string): boolean {
    return this.#isReal(name) || this.#alwaysReal.has(name);
  }
}

/** Patterns, `geosite:a,b` and `rule-set:a,b`. */
function compileEntries(entries: readonly string[], sources: NameSources, report: ReportEntry): NameTest {
  const trie = new DomainPatterns<true>();
  const tests: NameTest[] = [];
  for (const [index, entry] of entries.entries()) {
    const warn = (message: string): void => report('warning', index, message);
    try {
      const matcher = parsePolicyKey(entry);
      if (matcher.kind === 'geosite') {
        for (const list of matcher.lists) tests.push(geoSiteTest(list, sources));
      } else if (matcher.kind === 'rule-set') {
        for (const name of matcher.names) tests.push(domainSetTest(name, sources.findSet, warn));
      } else {
        for (const pattern of matcher.patterns) trie.add(pattern, true);
      }
    } catch (error) {
      report('error', index, errorText(error).replace('DNS ResoverRule', 'fake-ip-filter'));
    }
  }
  if (tests.length === 0) return (name) => trie.find(name) === true;
  return (name) => trie.find(name) === true || tests.some((test) => test(name));
}

/** `TYPE,payload,fake-ip` or `…,real-ip`; the first that matches decides, and names that none matches get fake addresses. */
function compileRules(entries: readonly string[], sources: NameSources, report: ReportEntry): NameTest {
  const rules: { readonly test: NameTest; readonly real: boolean }[] = [];
  for (const [index, entry] of entries.entries()) {
    try {
      const warn = (message: string): void => report('warning', index, message);
      rules.push(parseFilterRule(entry, sources, warn));
    } catch (error) {
      report('error', index, errorText(error));
    }
  }
  return (name) => rules.find(({ test }) => test(name))?.real ?? false;
}

function parseFilterRule(
  entry: string,
  sources: NameSources,
  warn: (message: string) => void,
): { readonly test: NameTest; readonly real: boolean } {
  const pieces = entry.split(',').map((piece) => piece.trim());
  const keyword = (pieces[0] ?? '').toUpperCase();
  const verdict = pieces.at(-1) ?? '';
  const real = VERDICTS.get(verdict.toLowerCase());
  if (real === undefined) throw wrong(`fake-ip-filter rule must end in fake-ip or real-ip, got "${verdict}"`);
  const test = ruleTest(keyword, pieces.slice(1, -1).join(','), sources, warn);
  if (test === undefined) throw wrong(`unsupported rule type ${keyword} in fake-ip-filter`);
  return { test, real };
}

function wrong(message: string): GatewayError {
  return new GatewayError('invalid', 'dns.fake-ip-filter', message);
}
