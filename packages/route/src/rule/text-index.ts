import { NO_RULE } from '@sluice/base/domain-table';

/** Text → rule numbers, for rules that compare a whole text. */
export class TextIndex {
  readonly #rules = new Map<string, number[]>();

  get size(): number {
    return this.#rules.size;
  }

  /** Rules must come in rising order. */
  add(text: string, rule: number): void {
    const rules = this.#rules.get(text);
    if (rules === undefined) this.#rules.set(text, [rule]);
    else rules.push(rule);
  }

  /** The smallest rule number, not below `from`, of a text, or NO_RULE. */
  lookup(text: string, from = 0): number {
    return this.#rules.get(text)?.find((rule) => rule >= from) ?? NO_RULE;
  }
}
