import { compileSized } from './compile-condition.ts';
import { ConditionIndexBuilder } from './condition-index-builder.ts';
import type { ParsedRule } from './parse-rule.ts';
import { payloadOf, RULE_TYPES, type RuleType } from './rule-condition.ts';
import { RuleList } from './rule-list.ts';
import type { RuleResources } from './rule-resources.ts';
import { SubRuleCondition } from './sub-rule-condition.ts';

/** A domain rule as nearly all are written: nothing in it has to be trimmed, lowered or converted. */
export type PlainDomain = {
  readonly isSuffix: boolean;
  /** Where the name is in the line. */
  readonly start: number;
  readonly end: number;
  readonly target: string;
};

const TYPE_NUMBERS: ReadonlyMap<RuleType, number> = new Map(RULE_TYPES.map((type, number) => [type, number]));

/** Sorts rules into columns and index entries while they are read; typed arrays spare the collector one object a rule. */
export class RuleListBuilder {
  readonly #resources: RuleResources;
  readonly #index: ConditionIndexBuilder;
  #count = 0;
  readonly #types: Uint8Array;
  readonly #payloads = new Map<number, string>();
  readonly #targets: Uint32Array;
  readonly #targetNames: string[] = [];
  readonly #targetNumbers = new Map<string, number>();
  readonly #inspect: Uint8Array;
  readonly #sizes = new Map<number, () => number>();
  readonly #subRules = new Map<SubRuleCondition, string>();

  /** `capacity` is the largest number of rules that will be added. */
  constructor(capacity: number, resources: RuleResources) {
    this.#resources = resources;
    this.#index = new ConditionIndexBuilder(capacity, resources);
    this.#types = new Uint8Array(capacity);
    this.#targets = new Uint32Array(capacity);
    this.#inspect = new Uint8Array(capacity);
  }

  /** The conditions that lead to other lists, each with the list's name; to be joined when all lists are built. */
  get subRules(): ReadonlyMap<SubRuleCondition, string> {
    return this.#subRules;
  }

  /** @throws GatewayError for rule sets and geo lists that do not exist; then nothing was added */
  add({ condition, target, inspect }: ParsedRule): void {
    const rule = this.#count;
    switch (condition.type) {
      case 'GeoSite':
      case 'GeoIP':
      case 'SrcGeoIP': {
        const sized = compileSized(condition, this.#resources);
        this.#index.addCompiled(sized.condition, rule);
        if (condition.type !== 'SrcGeoIP') this.#sizes.set(rule, sized.size);
        break;
      }
      case 'SubRules': {
        const child = compileSized(condition.child, this.#resources).condition;
        const subRule = new SubRuleCondition(child);
        this.#index.addCompiled(subRule, rule);
        this.#subRules.set(subRule, target);
        break;
      }
      default:
        this.#index.add(condition, rule);
    }
    this.#addRow(condition.type, target, inspect);
    // The payload of domain rules is their name in the index.
    if (condition.type !== 'Domain' && condition.type !== 'DomainSuffix') {
      this.#payloads.set(rule, payloadOf(condition));
    }
  }

  addDomain(line: string, { isSuffix, start, end, target }: PlainDomain): void {
    const rule = this.#addRow(isSuffix ? 'DomainSuffix' : 'Domain', target, false);
    this.#index.addDomain(line, isSuffix, rule, start, end);
  }

  build(): RuleList {
    return new RuleList(
      {
        size: this.#count,
        types: this.#types,
        payloads: this.#payloads,
        targets: this.#targets,
        targetNames: this.#targetNames,
        inspect: this.#inspect,
        sizes: this.#sizes,
      },
      this.#index.build(),
    );
  }

  #addRow(type: RuleType, target: string, inspect: boolean): number {
    const rule = this.#count++;
    this.#types[rule] = TYPE_NUMBERS.get(type) ?? 0;
    this.#targets[rule] = this.#targetNumber(target);
    this.#inspect[rule] = inspect ? 1 : 0;
    return rule;
  }

  #targetNumber(target: string): number {
    const known = this.#targetNumbers.get(target);
    if (known !== undefined) return known;
    const number = this.#targetNames.push(target) - 1;
    this.#targetNumbers.set(target, number);
    return number;
  }
}
