import type { RE2JS } from 're2js';
import { compileLinear, runGuarded } from '../search/text-matcher.ts';

/** A compiled `pathRegex`: unanchored, case-sensitive. `test` is `undefined` when it took too long. */
export interface PathPattern {
  test(path: string): boolean | undefined;
}

const MAX_SUBJECT_LENGTH = 8_192;
const MATCH_LIMIT_MS = 20;
const PROBE_LIMIT_MS = 50;

class LinearPattern implements PathPattern {
  readonly #pattern: RE2JS;

  constructor(pattern: RE2JS) {
    this.#pattern = pattern;
  }

  test(path: string): boolean {
    return this.#pattern.test(path.slice(0, MAX_SUBJECT_LENGTH));
  }
}

/** For look-around and back references, which no linear-time engine has: the runtime's engine under a watchdog. */
class GuardedPattern implements PathPattern {
  readonly #pattern: RegExp;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  test(path: string): boolean | undefined {
    return runGuarded(() => this.#pattern.test(path.slice(0, MAX_SUBJECT_LENGTH)), MATCH_LIMIT_MS);
  }
}

/** Compiles a pattern in JavaScript syntax; `undefined` when it is invalid, or can take very long and has no linear form. */
export function compilePath(source: string): PathPattern | undefined {
  let pattern: RegExp;
  try {
    pattern = new RegExp(source);
  } catch {
    return undefined;
  }
  const linear = compileLinear(source);
  if (linear !== undefined) return new LinearPattern(linear);
  const probes = ['a', '0', '/', 'a/', '/a0-'].map((unit) => `/${unit.repeat(64)}\u0000`);
  const survived = runGuarded(
    () => probes.every((probe) => typeof pattern.test(probe) === 'boolean'),
    PROBE_LIMIT_MS,
  );
  return survived === true ? new GuardedPattern(pattern) : undefined;
}
