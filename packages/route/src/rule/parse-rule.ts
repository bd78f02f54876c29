import { parseCondition, parseSubRuleCondition } from './parse-condition.ts';
import { OPEN_PAYLOAD_KEYWORDS } from './parse-logic.ts';
import type { RuleCondition } from './rule-condition.ts';
import { ruleError } from './rule-error.ts';

/** One line of `rules`. */
export type ParsedRule = {
  readonly condition: RuleCondition;
  /** Name of an outbound or group; of a SUB-RULE the name of a list. */
  readonly target: string;
  /** Hand matching flows to the inspect plane: our own option `inspect`, allowed on every line that can have options. */
  readonly inspect: boolean;
};

/** What a rule's target can be. */
export type RuleTargets = {
  /** Whether a name is an outbound or group. */
  readonly isOutbound: (name: string) => boolean;
  /** Whether a name is a list of `sub-rules`. */
  readonly isList: (name: string) => boolean;
};

const NO_OPTIONS: readonly string[] = [];
const NO_RESOLVE: readonly string[] = ['no-resolve'];

/**
 * Reads `TYPE,payload,target[,option…]`.
 * @throws GatewayError whose message is the part after `rules[i] [line] error: `
 */
export function parseRule(line: string, targets: RuleTargets): ParsedRule {
  const comma = line.indexOf(',');
  if (comma < 0) throw ruleError('format invalid');
  const keyword = line.slice(0, comma).trim().toUpperCase();
  const { payload, target, options } = splitPieces(keyword, line, comma);
  if (keyword === 'SUB-RULE') {
    if (!targets.isList(target)) throw ruleError(`sub-rule [${target}] not found`);
    const child = parseSubRuleCondition(payload);
    return { condition: { type: 'SubRules', text: payload, child }, target, inspect: false };
  }
  if (!targets.isOutbound(target)) throw ruleError(`proxy [${target}] not found`);
  const condition: RuleCondition =
    keyword === 'MATCH' ? { type: 'Match' } : parseCondition(keyword, payload, options);
  return { condition, target, inspect: options.includes('inspect') };
}

type Pieces = { readonly payload: string; readonly target: string; readonly options: readonly string[] };

function splitPieces(keyword: string, line: string, comma: number): Pieces {
  const second = line.indexOf(',', comma + 1);
  if (second < 0) return { payload: '', target: line.slice(comma + 1).trim(), options: NO_OPTIONS };
  const first = line.slice(comma + 1, second).trim();
  if (keyword === 'MATCH') return { payload: '', target: first, options: optionsOf(line, second) };
  if (OPEN_PAYLOAD_KEYWORDS.has(keyword)) {
    const pieces = line.split(',').map((piece) => piece.trim());
    return { payload: pieces.slice(1, -1).join(','), target: pieces.at(-1) ?? '', options: NO_OPTIONS };
  }
  const third = line.indexOf(',', second + 1);
  if (third < 0) return { payload: first, target: line.slice(second + 1).trim(), options: NO_OPTIONS };
  return { payload: first, target: line.slice(second + 1, third).trim(), options: optionsOf(line, third) };
}

function optionsOf(line: string, comma: number): readonly string[] {
  const options = line.slice(comma + 1).trim();
  if (options === 'no-resolve') return NO_RESOLVE;
  return options.split(',').map((option) => option.trim());
}
