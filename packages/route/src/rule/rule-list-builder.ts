import { compileSized } from './compile-condition.ts';
import { ConditionIndexBuilder } from './condition-index-builder.ts';
import type { ParsedRule } from './parse-rule.ts';
import { payloadOf, RULE_TYPES, type RuleCondition, type RuleType } from './rule-condition.ts';
import { RuleList } from './rule-list.ts';
import type { RuleResources } from './rule-resources.ts';
import { SubRuleCondition } from './sub-rule-condition.ts';

/** So many targets are compared with the text of a line; more are looked up. */
const MAX_COMPARED_TARGETS = 16;

const TYPE_NUMBERS: ReadonlyMap<RuleType, number> = new Map(RULE_TYPES.map((type, number) => [type, number]));

const SUFFIX_NUMBER = TYPE_NUMBERS.get('DomainSuffix') ?? 0;
const DOMAIN_NUMBER = TYPE_NUMBERS.get('Domain') ?? 0;
const CIDR_NUMBER = TYPE_NUMBERS.get('IPCIDR') ?? 0;

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
    if (!isInIndex(condition)) this.#payloads.set(rule, payloadOf(condition));
  }

  /**
   * Adds `DOMAIN,name,target` or `DOMAIN-SUFFIX,name,target` straight from its line. The name lies from `start` to `end`, is
   * lower case, and the target reaches from behind the comma there to the end.
   * @returns false when no rule before had that target; then nothing was added, since nobody has looked whether it exists
   */
  addDomain(line: string, isSuffix: boolean, start: number, end: number): boolean {
    const target = this.#knownTarget(line, end + 1, line.length);
    if (target < 0) return false;
    this.#index.addDomain(line, isSuffix, this.#count, start, end);
    this.#types[this.#count] = isSuffix ? SUFFIX_NUMBER : DOMAIN_NUMBER;
    this.#targets[this.#count++] = target;
    return true;
  }

  /** Adds `IP-CIDR,prefix,target[,no-resolve]` in the same way; the target lies from `start` to `end`. */
  addPrefix(
    line: string,
    address: number,
    length: number,
    start: number,
    end: number,
    wantsIp: boolean,
  ): boolean {
    const target = this.#knownTarget(line, start, end);
    if (target < 0) return false;
    this.#index.addPrefix(address, length, this.#count, wantsIp);
    this.#types[this.#count] = CIDR_NUMBER;
    this.#targets[this.#count++] = target;
    return true;
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

  #knownTarget(line: string, start: number, end: number): number {
    const names = this.#targetNames;
    if (names.length > MAX_COMPARED_TARGETS) return this.#targetNumbers.get(line.slice(start, end)) ?? -1;
    for (let number = 0; number < names.length; number++) {
      const name = names[number] as string;
      if (name.length === end - start && line.startsWith(name, start)) return number;
    }
    return -1;
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

/** Whether the index can tell the payload. */
function isInIndex(condition: RuleCondition): boolean {
  if (condition.type === 'IPCIDR') return condition.cidr.address.family === 4;
  return condition.type === 'Domain' || condition.type === 'DomainSuffix';
}
