import { type CidrEntry, CidrIndex } from '@sluice/base/cidr-index';
import { DomainIndexBuilder } from '@sluice/base/domain-index-builder';
import { errorText, GatewayError } from '@sluice/base/errors';
import { type KeywordEntry, KeywordIndex } from '@sluice/base/keyword-index';
import { type ParsedRule, parseRule, RULE_TYPES, type RuleType } from './parse-rule.ts';
import { type PortEntry, PortIndex } from './port-index.ts';
import { type RuleIndices, RuleSet } from './rule-set.ts';

/** What becomes of a line that is not a rule: it is left out, unless this throws. `message` is the control API's text. */
export type RefuseLine = (index: number, message: string, error: unknown) => void;

/**
 * Compiles the lines of `rules`.
 * @param isTarget whether a name is an outbound or group
 * @throws what `refuse` throws: without one GatewayError `route.rules` for the first bad line, with the text `rules[i] [line] error: …`
 */
export function compileRules(
  lines: readonly string[],
  isTarget: (name: string) => boolean,
  refuse: RefuseLine = throwLine,
): RuleSet {
  const builder = new RuleSetBuilder(lines.length);
  for (const [index, line] of lines.entries()) {
    const plain = plainDomainOf(line);
    if (plain !== undefined && isTarget(plain.target)) {
      builder.addDomain(line, plain);
      continue;
    }
    let rule: ParsedRule;
    try {
      rule = parseRule(line, isTarget);
    } catch (error) {
      refuse(index, `rules[${index}] [${line}] error: ${errorText(error)}`, error);
      continue;
    }
    builder.add(rule);
  }
  return builder.build();
}

function throwLine(_index: number, message: string, cause: unknown): never {
  throw new GatewayError('invalid', 'route.rules', message, { cause });
}

/** A domain rule as nearly all are written: nothing in it has to be trimmed, lowered or converted. */
type PlainDomain = {
  readonly isSuffix: boolean;
  /** Where the name is in the line. */
  readonly start: number;
  readonly end: number;
  readonly target: string;
};

const COMMA = 44;

/** Long lists consist of such lines, and cutting each up takes most of the time of reading them. */
function plainDomainOf(line: string): PlainDomain | undefined {
  const isSuffix = line.startsWith('DOMAIN-SUFFIX,');
  if (!isSuffix && !line.startsWith('DOMAIN,')) return undefined;
  const start = line.indexOf(',') + 1;
  let end = start;
  for (let unit = line.charCodeAt(end); unit !== COMMA; unit = line.charCodeAt(++end)) {
    if (!isPlainUnit(unit)) return undefined;
  }
  if (end === start || line.startsWith('.', start) || line.indexOf(',', end + 1) >= 0) return undefined;
  return { isSuffix, start, end, target: line.slice(end + 1).trim() };
}

/** Visible ASCII without capitals; false for NaN, which is what there is behind the end of a text. */
function isPlainUnit(unit: number): boolean {
  return unit > 32 && unit < 127 && !(unit >= 65 && unit <= 90);
}

/** Sorts rules into columns and index entries while they are read; typed arrays spare the collector one object a rule. */
class RuleSetBuilder {
  #count = 0;
  readonly #types: Uint8Array;
  readonly #payloads = new Map<number, string>();
  readonly #targets: Uint32Array;
  readonly #targetNames: string[] = [];
  readonly #targetNumbers = new Map<string, number>();
  readonly #inspect: Uint8Array;
  readonly #domains: DomainIndexBuilder;
  readonly #keywords: KeywordEntry[] = [];
  readonly #destinations: CidrEntry[] = [];
  readonly #sources: CidrEntry[] = [];
  readonly #destinationPorts: PortEntry[] = [];
  readonly #sourcePorts: PortEntry[] = [];
  readonly #tcp: number[] = [];
  readonly #udp: number[] = [];
  readonly #always: number[] = [];
  readonly #wantIp: number[] = [];

  constructor(capacity: number) {
    this.#types = new Uint8Array(capacity);
    this.#targets = new Uint32Array(capacity);
    this.#inspect = new Uint8Array(capacity);
    this.#domains = new DomainIndexBuilder(capacity);
  }

  add({ condition, payload, target, inspect }: ParsedRule): void {
    const rule = this.#addRow(condition.type, target, inspect);
    switch (condition.type) {
      case 'Domain':
      case 'DomainSuffix':
        // Their payload is the name in the index.
        this.#domains.add(condition.text, condition.type === 'DomainSuffix', rule);
        return;
      case 'DomainKeyword':
        this.#keywords.push({ keyword: condition.text, rule });
        break;
      case 'IPCIDR':
        this.#destinations.push({ cidr: condition.cidr, rule });
        if (condition.wantsIp) this.#wantIp.push(rule);
        break;
      case 'SrcIPCIDR':
        this.#sources.push({ cidr: condition.cidr, rule });
        break;
      case 'DstPort':
        this.#destinationPorts.push({ ranges: condition.ranges, rule });
        break;
      case 'SrcPort':
        this.#sourcePorts.push({ ranges: condition.ranges, rule });
        break;
      case 'Network':
        (condition.network === 'tcp' ? this.#tcp : this.#udp).push(rule);
        break;
      case 'Match':
        this.#always.push(rule);
        break;
    }
    this.#payloads.set(rule, payload);
  }

  addDomain(line: string, { isSuffix, start, end, target }: PlainDomain): void {
    const rule = this.#addRow(isSuffix ? 'DomainSuffix' : 'Domain', target, false);
    this.#domains.add(line, isSuffix, rule, start, end);
  }

  build(): RuleSet {
    const indices: RuleIndices = {
      domains: this.#domains.size === 0 ? undefined : this.#domains.build(),
      keywords: ifAny(this.#keywords, (entries) => new KeywordIndex(entries)),
      destinations: ifAny(this.#destinations, (entries) => new CidrIndex(entries)),
      sources: ifAny(this.#sources, (entries) => new CidrIndex(entries)),
      destinationPorts: ifAny(this.#destinationPorts, (entries) => new PortIndex(entries)),
      sourcePorts: ifAny(this.#sourcePorts, (entries) => new PortIndex(entries)),
      tcp: Int32Array.from(this.#tcp),
      udp: Int32Array.from(this.#udp),
      always: Int32Array.from(this.#always),
      wantIp: Int32Array.from(this.#wantIp),
    };
    return new RuleSet(
      {
        types: this.#types,
        payloads: this.#payloads,
        targets: this.#targets,
        targetNames: this.#targetNames,
        inspect: this.#inspect,
      },
      indices,
    );
  }

  #addRow(type: RuleType, target: string, inspect: boolean): number {
    const rule = this.#count++;
    this.#types[rule] = RULE_TYPES.indexOf(type);
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

/** An index that would be empty is left out, so that matching does not ask it. */
function ifAny<E, I>(entries: readonly E[], build: (entries: readonly E[]) => I): I | undefined {
  return entries.length === 0 ? undefined : build(entries);
}
