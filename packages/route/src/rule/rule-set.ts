import type { FindProcessMode, RuleView } from '../port.ts';
import { RuleCounters } from './rule-counters.ts';
import type { AcceptTarget, RuleList } from './rule-list.ts';
import type { MatchResume, RuleMatch } from './rule-match.ts';
import type { RuleSubject } from './rule-subject.ts';

/** The compiled `rules` and `sub-rules` of a configuration, with what was counted and switched off of `rules`. */
export class RuleSet {
  readonly #main: RuleList;
  readonly #lists: ReadonlyMap<string, RuleList>;
  readonly #counters: RuleCounters;
  readonly #disabled = new Set<number>();

  constructor(main: RuleList, lists: ReadonlyMap<string, RuleList>) {
    this.#main = main;
    this.#lists = lists;
    this.#counters = new RuleCounters(main.size);
  }

  get size(): number {
    return this.#main.size;
  }

  /** `rules` itself. */
  get main(): RuleList {
    return this.#main;
  }

  /**
   * One matching step; see `RuleMatch`. The list is `rules`, or the one that the subject names in `specialRules`. Nothing is
   * counted; call `recordMatch` for what was really used.
   * @param accepts whether a rule's target can carry the flow; a refused rule is passed over and matching goes on
   * @param findProcess when the client's process is looked up: `strict` is only for rules that need it
   * @param resume of the `needs-…` result that this call follows, absent on the first call
   */
  match(
    subject: RuleSubject,
    accepts: AcceptTarget,
    findProcess: FindProcessMode = 'off',
    resume?: MatchResume,
  ): RuleMatch {
    const list = this.#listFor(subject);
    if (list !== this.#main) return list.match(subject, accepts, findProcess, resume);
    return list.match(subject, accepts, findProcess, resume, this.#disabled);
  }

  /** Where to start here with a flow of which another rule set has asked things already. */
  restart(subject: RuleSubject, { ipAsked, processAsked }: MatchResume): MatchResume {
    return { list: this.#listFor(subject), at: 0, ipAsked, processAsked, refused: [] };
  }

  /** Whether a list belongs to this rule set. */
  has(list: RuleList): boolean {
    if (list === this.#main) return true;
    for (const each of this.#lists.values()) if (each === list) return true;
    return false;
  }

  #listFor(subject: RuleSubject): RuleList {
    const name = subject.specialRules;
    return (name === '' ? undefined : this.#lists.get(name)) ?? this.#main;
  }

  /** Counts the outcome of a match of `rules`; others are not counted. `nowMs` is the wall clock. */
  recordMatch(match: RuleMatch, nowMs: number): void {
    if (match.kind === 'matched' && match.list === this.#main) {
      this.#counters.record(match.rule.index, match.refused, nowMs);
    } else if (match.kind === 'none' && match.list === this.#main) {
      this.#counters.record(-1, match.refused, nowMs);
    }
  }

  isDisabled(index: number): boolean {
    return this.#disabled.has(index);
  }

  /** Switches rules off (true) and on (false); a disabled rule is as if absent. Unknown indices are ignored. */
  setDisabled(flags: ReadonlyMap<number, boolean>): void {
    const changed = [...flags].filter(([index, disabled]) => {
      return (
        Number.isInteger(index) && index >= 0 && index < this.size && this.#disabled.has(index) !== disabled
      );
    });
    const off = changed.flatMap(([index, disabled]) => (disabled ? [index] : []));
    const on = changed.flatMap(([index, disabled]) => (disabled ? [] : [index]));
    if (off.length > 0) this.#counters.suspend(off);
    if (on.length > 0) this.#counters.resume(on);
    for (const index of off) this.#disabled.add(index);
    for (const index of on) this.#disabled.delete(index);
  }

  /** `rules` as the control API shows it. */
  views(): RuleView[] {
    const list = this.#main;
    return this.#counters
      .counts((rule) => this.#disabled.has(rule))
      .map((counts, index) => ({
        index,
        type: list.typeOf(index),
        payload: list.payloadOf(index),
        proxy: list.targetOf(index),
        size: list.sizeOf(index),
        inspect: list.inspectOf(index),
        disabled: this.#disabled.has(index),
        ...counts,
      }));
  }
}
