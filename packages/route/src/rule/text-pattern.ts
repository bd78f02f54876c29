import { errorText } from '@sluice/base/errors';
import { RE2JS } from 're2js';
import type { TextTest } from './rule-condition.ts';
import { ruleError } from './rule-error.ts';

const MAX_PATTERN_LENGTH = 4096;
/** Longer texts fit no regular expression. Names have at most 253 characters, and paths of programs are rarely this long. */
const MAX_TEXT_LENGTH = 512;
/** How many open quantifiers one after the other a backtracking engine may have: the work grows with their power. */
const MAX_OPEN_QUANTIFIERS = 2;

/**
 * A test that searches a text, in any case and at any place, for a regular expression with look-around and named groups.
 * Expressions on which a backtracking engine could take very long run on one that takes linear time, if it knows their syntax.
 * @throws GatewayError `route.rule`
 */
export function regexTest(source: string): TextTest {
  if (source.length > MAX_PATTERN_LENGTH) {
    throw ruleError(`regular expression longer than ${MAX_PATTERN_LENGTH} characters`);
  }
  const text = source.replace(/^\(\?i\)/, '').replaceAll('(?P<', '(?<');
  if (!isCheap(text)) {
    const linear = linearTest(text);
    if (linear !== undefined) return linear;
  }
  try {
    const regex = new RegExp(text, 'i');
    return (each) => each.length <= MAX_TEXT_LENGTH && regex.test(each);
  } catch (error) {
    throw ruleError(errorText(error), error);
  }
}

function linearTest(source: string): TextTest | undefined {
  try {
    const regex = RE2JS.compile(source, RE2JS.CASE_INSENSITIVE);
    return (each) => each.length <= MAX_TEXT_LENGTH && regex.matcher(each).find();
  } catch (error) {
    // Look-around and back references are not in its language.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Whether no group is repeated and few parts are repeated without limit, so that backtracking stays harmless. */
function isCheap(source: string): boolean {
  const bare = source.replace(/\\./gs, 'x').replace(/\[\^?\]?[^\]]*\]/g, 'x');
  if (/\)[*+{]/.test(bare)) return false;
  return (bare.match(/[*+]|\{\d*,?\d*\}/g)?.length ?? 0) <= MAX_OPEN_QUANTIFIERS;
}

/** A test of the whole text against `*` (any run, empty and dots included) and `?` (one character), in any case. */
export function wildcardTest(pattern: string): TextTest {
  const lower = pattern.toLowerCase();
  return (text) => wildcardMatches(lower, text.toLowerCase());
}

const STAR = 42;
const QUESTION = 63;

/** Only the last star is ever taken back, so the work is at most the product of the two lengths. */
function wildcardMatches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let starText = 0;
  let index = 0;
  while (index < text.length) {
    const unit = pattern.charCodeAt(at);
    if (unit === STAR) {
      star = at++;
      starText = index;
    } else if (unit === QUESTION || unit === text.charCodeAt(index)) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++starText;
    } else return false;
  }
  while (pattern.charCodeAt(at) === STAR) at++;
  return at === pattern.length;
}
