import { type CidrEntry, CidrIndex } from '@sluice/base/cidr-index';
import { DomainIndexBuilder } from '@sluice/base/domain-index-builder';
import { type KeywordEntry, KeywordIndex } from '@sluice/base/keyword-index';
import { compileCondition } from './compile-condition.ts';
import type { Condition } from './condition.ts';
import { ConditionIndex } from './condition-index.ts';
import { type PortEntry, PortIndex } from './port-index.ts';
import type { RuleCondition } from './rule-condition.ts';
import type { RuleResources } from './rule-resources.ts';
import { TextIndex } from './text-index.ts';
import { V4PrefixList } from './v4-prefix-list.ts';

/** Sorts conditions into index entries while they are read. Rules must come in rising order. */
export class ConditionIndexBuilder {
  readonly #resources: RuleResources;
  readonly #domains: DomainIndexBuilder;
  readonly #keywords: KeywordEntry[] = [];
  readonly #destinationsV4 = new V4PrefixList();
  readonly #destinations: CidrEntry[] = [];
  readonly #sources: CidrEntry[] = [];
  readonly #destinationPorts: PortEntry[] = [];
  readonly #sourcePorts: PortEntry[] = [];
  readonly #inboundPorts: PortEntry[] = [];
  readonly #processNames = new TextIndex();
  readonly #processPaths = new TextIndex();
  readonly #tcp: number[] = [];
  readonly #udp: number[] = [];
  readonly #always: number[] = [];
  readonly #wantIp: number[] = [];
  readonly #wantProcess: number[] = [];
  readonly #others: Condition[] = [];
  readonly #otherRules: number[] = [];

  /** `capacity` is the largest number of conditions that will be added. */
  constructor(capacity: number, resources: RuleResources) {
    this.#resources = resources;
    this.#domains = new DomainIndexBuilder(capacity);
  }

  /** @throws GatewayError `route.rule` for rule sets and geo lists that do not exist; then nothing was added */
  add(condition: RuleCondition, rule: number): void {
    switch (condition.type) {
      case 'Domain':
      case 'DomainSuffix':
        this.#domains.add(condition.text, condition.type === 'DomainSuffix', rule);
        break;
      case 'DomainKeyword':
        this.#keywords.push({ keyword: condition.text, rule });
        break;
      case 'IPCIDR':
        if (condition.cidr.address.family === 4) {
          this.addPrefix(condition.cidr.address.value, condition.cidr.prefixLength, rule, condition.wantsIp);
        } else {
          this.#destinations.push({ cidr: condition.cidr, rule });
          if (condition.wantsIp) this.#wantIp.push(rule);
        }
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
      case 'InPort':
        this.#inboundPorts.push({ ranges: condition.ranges, rule });
        break;
      case 'Network':
        (condition.network === 'tcp' ? this.#tcp : this.#udp).push(rule);
        break;
      case 'Match':
        this.#always.push(rule);
        break;
      case 'ProcessName':
        this.#processNames.add(condition.text.toLowerCase(), rule);
        this.#wantProcess.push(rule);
        break;
      case 'ProcessPath':
        this.#processPaths.add(condition.text.toLowerCase(), rule);
        this.#wantProcess.push(rule);
        break;
      default:
        this.addCompiled(compileCondition(condition, this.#resources), rule);
    }
  }

  /** Adds the name that is the part of `text` from `start` to `end`, lower case. */
  addDomain(text: string, isSuffix: boolean, rule: number, start: number, end: number): void {
    this.#domains.add(text, isSuffix, rule, start, end);
  }

  /** Adds an IPv4 prefix of destinations. */
  addPrefix(address: number, length: number, rule: number, wantsIp: boolean): void {
    this.#destinationsV4.add(address, length, rule);
    if (wantsIp) this.#wantIp.push(rule);
  }

  addCompiled(condition: Condition, rule: number): void {
    this.#others.push(condition);
    this.#otherRules.push(rule);
  }

  build(): ConditionIndex {
    const v4 = this.#destinationsV4.columns();
    const hasDestinations = v4.count > 0 || this.#destinations.length > 0;
    return new ConditionIndex({
      domains: this.#domains.size === 0 ? undefined : this.#domains.build(),
      keywords: ifAny(this.#keywords, (entries) => new KeywordIndex(entries)),
      destinations: hasDestinations ? new CidrIndex(this.#destinations, v4) : undefined,
      destinationsV4: v4,
      sources: ifAny(this.#sources, (entries) => new CidrIndex(entries)),
      destinationPorts: ifAny(this.#destinationPorts, (entries) => new PortIndex(entries)),
      sourcePorts: ifAny(this.#sourcePorts, (entries) => new PortIndex(entries)),
      inboundPorts: ifAny(this.#inboundPorts, (entries) => new PortIndex(entries)),
      processNames: this.#processNames.size === 0 ? undefined : this.#processNames,
      processPaths: this.#processPaths.size === 0 ? undefined : this.#processPaths,
      tcp: Int32Array.from(this.#tcp),
      udp: Int32Array.from(this.#udp),
      always: Int32Array.from(this.#always),
      wantIp: Int32Array.from(this.#wantIp),
      wantProcess: Int32Array.from(this.#wantProcess),
      others: this.#others,
      otherRules: Int32Array.from(this.#otherRules),
    });
  }
}

/** An index that would be empty is left out, so that matching does not ask it. */
function ifAny<E, I>(entries: readonly E[], build: (entries: readonly E[]) => I): I | undefined {
  return entries.length === 0 ? undefined : build(entries);
}
