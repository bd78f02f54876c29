import { createRequire } from 'node:module';
import vm from 'node:vm';
import type { RE2JS } from 're2js';

/** Tests many subjects at once: `true` where any of a subject's texts matches. */
export interface TextMatcher {
  /** `undefined` when the time was not enough. */
  match(subjects: readonly (readonly string[])[], timeLimitMs: number): boolean[] | undefined;
}

// A pattern that needs longer than this for one group of rows goes on in the linear engine.
const BACKTRACKING_LIMIT_MS = 500;

class SubstringMatcher implements TextMatcher {
  readonly #keyword: string;

  constructor(keyword: string) {
    this.#keyword = keyword;
  }

  match(subjects: readonly (readonly string[])[]): boolean[] {
    return subjects.map((texts) => texts.some((text) => text.includes(this.#keyword)));
  }
}

/**
 * The runtime's regular expressions are ten times faster than a linear-time engine on ordinary patterns and can take for
 * ever on others. So they run under a watchdog that interrupts them, and after the first interruption the linear engine
 * takes over; a pattern that only the runtime understands (look-around, back references) then gives up.
 */
class RegexMatcher implements TextMatcher {
  readonly #pattern: RegExp;
  #linear: RE2JS | undefined;
  #interrupted = false;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  match(subjects: readonly (readonly string[])[], timeLimitMs: number): boolean[] | undefined {
    if (!this.#interrupted) {
      const limitMs = Math.max(1, Math.floor(Math.min(timeLimitMs, BACKTRACKING_LIMIT_MS)));
      const matched = runGuarded(
        () => subjects.map((texts) => texts.some((text) => this.#pattern.test(text))),
        limitMs,
      );
      if (matched !== undefined) return matched;
      this.#interrupted = true;
      this.#linear = compileLinear(this.#pattern.source, { ignoreCase: true });
    }
    const linear = this.#linear;
    return linear === undefined
      ? undefined
      : this.#matchLinear(linear, subjects, performance.now() + timeLimitMs);
  }

  #matchLinear(
    linear: RE2JS,
    subjects: readonly (readonly string[])[],
    endMs: number,
  ): boolean[] | undefined {
    const matched: boolean[] = [];
    for (const texts of subjects) {
      if (performance.now() > endMs) return undefined;
      matched.push(texts.some((text) => linear.test(text)));
    }
    return matched;
  }
}

const GUARD_ATTEMPTS = 10;
const GENUINE_SHARE = 0.5;

let guard: { readonly context: vm.Context; readonly script: vm.Script } | undefined;

/**
 * Runs `task` and interrupts it, even inside a regular expression, once it has computed for about `limitMs`; `undefined`
 * then. The watchdog only sees the wall clock, so a thread that had to wait for a processor is given another try: `task`
 * may run several times.
 */
export function runGuarded<T>(task: () => T, limitMs: number): T | undefined {
  for (let attempt = 1; attempt <= GUARD_ATTEMPTS; attempt++) {
    const before = process.threadCpuUsage();
    const outcome = runInterruptible(task, limitMs);
    if (outcome !== undefined) return outcome.result;
    const spent = process.threadCpuUsage(before);
    if ((spent.user + spent.system) / 1_000 >= limitMs * GENUINE_SHARE) return undefined;
  }
  return undefined;
}

function runInterruptible<T>(task: () => T, limitMs: number): { readonly result: T } | undefined {
  guard ??= { context: vm.createContext({}), script: new vm.Script('task()') };
  let outcome: { readonly result: T } | undefined;
  guard.context['task'] = () => {
    outcome = { result: task() };
  };
  try {
    guard.script.runInContext(guard.context, { timeout: limitMs });
    return outcome;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}

// Loaded by the first pattern of a user, since it is large and most runs of the gateway have none; patterns are compiled
// where nobody can wait for an import.
const load = createRequire(import.meta.url);

/** The pattern for the linear-time engine, `undefined` when it cannot express it. */
export function compileLinear(
  source: string,
  options: { readonly ignoreCase?: boolean } = {},
): RE2JS | undefined {
  const { RE2JS } = load('re2js') as typeof import('re2js');
  try {
    return RE2JS.compile(
      RE2JS.translateRegExp(source),
      options.ignoreCase === true ? RE2JS.CASE_INSENSITIVE : 0,
    );
  } catch {
    return undefined;
  }
}

/** A search term of the control API: a case-sensitive substring, or a regular expression without regard to case; an invalid pattern is a substring. */
export function compileMatcher(keyword: string, isRegex: boolean): TextMatcher {
  if (!isRegex) return new SubstringMatcher(keyword);
  try {
    return new RegexMatcher(new RegExp(keyword, 'i'));
  } catch {
    return new SubstringMatcher(keyword);
  }
}
