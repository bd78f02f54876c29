import { NO_RULE } from '@sluice/base/domain-table';
import { GatewayError } from '@sluice/base/errors';
import { KeywordIndex } from '@sluice/base/keyword-index';
import { parseRule, type RuleTargets } from './parse-rule.ts';
import { PortCover } from './port-cover.ts';
import { PrefixCover } from './prefix-cover.ts';
import { payloadOf, type RuleCondition } from './rule-condition.ts';

/** A rule that no flow can get to. */
export type ShadowedRule = {
  /** Place in the list. */
  readonly index: number;
  readonly coveredBy: number;
  /** One sentence that names both. */
  readonly message: string;
};

const NONE = -1;
const ANY_TARGET: RuleTargets = { isOutbound: () => true, isList: () => true };

/**
 * Finds rules that cannot match because of one before them: behind a rule that matches everything, written twice, a name
 * under an earlier suffix or with an earlier keyword in it, a prefix or ports inside earlier ones. Lines that are no rules are
 * left out. Takes time in proportion to the lines.
 * @param isSure whether a target takes every flow; what is refused goes on to later rules, so others cover nothing
 */
export function findShadowed(
  lines: readonly string[],
  isSure: (target: string) => boolean = (target) => target !== 'PASS',
): readonly ShadowedRule[] {
  const candidates = lines.flatMap((line, index) => candidateOf(line, index, isSure));
  const finder = new ShadowFinder(lines, candidates);
  for (const candidate of candidates) {
    finder.add(candidate);
    if (finder.isFull) break;
  }
  return finder.shadowed;
}

type Candidate = {
  readonly index: number;
  readonly condition: RuleCondition;
  /** What makes two rules the same. */
  readonly key: string;
  /** Whether it takes all flows that it matches. */
  readonly covers: boolean;
};

function candidateOf(line: string, index: number, isSure: (target: string) => boolean): readonly Candidate[] {
  try {
    const { condition, target } = parseRule(line, ANY_TARGET);
    const covers = condition.type !== 'SubRules' && isSure(target);
    return [{ index, condition, key: keyOf(condition, line), covers }];
  } catch (error) {
    if (error instanceof GatewayError) return [];
    throw error;
  }
}

/** Logic rules are told apart as they are written, since their payload as it is shown leaves options out. */
function keyOf(condition: RuleCondition, line: string): string {
  switch (condition.type) {
    case 'AND':
    case 'OR':
    case 'NOT':
    case 'SubRules':
      return `${condition.type},${line.slice(line.indexOf(','), line.lastIndexOf(',')).replace(/\s+/g, '')}`;
    case 'RuleSet':
      return `${condition.type},${condition.source},${condition.text}`;
    default:
      return `${condition.type},${payloadOf(condition)}`;
  }
}

