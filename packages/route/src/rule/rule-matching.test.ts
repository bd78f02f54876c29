import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FindProcessMode } from '../port.ts';
import { compileCondition } from './compile-condition.ts';
import { compileEntries } from './compile-entries.ts';
import { compileRules } from './compile-rules.ts';
import { type ParsedRule, parseRule } from './parse-rule.ts';
import type { RuleMatch } from './rule-match.ts';
import type { RuleSet } from './rule-set.ts';
import type { RuleSubject } from './rule-subject.ts';
import { testFlow, testResources } from './testing/rule-resources.ts';

const CONDITIONS = [
  ...[
    'DOMAIN,a.test',
    'DOMAIN-SUFFIX,a.test',
    'DOMAIN-SUFFIX,test',
    'DOMAIN-KEYWORD,a.t',
    'NETWORK,udp',
    'NETWORK,tcp',
  ],
  ...['IP-CIDR,10.0.0.0/8', 'IP-CIDR,10.0.0.0/16', 'IP-CIDR6,2001:db8::/32', 'SRC-IP-CIDR,192.168.0.0/16'],
  ...['SRC-PORT,5000', 'DST-PORT,443', 'DST-PORT,1-500', 'IP-CIDR,0.0.0.0/0', 'IN-PORT,7890', 'DSCP,4'],
  ...[
    'DOMAIN-REGEX,^[a-c]\\.',
    'DOMAIN-WILDCARD,?.a.*',
    'GEOSITE,cn',
    'GEOIP,cn',
    'GEOIP,lan',
    'SRC-GEOIP,lan',
  ],
  ...[
    'IP-ASN,4134',
    'IP-SUFFIX,0.0.0.1/8',
    'PROCESS-NAME,curl',
    'PROCESS-PATH,/bin/curl',
    'PROCESS-NAME-REGEX,^cu',
  ],
  ...[
    'UID,1000',
    'IN-TYPE,SOCKS/HTTP',
    'IN-NAME,other',
    'IN-USER,u',
    'RULE-SET,ips',
    'RULE-SET,names',
    'RULE-SET,none',
  ],
];
const LOGIC = [
  ...[
    'AND,((DOMAIN-SUFFIX,test),(NETWORK,tcp))',
    'OR,((GEOIP,cn),(DOMAIN,a.test))',
    'NOT,((IP-CIDR,10.0.0.0/8))',
  ],
  ...['AND,((OR,((PROCESS-NAME,curl),(UID,7))),(NETWORK,udp))', 'OR,((RULE-SET,ips),(DST-PORT,9999))'],
];
const SUB_RULES = ['SUB-RULE,(NETWORK,udp),inner', 'SUB-RULE,(OR,((DOMAIN-SUFFIX,test),(GEOIP,cn))),inner'];
const INNER = ['DOMAIN,a.test,A', 'IP-CIDR,10.0.0.0/8,B', 'SUB-RULE,(DST-PORT,9999),deep', 'DOMAIN,c.test,C'];

const resources = testResources(
  new Map([
    [
      'ips',
      { behavior: 'classical', ...compileEntries(['IP-CIDR,10.0.0.0/16'], testResources(), assert.fail) },
    ],
    ['names', { behavior: 'classical', ...compileEntries(['DOMAIN,c.test'], testResources(), assert.fail) }],
    ['none', undefined],
  ]),
);
const targets = { isOutbound: () => true, isList: () => true };
const compile = (rules: readonly string[], deep: readonly string[] = []): RuleSet =>
  compileRules({ rules, subRules: { inner: INNER, deep } }, () => true, resources);

type Answers = { readonly ip: string; readonly process: string };
type Told = { readonly asked: string[]; readonly result: string };

/** Matches to the end, giving what is asked for. */
function matchAll(
  rules: RuleSet,
  start: RuleSubject,
  answers: Answers,
  accepts: (target: string) => boolean,
  mode: FindProcessMode,
): { readonly match: RuleMatch; readonly told: Told } {
  const subject = { ...start };
  const asked: string[] = [];
  let match = rules.match(subject, accepts, mode);
  while (match.kind === 'needs-ip' || match.kind === 'needs-process') {
    asked.push(`${match.kind} at ${match.resume.at}`);
    assert.ok(asked.length <= 2, 'each is asked at most once');
    if (match.kind === 'needs-ip') subject.destinationIp = answers.ip;
    else subject.process = answers.process;
    match = rules.match(subject, accepts, mode, match.resume);
  }
  return { match, told: { asked, result: resultText(match) } };
}

function resultText(match: RuleMatch): string {
  return match.kind === 'matched' ? `${match.rule.index} ${match.rule.type} ${match.rule.target}` : 'none';
}

type Counts = { hits: number; misses: number };

