import type { Clock, Timer } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { FindProcessMode, TemporaryRuleView } from '../port.ts';
import type { RefuseLine } from './compile-rules.ts';
import { ruleError } from './rule-error.ts';
import type { AcceptTarget } from './rule-list.ts';
import type { MatchResume, RuleMatch } from './rule-match.ts';
import type { RuleSet } from './rule-set.ts';
import type { RuleSubject } from './rule-subject.ts';

/** Compiles lines against the outbounds, sub-rules and providers of the present configuration. */
export type CompileLines = (lines: readonly string[], refuse: RefuseLine) => RuleSet;

const MAX_RULES = 1000;
const MAX_LINE_LENGTH = 64 * 1024;
const MAX_TTL_SECONDS = 366 * 24 * 3600;

type Entry = {
  readonly id: string;
  readonly line: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  hitCount: number;
  hitAtMs: number;
};

/** Rules that are tried before all others until they expire; newer ones come behind older ones. */
export class TemporaryRules {
  readonly #clock: Clock;
  #compile: CompileLines;
  #entries: Entry[] = [];
  /** The entries compiled, and which rule is which; replaced whole, so that a match under way keeps its own. */
  #rules: RuleSet;
  #byRule: readonly Entry[] = [];
  #nextId = 1;
  #timer: Timer | undefined;

  constructor(clock: Clock, compile: CompileLines) {
    this.#clock = clock;
    this.#compile = compile;
    this.#rules = this.#compileAll();
  }

  /** Compiles everything against another configuration; rules that are none in it are dropped and returned. */
  reload(compile: CompileLines): readonly TemporaryRuleView[] {
    this.#compile = compile;
    const refused = this.#entries.filter(({ line }) => this.#problemOf(line) !== undefined);
    this.#entries = this.#entries.filter((entry) => !refused.includes(entry));
    this.#rules = this.#compileAll();
    this.#rearm();
    return refused;
  }

  /** @throws GatewayError `route.rule` (invalid) with the rule parser's text; `route.rule-limit` (limit) */
  add(line: string, ttlSeconds: number): TemporaryRuleView {
    if (!(ttlSeconds > 0 && ttlSeconds <= MAX_TTL_SECONDS)) {
      throw ruleError(`a temporary rule lasts more than 0 and at most ${MAX_TTL_SECONDS} seconds`);
    }
    if (line.length > MAX_LINE_LENGTH) throw ruleError(`rule longer than ${MAX_LINE_LENGTH} characters`);
    if (this.#entries.length >= MAX_RULES) {
      throw new GatewayError('limit', 'route.rule-limit', `there are ${MAX_RULES} temporary rules already`);
    }
    const problem = this.#problemOf(line);
    if (problem !== undefined) throw ruleError(errorText(problem), problem);
    const nowMs = this.#clock.now();
    const entry: Entry = {
      id: String(this.#nextId++),
      line,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + Math.round(ttlSeconds * 1000),
      hitCount: 0,
      hitAtMs: 0,
    };
    this.#entries = [...this.#entries, entry];
    this.#rules = this.#compileAll();
    this.#rearm();
    return { ...entry };
  }

  /** False when the id is unknown. */
  remove(id: string): boolean {
    const rest = this.#entries.filter((entry) => entry.id !== id);
    if (rest.length === this.#entries.length) return false;
    this.#entries = rest;
    this.#rules = this.#compileAll();
    this.#rearm();
    return true;
  }

  views(): readonly TemporaryRuleView[] {
    return this.#entries.map((entry) => ({ ...entry }));
  }

  /** The compiled rules themselves, to explain a match of them; empty when there are none. */
  get rules(): RuleSet {
    return this.#rules;
  }

  /** One matching step of these rules and then of `rules`, as `RuleSet.match`. */
  match(
    rules: RuleSet,
    subject: RuleSubject,
    accepts: AcceptTarget,
    findProcess: FindProcessMode = 'off',
    resume?: MatchResume,
  ): RuleMatch {
    if (this.#rules.size === 0 && resume === undefined) return rules.match(subject, accepts, findProcess);
    if (resume !== undefined && rules.has(resume.list)) {
      return rules.match(subject, accepts, findProcess, resume);
    }
    // A match that was interrupted goes on in the list it began with, even when that has been replaced meanwhile.
    const list = resume?.list ?? this.#rules.main;
    const match = list.match(subject, accepts, findProcess, resume);
    if (match.kind !== 'none') return match;
    if (resume === undefined) return rules.match(subject, accepts, findProcess);
    return rules.match(subject, accepts, findProcess, rules.restart(subject, resume));
  }

  /** Counts the outcome of a `match` here or in `rules`. `nowMs` is the wall clock. */
  recordMatch(rules: RuleSet, match: RuleMatch, nowMs: number): void {
    if (match.kind === 'matched' && match.list === this.#rules.main) {
      const entry = this.#byRule[match.rule.index];
      if (entry === undefined) return;
      entry.hitCount++;
      entry.hitAtMs = nowMs;
    } else {
      rules.recordMatch(match, nowMs);
    }
  }

  /** Forgets all rules and stops waiting for their end. */
  close(): void {
    this.#entries = [];
    this.#rules = this.#compileAll();
    this.#rearm();
  }

  #problemOf(line: string): unknown {
    let problem: unknown;
    this.#compile([line], (_path, message, error) => {
      problem = error ?? new GatewayError('invalid', 'route.rule', message);
    });
    return problem;
  }

  #compileAll(): RuleSet {
    this.#byRule = this.#entries;
    return this.#compile(
      this.#entries.map(({ line }) => line),
      (_path, message, cause) => {
        throw new GatewayError('internal', 'route.rules', message, { cause });
      },
    );
  }

  #rearm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#entries.length === 0) return;
    const firstMs = Math.min(...this.#entries.map(({ expiresAtMs }) => expiresAtMs));
    // A timer can be early by less than a millisecond, and cannot wait for a year.
    const delayMs = Math.max(1, firstMs - this.#clock.now());
    this.#timer = this.#clock.after(delayMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#clock.now();
    const rest = this.#entries.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    if (rest.length < this.#entries.length) {
      this.#entries = rest;
      this.#rules = this.#compileAll();
    }
    this.#rearm();
  }
}
