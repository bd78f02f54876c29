import { errorText, GatewayError } from '@sluice/base/errors';
import { type ParsedRule, parseRule, type RuleTargets } from './parse-rule.ts';
import { addPlainLine } from './plain-line.ts';
import type { RuleList } from './rule-list.ts';
import { RuleListBuilder } from './rule-list-builder.ts';
import type { RuleResources } from './rule-resources.ts';
import { RuleSet } from './rule-set.ts';
import { findSubRuleCycle } from './sub-rule-cycle.ts';

/** The sections of a configuration that hold rules. */
export type RuleLines = {
  readonly rules: readonly string[];
  /** Name → lines. */
  readonly subRules: Readonly<Record<string, readonly string[]>>;
};

/**
 * What becomes of a line that is not a rule: it is left out, unless this throws. `path` leads to it from the top of the
 * configuration, `message` is the control API's text.
 */
export type RefuseLine = (path: readonly (string | number)[], message: string, error: unknown) => void;

/**
 * Compiles the lines of `rules` and `sub-rules`.
 * @param isOutbound whether a name is an outbound or group
 * @throws what `refuse` throws: without one GatewayError `route.rules` for the first thing that is wrong
 */
export function compileRules(
  { rules, subRules }: RuleLines,
  isOutbound: (name: string) => boolean,
  resources: RuleResources,
  refuse: RefuseLine = throwLine,
): RuleSet {
  const compiler = new RulesCompiler(subRules, isOutbound, resources, refuse);
  return compiler.compile(rules);
}

function throwLine(_path: readonly (string | number)[], message: string, cause: unknown): never {
  throw new GatewayError('invalid', 'route.rules', message, cause === undefined ? {} : { cause });
}

class RulesCompiler {
  readonly #lists: ReadonlyMap<string, readonly string[]>;
  readonly #targets: RuleTargets;
  readonly #resources: RuleResources;
  readonly #refuse: RefuseLine;

  constructor(
    subRules: Readonly<Record<string, readonly string[]>>,
    isOutbound: (name: string) => boolean,
    resources: RuleResources,
    refuse: RefuseLine,
  ) {
    const lists = new Map(Object.entries(subRules));
    this.#lists = lists;
    this.#targets = { isOutbound, isList: (name) => lists.has(name) };
    this.#resources = resources;
    this.#refuse = refuse;
  }

  compile(rules: readonly string[]): RuleSet {
    const builders = new Map<string, RuleListBuilder>();
    for (const [name, lines] of this.#lists) {
      if (name === '') this.#refuse(['sub-rules'], 'sub-rule name is empty', undefined);
      builders.set(name, this.#read(lines, ['sub-rules', name], `sub-rules[${name}]`));
    }
    const cycle = findSubRuleCycle(
      new Map([...builders].map(([name, builder]) => [name, [...builder.subRules.values()]])),
    );
    if (cycle !== undefined) this.#refuse(['sub-rules'], `sub-rule error: ${cycle}`, undefined);
    const main = this.#read(rules, ['rules'], 'rules');
    // Only who collects all errors gets here with lists that lead in circles; they must never be matched.
    if (cycle !== undefined) return new RuleSet(new RuleListBuilder(0, this.#resources).build(), new Map());
    const lists = new Map<string, RuleList>();
    for (const [name, builder] of builders) lists.set(name, builder.build());
    for (const builder of [...builders.values(), main]) {
      for (const [subRule, name] of builder.subRules) {
        const list = lists.get(name);
        if (list !== undefined) subRule.connect(list);
      }
    }
    return new RuleSet(main.build(), lists);
  }

  /** `label` names the list in errors. */
  #read(lines: readonly string[], path: readonly string[], label: string): RuleListBuilder {
    const builder = new RuleListBuilder(lines.length, this.#resources);
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index] as string;
      if (addPlainLine(line, builder)) continue;
      try {
        builder.add(this.#parse(line));
      } catch (error) {
        const message = this.#isMissingList(line, path)
          ? `sub-rule[${index}:${path[1]}] error: [${targetOf(line)}] not found`
          : `${label}[${index}] [${shortened(line)}] error: ${errorText(error)}`;
        this.#refuse([...path, index], message, error);
      }
    }
    return builder;
  }

  #parse(line: string): ParsedRule {
    return parseRule(line, this.#targets);
  }

  /** Inside of `sub-rules`, an outbound where a list belongs has an error text of its own. */
  #isMissingList(line: string, path: readonly string[]): boolean {
    if (path.length < 2 || !/^\s*SUB-RULE\s*,/i.test(line)) return false;
    const target = targetOf(line);
    return !this.#targets.isList(target) && this.#targets.isOutbound(target);
  }
}

function targetOf(line: string): string {
  return line.slice(line.lastIndexOf(',') + 1).trim();
}

const SHOWN_LINE_CHARACTERS = 1_000;

/** A line as errors show it: whole, unless nobody could have written it by hand. */
function shortened(line: string): string {
  return line.length <= SHOWN_LINE_CHARACTERS ? line : `${line.slice(0, SHOWN_LINE_CHARACTERS)}…`;
}
