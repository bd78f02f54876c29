import type { RuleList } from './rule-list.ts';
import type { MatchedRule, RuleMatch } from './rule-match.ts';

/** What one rule, or a run of rules, said to a flow. */
export type RuleTrace = {
  /** First and last place in the list. */
  readonly first: number;
  readonly last: number;
  readonly outcome: 'passed' | 'refused' | 'disabled' | 'matched' | 'needs-ip' | 'needs-process';
  /** One sentence. */
  readonly text: string;
};

const MAX_STEPS = 10_000;

/**
 * Tells how one matching step came to its outcome, in list order. Rules that are told apart only by an index are summed up as
 * runs; what the flow was refused by, or asked for, and every rule with a condition of its own is told one by one.
 * @param from where the step started: 0, or `resume.at` of the step before
 */
export function traceMatch(
  match: RuleMatch,
  from: number,
  isDisabled: (index: number) => boolean,
): RuleTrace[] {
  const list = 'list' in match ? match.list : match.resume.list;
  const end = endOf(match, list);
  const refused = new Set('refused' in match ? match.refused : match.resume.refused);
  const told = [...refused, ...list.otherRules].filter((index) => index >= from && index < end);
  const steps: RuleTrace[] = [];
  let next = from;
  for (const index of [...new Set(told)].sort((a, b) => a - b)) {
    if (steps.length >= MAX_STEPS) break;
    if (index > next) steps.push(passedRun(list, next, index - 1));
    steps.push(stepOf(list, index, refused.has(index), isDisabled(index)));
    next = index + 1;
  }
  if (next < end) steps.push(passedRun(list, next, end - 1));
  const last = lastStep(match, list);
  if (last !== undefined) steps.push(last);
  return steps;
}

function endOf(match: RuleMatch, list: RuleList): number {
  if (match.kind === 'matched') return match.rule.index;
  return match.kind === 'none' ? list.size : match.resume.at;
}

function stepOf(list: RuleList, index: number, isRefused: boolean, isDisabled: boolean): RuleTrace {
  const name = nameOf(list, index);
  const place = { first: index, last: index };
  if (isRefused) {
    return { ...place, outcome: 'refused', text: `${name} matches, but its target cannot carry the flow` };
  }
  if (isDisabled) return { ...place, outcome: 'disabled', text: `${name} is disabled` };
  return { ...place, outcome: 'passed', text: `${name} does not match` };
}

function passedRun(list: RuleList, first: number, last: number): RuleTrace {
  const text =
    first === last ? `${nameOf(list, first)} does not match` : `rules ${first} to ${last} do not match`;
  return { first, last, outcome: 'passed', text };
}

function lastStep(match: RuleMatch, list: RuleList): RuleTrace | undefined {
  switch (match.kind) {
    case 'matched': {
      const { index } = match.rule;
      return { first: index, last: index, outcome: 'matched', text: matchedText(match.rule) };
    }
    case 'needs-ip':
    case 'needs-process': {
      const { at } = match.resume;
      const what = match.kind === 'needs-ip' ? "the destination's IP" : "the client's process";
      return { first: at, last: at, outcome: match.kind, text: `${nameOf(list, at)} has to know ${what}` };
    }
    case 'none':
      return undefined;
  }
}

function matchedText(rule: MatchedRule): string {
  return `rule ${rule.index} ${ruleName(rule.type, rule.payload)} matches: ${rule.target}`;
}

function nameOf(list: RuleList, index: number): string {
  return `rule ${index} ${ruleName(list.typeOf(index), list.payloadOf(index))}`;
}

function ruleName(type: string, payload: string): string {
  return payload === '' ? type : `${type}(${payload})`;
}
