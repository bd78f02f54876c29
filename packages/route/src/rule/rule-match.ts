import type { RuleType } from './rule-condition.ts';
import type { RuleList } from './rule-list.ts';

/** A rule that matched. `type` and `payload` are the control API's texts. */
export type MatchedRule = {
  /** Place in its list. */
  readonly index: number;
  readonly type: RuleType;
  readonly payload: string;
  /** Outbound or group; of a SUB-RULE that of the rule which matched in the list it leads to. */
  readonly target: string;
  readonly inspect: boolean;
};

/** Where matching goes on after what it asked for was looked up. */
export type MatchResume = {
  /** The list in which it was interrupted, and the place. */
  readonly list: RuleList;
  readonly at: number;
  readonly ipAsked: boolean;
  readonly processAsked: boolean;
  /** Rules that matched and were passed over, because their target cannot carry the flow. */
  readonly refused: readonly number[];
};

/**
 * The outcome of one matching step.
 * - `matched`: route by this rule.
 * - `needs-ip`: resolve the host, put the answer in `destinationIp` (leave it `''` when resolving failed), and call `match`
 *   again with `resume`; that is asked at most once a flow.
 * - `needs-process`: the same with the client's process in `uid`, `process` and `processPath`.
 * - `none`: no rule wants the flow; it goes DIRECT.
 */
export type RuleMatch =
  | {
      readonly kind: 'matched';
      readonly rule: MatchedRule;
      readonly list: RuleList;
      readonly refused: readonly number[];
    }
  | { readonly kind: 'needs-ip' | 'needs-process'; readonly resume: MatchResume }
  | { readonly kind: 'none'; readonly list: RuleList; readonly refused: readonly number[] };
