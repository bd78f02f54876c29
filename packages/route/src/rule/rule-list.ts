import { NO_RULE } from '@sluice/base/domain-table';
import type { FindProcessMode } from '../port.ts';
import { type Condition, ruleHostOf } from './condition.ts';
import { type ConditionIndex, smaller } from './condition-index.ts';
import { firstAtLeast, firstPlace } from './port-index.ts';
import { RULE_TYPES, type RuleType } from './rule-condition.ts';
import type { MatchedRule, MatchResume, RuleMatch } from './rule-match.ts';
import type { RuleSubject } from './rule-subject.ts';
import { SubRuleCondition } from './sub-rule-condition.ts';

/** A rule list in columns: one entry per rule, in order. */
export type RuleColumns = {
  readonly size: number;
  /** Places in RULE_TYPES. */
  readonly types: Uint8Array;
  /** Payloads by rule number, of rules whose payload the index cannot tell. */
  readonly payloads: ReadonlyMap<number, string>;
  /** Places in `targetNames`. */
  readonly targets: Uint32Array;
  readonly targetNames: readonly string[];
  /** 1 for rules that ask for inspection. */
  readonly inspect: Uint8Array;
  /** Entries of geo rules, by rule number. */
  readonly sizes: ReadonlyMap<number, () => number>;
};

/** Whether a target can carry the flow; a refused rule is passed over and matching goes on. */
export type AcceptTarget = (target: string) => boolean;

const NONE_REFUSED: readonly number[] = [];
const NONE_DISABLED: ReadonlySet<number> = new Set();

/** One compiled list, `rules` or one of `sub-rules`. Matching has no effects but what geo rules remember in the subject. */
export class RuleList {
  readonly #columns: RuleColumns;
  readonly #index: ConditionIndex;
  readonly #none: RuleMatch;

  constructor(columns: RuleColumns, index: ConditionIndex) {
    this.#columns = columns;
    this.#index = index;
    this.#none = { kind: 'none', list: this, refused: NONE_REFUSED };
  }

  get size(): number {
    return this.#columns.size;
  }

  /**
   * One matching step; see `RuleMatch`.
   * @param resume what the `needs-…` result had that this call follows, absent on the first call
   * @param disabled rules that are as if absent
   */
  match(
    subject: RuleSubject,
    accepts: AcceptTarget,
    findProcess: FindProcessMode,
    resume?: MatchResume,
    disabled: ReadonlySet<number> = NONE_DISABLED,
  ): RuleMatch {
    const asksIp = resume?.ipAsked !== true && subject.destinationIp === '' && subject.host !== '';
    const asksProcess =
      findProcess !== 'off' && resume?.processAsked !== true && subject.type !== 'Inner' && this.size > 0;
    let from = resume?.at ?? 0;
    let refused = resume?.refused ?? NONE_REFUSED;
    if (asksProcess && findProcess === 'always') return this.#ask('needs-process', from, resume, refused);
    const host = ruleHostOf(subject);
    const index = this.#index;
    const ipAt = asksIp ? firstEnabled(index.wantIp, from, disabled) : NO_RULE;
    const processAt = asksProcess ? firstEnabled(index.wantProcess, from, disabled) : NO_RULE;
    const askAt = smaller(ipAt, processAt);
    const { others, otherRules } = index;
    for (;;) {
      let best = index.lookup(subject, host, from);
      // Where something happens first: a rule matches, or has to know more.
      const limit = smaller(askAt, best);
      for (let place = firstPlace(otherRules, from); place < others.length; place++) {
        const rule = otherRules[place] as number;
        if (limit !== NO_RULE && rule > limit) break;
        if (disabled.has(rule)) continue;
        const other = others[place] as Condition;
        if (asksIp && other.wantsIp()) return this.#ask('needs-ip', rule, resume, refused);
        if (asksProcess && other.wantsProcess()) return this.#ask('needs-process', rule, resume, refused);
        if (other.matches(subject)) {
          best = rule;
          break;
        }
      }
      if (askAt !== NO_RULE && (best === NO_RULE || best >= askAt)) {
        return this.#ask(askAt === ipAt ? 'needs-ip' : 'needs-process', askAt, resume, refused);
      }
      if (best === NO_RULE) {
        return refused.length === 0 ? this.#none : { kind: 'none', list: this, refused };
      }
      if (!disabled.has(best)) {
        const rule = this.rule(best);
        if (accepts(rule.target)) return { kind: 'matched', rule, list: this, refused };
        refused = [...refused, best];
      }
      from = best + 1;
    }
  }

