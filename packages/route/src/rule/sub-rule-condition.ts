import { GatewayError } from '@sluice/base/errors';
import type { Condition } from './condition.ts';
import type { MatchedRule } from './rule-match.ts';
import type { RuleSubject } from './rule-subject.ts';

/** A list that a SUB-RULE leads to. */
export interface SubList {
  find(subject: RuleSubject): MatchedRule | undefined;
  wantsIp(): boolean;
  wantsProcess(): boolean;
}

/** Matches when its own condition does and some rule of the list it leads to does. */
export class SubRuleCondition implements Condition {
  readonly #child: Condition;
  #list: SubList | undefined;
  #found: MatchedRule | undefined;

  constructor(child: Condition) {
    this.#child = child;
  }

  /** The rule of the other list that made the latest `matches` true. */
  get found(): MatchedRule | undefined {
    return this.#found;
  }

  /** Lists can lead to lists that come after them, so they are joined when all are read. */
  connect(list: SubList): void {
    this.#list = list;
  }

  matches(subject: RuleSubject): boolean {
    this.#found = this.#child.matches(subject) ? this.#connected().find(subject) : undefined;
    return this.#found !== undefined;
  }

  wantsIp(): boolean {
    return this.#child.wantsIp() || this.#connected().wantsIp();
  }

  wantsProcess(): boolean {
    return this.#child.wantsProcess() || this.#connected().wantsProcess();
  }

  #connected(): SubList {
    if (this.#list !== undefined) return this.#list;
    throw new GatewayError('internal', 'route.rules', 'a sub-rule was matched before its list was read');
  }
}
