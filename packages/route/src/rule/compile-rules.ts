import { type CidrEntry, CidrIndex } from '@sluice/base/cidr-index';
import { DomainIndex } from '@sluice/base/domain-index';
import { errorText, GatewayError } from '@sluice/base/errors';
import { type KeywordEntry, KeywordIndex } from '@sluice/base/keyword-index';
import { type ParsedRule, parseRule, type RuleType } from './parse-rule.ts';
import { type PortEntry, PortIndex } from './port-index.ts';
import { type RuleIndices, RuleSet } from './rule-set.ts';

/**
 * Compiles the lines of `rules`.
 * @param isTarget whether a name is an outbound or group
 * @throws GatewayError `route.rules` for the first bad line, with the control API's text `rules[i] [line] error: …`
 */
export function compileRules(lines: readonly string[], isTarget: (name: string) => boolean): RuleSet {
  const builder = new RuleSetBuilder();
  for (const [index, line] of lines.entries()) {
    let rule: ParsedRule;
    try {
      rule = parseRule(line, isTarget);
    } catch (error) {
      throw new GatewayError('invalid', 'route.rules', ruleLineError(index, line, error), { cause: error });
    }
    builder.add(rule);
  }
  return builder.build();
}

/** The control API's text for a line that `parseRule` refused. */
export function ruleLineError(index: number, line: string, error: unknown): string {
  return `rules[${index}] [${line}] error: ${errorText(error)}`;
}

/** Sorts rules into columns and index entries while they are read. */
class RuleSetBuilder {
  readonly #types: RuleType[] = [];
  readonly #payloads: string[] = [];
  readonly #targets: string[] = [];
  readonly #targetNames = new Map<string, string>();
  readonly #inspect: number[] = [];
  readonly #domains = { names: [] as string[], suffixes: [] as number[], rules: [] as number[] };
  readonly #keywords: KeywordEntry[] = [];
  readonly #destinations: CidrEntry[] = [];
  readonly #sources: CidrEntry[] = [];
  readonly #destinationPorts: PortEntry[] = [];
  readonly #sourcePorts: PortEntry[] = [];
  readonly #tcp: number[] = [];
  readonly #udp: number[] = [];
  readonly #always: number[] = [];
  readonly #wantIp: number[] = [];

  add({ condition, payload, target, inspect }: ParsedRule): void {
    const rule = this.#types.length;
    this.#types.push(condition.type);
    this.#payloads.push(payload);
    this.#targets.push(this.#shared(target));
    this.#inspect.push(inspect ? 1 : 0);
    switch (condition.type) {
      case 'Domain':
      case 'DomainSuffix':
        this.#domains.names.push(condition.text);
        this.#domains.suffixes.push(condition.type === 'DomainSuffix' ? 1 : 0);
        this.#domains.rules.push(rule);
        break;
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
  }

  /** One string for all rules with the same target, since each was cut from its own line. */
  #shared(target: string): string {
    const known = this.#targetNames.get(target);
    if (known !== undefined) return known;
    this.#targetNames.set(target, target);
    return target;
  }

  build(): RuleSet {
    const indices: RuleIndices = {
      domains: this.#domains.names.length === 0 ? undefined : new DomainIndex(this.#domains),
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
    const columns = {
      types: this.#types,
      payloads: this.#payloads,
      targets: this.#targets,
      inspect: Uint8Array.from(this.#inspect),
    };
    return new RuleSet(columns, indices);
  }
}

/** An index that would be empty is left out, so that matching does not ask it. */
function ifAny<E, I>(entries: readonly E[], build: (entries: readonly E[]) => I): I | undefined {
  return entries.length === 0 ? undefined : build(entries);
}