  /** The first matching rule, taking only what is known already; a rule that leads to another list stands for what matches there. */
  find(subject: RuleSubject): MatchedRule | undefined {
    const best = this.#index.firstMatch(subject);
    return best === NO_RULE ? undefined : this.rule(best);
  }

  wantsIp(): boolean {
    return this.#index.wantsIp();
  }

  wantsProcess(): boolean {
    return this.#index.wantsProcess();
  }

  /** The rule at a place; of a SUB-RULE that has just matched, with the target it found. */
  rule(index: number): MatchedRule {
    const inner = this.#isSubRule(index) ? this.otherAt(index) : undefined;
    return new RuleInUse(this, index, inner instanceof SubRuleCondition ? inner.found : undefined);
  }

  typeOf(index: number): RuleType {
    return RULE_TYPES[this.#columns.types[index] as number] as RuleType;
  }

  payloadOf(index: number): string {
    return this.#columns.payloads.get(index) ?? this.#index.payloadOf(index);
  }

  /** Outbound, group or, for a SUB-RULE, list. */
  targetOf(index: number): string {
    return this.#columns.targetNames[this.#columns.targets[index] as number] as string;
  }

  inspectOf(index: number): boolean {
    return this.#columns.inspect[index] === 1;
  }

  /** Entries of a geo rule, -1 for other types. */
  sizeOf(index: number): number {
    return this.#columns.sizes.get(index)?.() ?? -1;
  }

  /** The condition that is asked by itself for a rule, `undefined` for a rule that is in an index. */
  otherAt(index: number): Condition | undefined {
    const place = firstPlace(this.#index.otherRules, index);
    return this.#index.otherRules[place] === index ? this.#index.others[place] : undefined;
  }

  /** Places of the rules that are asked by themselves, rising. */
  get otherRules(): Int32Array {
    return this.#index.otherRules;
  }

  #isSubRule(index: number): boolean {
    return this.typeOf(index) === 'SubRules';
  }

  #ask(
    kind: 'needs-ip' | 'needs-process',
    at: number,
    resume: MatchResume | undefined,
    refused: readonly number[],
  ): RuleMatch {
    const ipAsked = kind === 'needs-ip' || resume?.ipAsked === true;
    const processAsked = kind === 'needs-process' || resume?.processAsked === true;
    return { kind, resume: { list: this, at, ipAsked, processAsked, refused } };
  }
}

function firstEnabled(rising: Int32Array, from: number, disabled: ReadonlySet<number>): number {
  let index = firstAtLeast(rising, from);
  while (index !== NO_RULE && disabled.has(index)) index = firstAtLeast(rising, index + 1);
  return index;
}

/** A row of the columns; what it says is read when asked for, since most decisions show none of it. */
class RuleInUse implements MatchedRule {
  readonly #list: RuleList;
  readonly #inner: MatchedRule | undefined;
  readonly index: number;

  constructor(list: RuleList, index: number, inner: MatchedRule | undefined) {
    this.#list = list;
    this.index = index;
    this.#inner = inner;
  }

  get type(): RuleType {
    return this.#list.typeOf(this.index);
  }

  get payload(): string {
    return this.#list.payloadOf(this.index);
  }

  get target(): string {
    return this.#inner?.target ?? this.#list.targetOf(this.index);
  }

  get inspect(): boolean {
    return this.#inner?.inspect ?? this.#list.inspectOf(this.index);
  }
}
