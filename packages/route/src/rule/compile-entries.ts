import { errorText } from '@sluice/base/errors';
import type { ConditionIndex } from './condition-index.ts';
import { ConditionIndexBuilder } from './condition-index-builder.ts';
import { parseCondition } from './parse-condition.ts';
import { OPEN_PAYLOAD_KEYWORDS } from './parse-logic.ts';
import type { RuleCondition } from './rule-condition.ts';
import { ruleError } from './rule-error.ts';
import type { RuleResources } from './rule-resources.ts';
import type { RuleSubject } from './rule-subject.ts';

/** The compiled entries of a classical rule set. */
export type CompiledEntries = {
  /** Entries that were taken. */
  readonly count: number;
  readonly wantsIp: boolean;
  readonly wantsProcess: boolean;
  /** Whether any entry holds for a flow; `source` swaps source and destination. */
  matches(subject: RuleSubject, source: boolean): boolean;
  /** Whether an entry on names holds for `host`, which is lower case. */
  hasDomain(host: string): boolean;
  /** Whether an entry on destination addresses holds for an IP literal. */
  hasIp(ip: string): boolean;
};

/** Keywords that would lead a rule set into other rules. */
const REFUSED_KEYWORDS: ReadonlySet<string> = new Set(['MATCH', 'RULE-SET', 'SUB-RULE']);

const NO_OPTIONS: readonly string[] = [];

/** Reads `TYPE,payload[,option…]`, a rule without a target. @throws GatewayError `route.rule` */
export function parseClassicalEntry(line: string): RuleCondition {
  const comma = line.indexOf(',');
  const keyword = comma < 0 ? line.trim() : line.slice(0, comma).trim();
  if (REFUSED_KEYWORDS.has(keyword)) throw ruleError('unsupported rule type on rule-set');
  const second = comma < 0 ? -1 : line.indexOf(',', comma + 1);
  // Nearly all entries are a type and a payload.
  if (second < 0) return parseCondition(keyword, comma < 0 ? '' : line.slice(comma + 1).trim(), NO_OPTIONS);
  const [payload = '', ...others] = line
    .slice(comma + 1)
    .split(',')
    .map((piece) => piece.trim());
  if (!OPEN_PAYLOAD_KEYWORDS.has(keyword)) return parseCondition(keyword, payload, others);
  return parseCondition(keyword, [payload, ...others].join(','), NO_OPTIONS);
}

/**
 * Compiles the entries of a classical rule set like a rule list.
 * @param warn told of every entry that is left out, and why
 */
export function compileEntries(
  lines: readonly string[],
  resources: RuleResources,
  warn: (message: string) => void,
): CompiledEntries {
  const builder = new ConditionIndexBuilder(lines.length, resources);
  let count = 0;
  for (const line of lines) {
    try {
      builder.add(parseClassicalEntry(line), count);
      count++;
    } catch (error) {
      warn(`parse classical rule [${line}] error: ${errorText(error)}`);
    }
  }
  const index = builder.build();
  return {
    count,
    wantsIp: index.wantsIp(),
    wantsProcess: index.wantsProcess(),
    matches: (subject, source) => (source ? matchesSwapped(index, subject) : index.firstMatch(subject) >= 0),
    hasDomain: (host) => index.hasDomain(host),
    hasIp: (ip) => index.hasIp(ip),
  };
}

/** Only what is known of addresses changes sides, and what was looked up on the way goes back to its own. */
function matchesSwapped(index: ConditionIndex, subject: RuleSubject): boolean {
  const swapped: RuleSubject = {
    ...subject,
    sourceIp: subject.destinationIp,
    sourcePort: subject.destinationPort,
    sourceGeoIp: subject.destinationGeoIp,
    sourceIpAsn: subject.destinationIpAsn,
    destinationIp: subject.sourceIp,
    destinationPort: subject.sourcePort,
    destinationGeoIp: subject.sourceGeoIp,
    destinationIpAsn: subject.sourceIpAsn,
  };
  const matches = index.firstMatch(swapped) >= 0;
  subject.sourceGeoIp = swapped.destinationGeoIp;
  subject.sourceIpAsn = swapped.destinationIpAsn;
  subject.destinationGeoIp = swapped.sourceGeoIp;
  subject.destinationIpAsn = swapped.sourceIpAsn;
  return matches;
}
