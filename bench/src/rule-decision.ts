import { pathToFileURL } from 'node:url';
import { newFlow } from '@sluice/core/ports/flow';
import type { GeoSource } from '@sluice/route/geo/geo-source';
import { compileRules } from '@sluice/route/rule/compile-rules';
import type { RuleSet } from '@sluice/route/rule/rule-set';
import type { RuleSubject } from '@sluice/route/rule/rule-subject';
import { type BenchRow, medianOf } from './bench-row.ts';

const DOMAINS = 100_000;
const PREFIXES = 20_000;
const QUERIES = 20_000;
const WALKED_QUERIES = 20;
const REPEATS = 11;
/** Unmeasured runs first, until the code has been compiled for good. */
const WARM_UPS = 10;
const TARGETS = ['Proxy', 'DIRECT', 'REJECT'];
const TOP_LEVELS = ['com', 'net', 'org', 'io', 'cn', 'co.uk', 'com.cn', 'de', 'ru', 'info'];
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Measures a whole decision of 100,000 domain suffixes and 20,000 prefixes, and of a walk of the same list. */
export async function benchRuleDecision(): Promise<BenchRow[]> {
  const random = randomFrom(12_345);
  const domains = distinctDomains(random);
  const lines = ruleLines(domains, random);
  const hosts = Array.from({ length: QUERIES }, () => hostQuery(domains, random));
  const addresses = Array.from({ length: QUERIES }, () => addressQuery(random));

  const load: BenchRow = { name: 'rules: load 120,000 lines', unit: 'ms', values: [] };
  let rules = compile(lines);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now();
    rules = compile(lines);
    load.values.push(performance.now() - start);
  }
  const heap: BenchRow = {
    name: 'rules: memory',
    unit: 'MB',
    values: [],
    note: 'without the text of the lines',
  };
  if (globalThis.gc === undefined) return [load, ...decisions(rules, lines, hosts, addresses)];
  const kept: RuleSet[] = [];
  for (let repeat = 0; repeat < 3; repeat++) {
    const before = usedMegabytes();
    kept.push(compile(lines));
    heap.values.push(usedMegabytes() - before);
  }
  if (kept.some((each) => each.size !== lines.length)) throw new Error('rules were lost');
  return [load, heap, ...decisions(rules, lines, hosts, addresses)];
}

function decisions(
  rules: RuleSet,
  lines: readonly string[],
  hosts: readonly RuleSubject[],
  addresses: readonly RuleSubject[],
): BenchRow[] {
  const rows: BenchRow[] = [
    timed('rules: decision by domain', rules, hosts),
    timed('rules: decision by address', rules, addresses),
  ];
  const walk: BenchRow = {
    name: 'rules: decision by walking the list',
    unit: 'ns',
    values: [],
    note: `${WALKED_QUERIES} of the domains`,
  };
  const suffixes = lines.flatMap((line) =>
    line.startsWith('DOMAIN-SUFFIX')
      ? [{ name: line.split(',')[1] ?? '', tail: `.${line.split(',')[1]}` }]
      : [],
  );
  for (let repeat = 0; repeat < 3; repeat++) {
    const start = performance.now();
    let found = 0;
    for (const { host } of hosts.slice(0, WALKED_QUERIES)) {
      const at = suffixes.findIndex(({ name, tail }) => host === name || host.endsWith(tail));
      if (at >= 0) found++;
    }
    walk.values.push(((performance.now() - start) * 1e6) / WALKED_QUERIES);
    if (found === 0) throw new Error('nothing was found');
  }
  return [...rows, walk];
}

function timed(name: string, rules: RuleSet, subjects: readonly RuleSubject[]): BenchRow {
  const row: BenchRow = { name, unit: 'ns', values: [] };
  const accepts = (): boolean => true;
  for (let repeat = -WARM_UPS; repeat < REPEATS; repeat++) {
    let matched = 0;
    const start = performance.now();
    for (const subject of subjects) if (rules.match(subject, accepts).kind === 'matched') matched++;
    if (repeat >= 0) row.values.push(((performance.now() - start) * 1e6) / subjects.length);
    if (matched !== subjects.length)
      throw new Error('the last rule matches everything, so every decision must match');
  }
  return row;
}

function compile(lines: readonly string[]): RuleSet {
  const resources = { geo: noGeo, findSet: () => undefined, fakeIpBroadcast: '' };
  return compileRules({ rules: lines, subRules: {} }, (name) => TARGETS.includes(name), resources);
}

/** The measured rules read no geo database. */
const noGeo: GeoSource = {
  datMode: false,
  countriesOf: () => [],
  asnOf: () => ({ number: '', organization: '' }),
  siteList: () => ({ size: 0, matches: () => false }),
  ipList: () => ({ size: 0, matches: () => false }),
  ipListSize: () => 0,
};

function ruleLines(domains: readonly string[], random: () => number): string[] {
  const lines = domains.map((domain, index) => `DOMAIN-SUFFIX,${domain},${TARGETS[index % 3]}`);
  for (let index = 0; index < PREFIXES; index++) {
    lines.push(
      `IP-CIDR,${randomIp(random)}/${14 + Math.floor(random() * 11)},${TARGETS[index % 3]},no-resolve`,
    );
  }
  lines.push('MATCH,Proxy');
  return lines.map(flat);
}

function distinctDomains(random: () => number): string[] {
  const domains = new Set<string>();
  while (domains.size < DOMAINS) {
    const deep = random() < 0.3 ? `${word(2 + random() * 8, random)}.` : '';
    domains.add(`${deep}${word(4 + random() * 10, random)}.${topLevel(random)}`);
  }
  return [...domains];
}

function hostQuery(domains: readonly string[], random: () => number): RuleSubject {
  const kind = random();
  const known = domains[Math.floor(random() * DOMAINS)] ?? '';
  if (kind < 0.4) return subject(known, '');
  if (kind < 0.6) return subject(`${word(5, random)}.${word(3, random)}.${known}`, '');
  return subject(`www.${word(10, random)}.${topLevel(random)}`, '');
}

function addressQuery(random: () => number): RuleSubject {
  return subject('', randomIp(random));
}

function subject(host: string, destinationIp: string): RuleSubject {
  const flow = newFlow({
    network: 'tcp',
    type: 'Socks5',
    sourceIp: '127.0.0.1',
    sourcePort: 40_000,
    host: '',
    destinationPort: 443,
    inboundIp: '127.0.0.1',
    inboundPort: 7890,
    inboundName: 'DEFAULT-MIXED',
  });
  return { ...flow, host: flat(host), destinationIp };
}

/** What is read from a file or a socket is one run of bytes; text built from pieces would be joined in the measurement. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function topLevel(random: () => number): string {
  return TOP_LEVELS[Math.floor(random() * TOP_LEVELS.length)] ?? 'com';
}

function word(length: number, random: () => number): string {
  let text = '';
  for (let index = 0; index < Math.floor(length); index++)
    text += LETTERS[Math.floor(random() * LETTERS.length)];
  return text;
}

function randomIp(random: () => number): string {
  const octets = Array.from({ length: 4 }, () => Math.floor(random() * 256));
  return octets.join('.');
}

/** Xorshift, so that every run measures the same rules. */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function usedMegabytes(): number {
  for (let count = 0; count < 3; count++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const row of await benchRuleDecision())
    console.log(row.name.padEnd(44), medianOf(row).toFixed(1).padStart(10), row.unit);
}
