import type { Resolved } from '../group/node.ts';
import type { MatchedRule } from '../rule/rule-match.ts';

/** The way a flow takes. */
export type Decision = Resolved & {
  /** The outbound or group that was chosen by name. */
  readonly selected: string;
  /** The rule that chose; `undefined` when the mode or the flow's creator did, or no rule matched. */
  readonly rule: MatchedRule | undefined;
  readonly why: 'rule' | 'no-rule' | 'global' | 'direct' | 'special';
};

/** `outermost group[leaf]`, or the leaf alone. */
export function chainText(chains: readonly string[]): string {
  const leaf = chains[0] ?? '';
  return chains.length > 1 ? `${chains[chains.length - 1]}[${leaf}]` : leaf;
}

/** `Type(payload)`, or the type alone. */
export function ruleText(rule: MatchedRule): string {
  return rule.payload === '' ? rule.type : `${rule.type}(${rule.payload})`;
}