class ShadowFinder {
  readonly shadowed: ShadowedRule[] = [];
  readonly #lines: readonly string[];
  readonly #names = new Map<string, number>();
  readonly #suffixes = new Map<string, number>();
  readonly #keywords: KeywordIndex;
  readonly #destinations = new PrefixCover();
  readonly #sources = new PrefixCover();
  readonly #ports: Readonly<Record<'DstPort' | 'SrcPort' | 'InPort', PortCover>> = {
    DstPort: new PortCover(),
    SrcPort: new PortCover(),
    InPort: new PortCover(),
  };
  /** Other conditions → the first rule that resolves names or does not look at what they resolve to, and the latest other. */
  readonly #settled = new Map<string, number>();
  readonly #unresolved = new Map<string, number>();
  #tcp = NONE;
  #udp = NONE;
  #lastResolving = NONE;
  #everything = NONE;

  constructor(lines: readonly string[], candidates: readonly Candidate[]) {
    this.#lines = lines;
    this.#keywords = new KeywordIndex(
      candidates.flatMap(({ index, condition, covers }) =>
        covers && condition.type === 'DomainKeyword' ? [{ keyword: condition.text, rule: index }] : [],
      ),
    );
  }

  /** Whether everything that may still come is known to be out of reach. */
  get isFull(): boolean {
    return this.#everything !== NONE;
  }

  add(candidate: Candidate): void {
    const { index, condition } = candidate;
    const resolves = resolvesNames(condition);
    if (resolves) this.#lastResolving = index;
    const cover = this.#coverOf(candidate);
    if (cover !== NONE) {
      this.#report(index, cover, `${this.#nameOf(index)} never matches: ${this.#nameOf(cover)} covers it`);
    } else if (candidate.covers) {
      this.#remember(candidate, resolves);
    }
  }

  #coverOf({ index, condition, key }: Candidate): number {
    switch (condition.type) {
      case 'Domain':
        return firstOf(
          this.#names.get(condition.text) ?? NONE,
          this.#suffixOver(condition.text),
          this.#keywordIn(condition.text, index),
        );
      case 'DomainSuffix':
        return firstOf(this.#suffixOver(condition.text), this.#keywordIn(condition.text, index));
      case 'DomainKeyword':
        return this.#keywordIn(condition.text, index);
      case 'IPCIDR':
        return this.#destinations.coverOf(condition.cidr, this.#lastResolving);
      case 'SrcIPCIDR':
        return this.#sources.coverOf(condition.cidr, NONE);
      case 'DstPort':
      case 'SrcPort':
      case 'InPort':
        return this.#ports[condition.type].coverOf(condition.ranges);
      case 'Network':
        return condition.network === 'tcp' ? this.#tcp : this.#udp;
      default: {
        const unresolved = this.#unresolved.get(key) ?? NONE;
        return firstOf(this.#settled.get(key) ?? NONE, unresolved > this.#lastResolving ? unresolved : NONE);
      }
    }
  }

  #remember({ index, condition, key }: Candidate, resolves: boolean): void {
    switch (condition.type) {
      case 'Domain':
        this.#names.set(condition.text, index);
        break;
      case 'DomainSuffix':
        this.#suffixes.set(condition.text, index);
        break;
      case 'DomainKeyword':
        // All of them are in the index already.
        break;
      case 'IPCIDR':
        this.#destinations.add(condition.cidr, index, resolves);
        break;
      case 'SrcIPCIDR':
        this.#sources.add(condition.cidr, index, true);
        break;
      case 'DstPort':
      case 'SrcPort':
      case 'InPort':
        this.#ports[condition.type].add(condition.ranges, index);
        break;
      case 'Network':
        if (condition.network === 'tcp') this.#tcp = index;
        else this.#udp = index;
        if (this.#tcp !== NONE && this.#udp !== NONE)
          this.#close(index, 'and the rule for the other network take');
        break;
      case 'Match':
        this.#close(index, 'takes');
        break;
      default:
        if (looksAtDestinationIp(condition) && !resolves) this.#unresolved.set(key, index);
        else this.#settled.set(key, index);
    }
  }

  /** Nothing behind `index` can be reached. */
  #close(index: number, verb: string): void {
    this.#everything = index;
    const behind = this.#lines.length - index - 1;
    if (behind === 0) return;
    const others = behind === 2 ? 'the rule' : `the ${behind - 1} rules`;
    const what = behind === 1 ? 'is' : `and ${others} behind it are`;
    const first = index + 1;
    this.#report(
      first,
      index,
      `${this.#nameOf(first)} ${what} never reached: ${this.#nameOf(index)} ${verb} everything`,
    );
  }

  #suffixOver(name: string): number {
    let best = NONE;
    for (let start = 0; start >= 0 && start < name.length; ) {
      best = firstOf(best, this.#suffixes.get(start === 0 ? name : name.slice(start)) ?? NONE);
      const dot = name.indexOf('.', start);
      start = dot < 0 ? NONE : dot + 1;
    }
    return best;
  }

  #keywordIn(name: string, before: number): number {
    const rule = this.#keywords.lookup(name);
    return rule !== NO_RULE && rule < before ? rule : NONE;
  }

  #report(index: number, coveredBy: number, message: string): void {
    this.shadowed.push({ index, coveredBy, message });
  }

  #nameOf(index: number): string {
    return `rules[${index}] [${this.#lines[index]}]`;
  }
}

/** The smaller of rule numbers, NONE left out. */
function firstOf(...indices: readonly number[]): number {
  let best = NONE;
  for (const index of indices) if (index !== NONE && (best === NONE || index < best)) best = index;
  return best;
}

/** Whether a rule makes names be resolved, or may. */
function resolvesNames(condition: RuleCondition): boolean {
  switch (condition.type) {
    case 'GeoIP':
    case 'IPASN':
    case 'IPCIDR':
    case 'IPSuffix':
      return condition.wantsIp;
    case 'RuleSet':
      return condition.resolves;
    case 'AND':
    case 'OR':
    case 'NOT':
      return condition.children.some(resolvesNames);
    case 'SubRules':
      return true;
    default:
      return false;
  }
}

function looksAtDestinationIp(condition: RuleCondition): boolean {
  switch (condition.type) {
    case 'GeoIP':
    case 'IPASN':
    case 'IPCIDR':
    case 'IPSuffix':
    case 'RuleSet':
    case 'SubRules':
      return true;
    case 'AND':
    case 'OR':
    case 'NOT':
      return condition.children.some(looksAtDestinationIp);
    default:
      return false;
  }
}
