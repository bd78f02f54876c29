import type { Outbound } from '../outbound/outbound.ts';
import type { MatchedRule } from '../rule/rule-set.ts';

/** The way a flow takes. */
export type Decision = {
  /** The outbound or group that was chosen by name. */
  readonly selected: string;
  /** The outbound at the end of the chain. */
  readonly leaf: Outbound;
  /** Leaf first, outermost group last. */
  readonly chains: readonly string[];
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