/** The matching loop as the control API's documentation tells it, on conditions that are asked one by one. */
function walk(
  rules: readonly ParsedRule[],
  start: RuleSubject,
  answers: Answers,
  accepts: (target: string) => boolean,
  mode: FindProcessMode,
  disabled: ReadonlySet<number>,
  counts: Counts[],
  deep: readonly ParsedRule[],
): Told {
  const lists = { inner: INNER.map((line) => parseRule(line, targets)), deep };
  const subject = { ...start };
  const asked: string[] = [];
  let ipDone = subject.destinationIp !== '' || subject.host === '';
  let processDone = mode === 'off' || subject.type === 'Inner';
  if (mode === 'always' && !processDone && rules.length > 0) {
    asked.push('needs-process at 0');
    subject.process = answers.process;
    processDone = true;
  }
  for (const [index, rule] of rules.entries()) {
    if (disabled.has(index)) continue;
    if (!ipDone && wants(rule, lists, 'wantsIp')) {
      asked.push(`needs-ip at ${index}`);
      subject.destinationIp = answers.ip;
      ipDone = true;
    }
    if (!processDone && wants(rule, lists, 'wantsProcess')) {
      asked.push(`needs-process at ${index}`);
      subject.process = answers.process;
      processDone = true;
    }
    const target = targetOf(rule, lists, subject);
    const counted = counts[index];
    assert.ok(counted !== undefined);
    if (target === undefined) counted.misses++;
    else {
      counted.hits++;
      if (accepts(target)) return { asked, result: `${index} ${rule.condition.type} ${target}` };
    }
  }
  return { asked, result: 'none' };
}

type Lists = { readonly inner: readonly ParsedRule[]; readonly deep: readonly ParsedRule[] };

function listOf(name: string, lists: Lists): readonly ParsedRule[] {
  return name === 'inner' ? lists.inner : lists.deep;
}

function wants({ condition, target }: ParsedRule, lists: Lists, what: 'wantsIp' | 'wantsProcess'): boolean {
  if (condition.type !== 'SubRules') return compileCondition(condition, resources)[what]();
  if (compileCondition(condition.child, resources)[what]()) return true;
  return listOf(target, lists).some((rule) => wants(rule, lists, what));
}

function targetOf({ condition, target }: ParsedRule, lists: Lists, subject: RuleSubject): string | undefined {
  if (condition.type !== 'SubRules') {
    return compileCondition(condition, resources).matches(subject) ? target : undefined;
  }
  if (!compileCondition(condition.child, resources).matches(subject)) return undefined;
  for (const rule of listOf(target, lists)) {
    const found = targetOf(rule, lists, subject);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('matching', () => {
  const option = fc.constantFrom('', '', ',no-resolve', ',src');
  const simple = fc
    .tuple(fc.constantFrom(...CONDITIONS), fc.constantFrom('A', 'B', 'C'), option)
    .map(([condition, target, options]) =>
      condition.includes('REGEX') ? `${condition},${target}` : `${condition},${target}${options}`,
    );
  const logic = fc
    .tuple(fc.constantFrom(...LOGIC), fc.constantFrom('A', 'B', 'C'))
    .map(([condition, target]) => `${condition},${target}`);
  const line = fc.oneof(
    { weight: 6, arbitrary: simple },
    { weight: 2, arbitrary: logic },
    { weight: 1, arbitrary: fc.constantFrom(...SUB_RULES, 'MATCH,A') },
  );
  const ip = fc.constantFrom('', '10.0.0.1', '10.1.0.1', '2001:db8::1', '192.168.1.2', '1.2.3.4');
  const subject = fc
    .record({
      network: fc.constantFrom('tcp' as const, 'udp' as const),
      type: fc.constantFrom('HTTP' as const, 'Inner' as const, 'Tunnel' as const),
      sourceIp: fc.constantFrom('192.168.1.2', '1.2.0.9'),
      sourcePort: fc.constantFrom(5000, 6000),
      host: fc.constantFrom('', 'a.test', 'b.a.test', 'c.test', 'test', 'www.cn.example'),
      sniffHost: fc.constantFrom('', '', 'c.test'),
      destinationIp: ip,
      destinationPort: fc.constantFrom(443, 9999),
      inboundPort: fc.constantFrom(7890, 7891),
      dscp: fc.constantFrom(0, 4),
      uid: fc.constantFrom(0, 1000),
      inboundUser: fc.constantFrom('', 'u'),
      processPath: fc.constantFrom('', '/bin/Curl'),
    })
    .map(testFlow);

  it('decides, asks and counts as a walk of the list does', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.array(simple, { maxLength: 3 }),
        fc.array(fc.tuple(subject, ip, fc.constantFrom('', 'curl')), { minLength: 1, maxLength: 4 }),
        fc.subarray(['A', 'B', 'C']),
        fc.constantFrom<FindProcessMode>('off', 'strict', 'always'),
        fc.array(fc.array(fc.nat(11), { maxLength: 3 }), { minLength: 4, maxLength: 4 }),
        (lines, deepLines, flows, refused, mode, switchedOff) => {
          const rules = compile(lines, deepLines);
          const parsed = lines.map((each) => parseRule(each, targets));
          const deep = deepLines.map((each) => parseRule(each, targets));
          const accepts = (target: string): boolean => !refused.includes(target);
          const counts = lines.map(() => ({ hits: 0, misses: 0 }));
          for (const [round, [flow, resolved, process]] of flows.entries()) {
            const disabled = new Set(switchedOff[round]);
            rules.setDisabled(new Map(lines.map((_, index) => [index, disabled.has(index)])));
            const answers = { ip: resolved, process };
            const { match, told } = matchAll(rules, flow, answers, accepts, mode);
            rules.recordMatch(match, round + 1);
            assert.deepEqual(told, walk(parsed, flow, answers, accepts, mode, disabled, counts, deep));
          }
          assert.deepEqual(
            rules.views().map(({ hitCount, missCount }) => ({ hits: hitCount, misses: missCount })),
            counts,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
