/** What was counted of one rule; times are milliseconds since the Unix epoch, 0 for never. */
export type RuleCounts = {
  readonly hitCount: number;
  readonly hitAtMs: number;
  readonly missCount: number;
  readonly missAtMs: number;
};

type Hits = { count: number; atMs: number };

/** What is not a miss of a rule: evaluations while it was disabled, and the last of them. */
type Ignored = { count: number; passedAtMs: number; missAtMs: number };

/**
 * Hits and misses of every rule of a list. A match is noted at the place where it ended, in constant time: each rule up to
 * there was evaluated, and what the list makes of that is summed up when somebody looks.
 */
export class RuleCounters {
  readonly #size: number;
  /** Place → matches that ended there; the last place is for those that no rule ended. */
  readonly #ends: Float64Array;
  readonly #endedAtMs: Float64Array;
  readonly #hits = new Map<number, Hits>();
  readonly #ignored = new Map<number, Ignored>();

  constructor(size: number) {
    this.#size = size;
    this.#ends = new Float64Array(size + 1);
    this.#endedAtMs = new Float64Array(size + 1);
  }

  /**
   * Notes one match.
   * @param end the rule that was used, -1 when none was
   * @param refused rules before it that matched and were passed over
   */
  record(end: number, refused: readonly number[], nowMs: number): void {
    const place = end < 0 ? this.#size : end;
    this.#ends[place] = (this.#ends[place] ?? 0) + 1;
    this.#endedAtMs[place] = nowMs;
    if (end >= 0) this.#hit(end, nowMs);
    for (const rule of refused) this.#hit(rule, nowMs);
  }

  /** Keeps evaluations from counting for `rules` from now on; `resume` ends that. */
  suspend(rules: readonly number[]): void {
    const { evaluated, passedAtMs } = this.#sums();
    for (const rule of rules) {
      const missAtMs = this.#missAt(rule, passedAtMs[rule] ?? 0);
      const before = this.#ignored.get(rule)?.count ?? 0;
      this.#ignored.set(rule, {
        count: before - (evaluated[rule] ?? 0),
        passedAtMs: Number.POSITIVE_INFINITY,
        missAtMs,
      });
    }
  }

  resume(rules: readonly number[]): void {
    const { evaluated, passedAtMs } = this.#sums();
    for (const rule of rules) {
      const ignored = this.#ignored.get(rule);
      if (ignored === undefined) continue;
      ignored.count += evaluated[rule] ?? 0;
      ignored.passedAtMs = passedAtMs[rule] ?? 0;
    }
  }

  /** The counts of all rules, in order. `isSuspended` says which are suspended. */
  counts(isSuspended: (rule: number) => boolean): RuleCounts[] {
    const { evaluated, passedAtMs } = this.#sums();
    return Array.from({ length: this.#size }, (_, rule) => {
      const hits = this.#hits.get(rule);
      const hitCount = hits?.count ?? 0;
      // What a suspended rule ignores is counted down from the evaluations at its start, which stand for the end still missing.
      const total = evaluated[rule] ?? 0;
      const ignored = this.#ignored.get(rule)?.count ?? 0;
      const evaluations = isSuspended(rule) ? 0 - ignored : total - ignored;
      const missCount = evaluations - hitCount;
      const missAtMs = missCount === 0 ? 0 : this.#missAt(rule, passedAtMs[rule] ?? 0);
      return { hitCount, hitAtMs: hits?.atMs ?? 0, missCount, missAtMs };
    });
  }

  /** When a rule was last passed, unless that was while it was disabled. */
  #missAt(rule: number, passedAtMs: number): number {
    const ignored = this.#ignored.get(rule);
    return ignored === undefined || passedAtMs > ignored.passedAtMs ? passedAtMs : ignored.missAtMs;
  }

  #hit(rule: number, nowMs: number): void {
    const hits = this.#hits.get(rule);
    if (hits === undefined) this.#hits.set(rule, { count: 1, atMs: nowMs });
    else {
      hits.count++;
      hits.atMs = nowMs;
    }
  }

  /** Of every rule: matches that got to it, and when one last went past it. */
  #sums(): { readonly evaluated: Float64Array; readonly passedAtMs: Float64Array } {
    const evaluated = new Float64Array(this.#size);
    const passedAtMs = new Float64Array(this.#size);
    let count = this.#ends[this.#size] ?? 0;
    let latestMs = this.#endedAtMs[this.#size] ?? 0;
    for (let rule = this.#size - 1; rule >= 0; rule--) {
      count += this.#ends[rule] ?? 0;
      evaluated[rule] = count;
      passedAtMs[rule] = latestMs;
      latestMs = Math.max(latestMs, this.#endedAtMs[rule] ?? 0);
    }
    return { evaluated, passedAtMs };
  }
}
