import type { EntrySetSource } from '../rule-set/entry-set.ts';
import type { Condition } from './condition.ts';
import type { RuleSubject } from './rule-subject.ts';

/** Whether a flow is in what a rule provider holds at the moment; in nothing while it is not loaded. */
export class SetCondition implements Condition {
  readonly #source: EntrySetSource;
  readonly #swaps: boolean;
  readonly #resolves: boolean;

  /**
   * @param swaps whether source and destination change places
   * @param resolves whether the set may ask for the destination's IP
   */
  constructor(source: EntrySetSource, swaps: boolean, resolves: boolean) {
    this.#source = source;
    this.#swaps = swaps;
    this.#resolves = resolves;
  }

  matches(subject: RuleSubject): boolean {
    return this.#source.current()?.matches(subject, this.#swaps) ?? false;
  }

  wantsIp(): boolean {
    return this.#resolves && (this.#source.current()?.wantsIp ?? false);
  }

  wantsProcess(): boolean {
    return this.#source.current()?.wantsProcess ?? false;
  }
}
