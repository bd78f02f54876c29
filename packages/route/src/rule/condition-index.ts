import type { CidrColumnsV4, CidrIndex } from '@sluice/base/cidr-index';
import type { DomainIndex } from '@sluice/base/domain-index';
import { NO_RULE } from '@sluice/base/domain-table';
import type { KeywordIndex } from '@sluice/base/keyword-index';
import { type Condition, HostCondition, IpCondition, ruleHostOf } from './condition.ts';
import { firstAtLeast, firstPlace, type PortIndex } from './port-index.ts';
import type { RuleSubject } from './rule-subject.ts';
import type { TextIndex } from './text-index.ts';
import { v4PrefixText } from './v4-prefix-list.ts';

/** A list of conditions arranged by what they look at; rule numbers inside are places in the list, rising. */
export type ConditionIndices = {
  readonly domains: DomainIndex | undefined;
  readonly keywords: KeywordIndex | undefined;
  readonly destinations: CidrIndex | undefined;
  /** The IPv4 prefixes of `destinations` as they were written. */
  readonly destinationsV4: CidrColumnsV4;
  readonly sources: CidrIndex | undefined;
  readonly destinationPorts: PortIndex | undefined;
  readonly sourcePorts: PortIndex | undefined;
  readonly inboundPorts: PortIndex | undefined;
  readonly processNames: TextIndex | undefined;
  readonly processPaths: TextIndex | undefined;
  readonly tcp: Int32Array;
  readonly udp: Int32Array;
  readonly always: Int32Array;
  /** Rules of the indices that make a host be resolved, or a process be looked up. */
  readonly wantIp: Int32Array;
  readonly wantProcess: Int32Array;
  /** Conditions that no index holds, and their rule numbers. */
  readonly others: readonly Condition[];
  readonly otherRules: Int32Array;
};

/**
 * A compiled list of conditions. Matching asks every index for its smallest rule number and takes the minimum, and asks the
 * conditions that no index holds only as far as they come before that: the list itself is never walked.
 */
export class ConditionIndex {
  readonly #indices: ConditionIndices;

  constructor(indices: ConditionIndices) {
    this.#indices = indices;
  }

  get wantIp(): Int32Array {
    return this.#indices.wantIp;
  }

  get wantProcess(): Int32Array {
    return this.#indices.wantProcess;
  }

  get others(): readonly Condition[] {
    return this.#indices.others;
  }

  get otherRules(): Int32Array {
    return this.#indices.otherRules;
  }

  /** The smallest matching rule number, not below `from`, or NO_RULE. */
  firstMatch(subject: RuleSubject, from = 0): number {
    const best = this.lookup(subject, ruleHostOf(subject), from);
    const { others, otherRules } = this.#indices;
    for (let place = firstPlace(otherRules, from); place < others.length; place++) {
      const rule = otherRules[place] as number;
      if (best !== NO_RULE && rule > best) break;
      if ((others[place] as Condition).matches(subject)) return rule;
    }
    return best;
  }

  /** The same over the rules that are in an index; `host` is the name that domain rules look at. */
  lookup(subject: RuleSubject, host: string, from: number): number {
    const indices = this.#indices;
    let best = firstAtLeast(indices.always, from);
    best = smaller(best, firstAtLeast(subject.network === 'tcp' ? indices.tcp : indices.udp, from));
    if (host !== '') {
      if (indices.domains !== undefined) best = smaller(best, indices.domains.lookup(host, from));
      if (indices.keywords !== undefined) best = smaller(best, indices.keywords.lookup(host, from));
    }
    if (indices.destinations !== undefined && subject.destinationIp !== '') {
      best = smaller(best, indices.destinations.lookup(subject.destinationIp, from));
    }
    if (indices.sources !== undefined) best = smaller(best, indices.sources.lookup(subject.sourceIp, from));
    if (indices.destinationPorts !== undefined) {
      best = smaller(best, indices.destinationPorts.lookup(subject.destinationPort, from));
    }
    if (indices.sourcePorts !== undefined) {
      best = smaller(best, indices.sourcePorts.lookup(subject.sourcePort, from));
    }
    if (indices.inboundPorts !== undefined) {
      best = smaller(best, indices.inboundPorts.lookup(subject.inboundPort, from));
    }
    if (indices.processNames !== undefined && subject.process !== '') {
      best = smaller(best, indices.processNames.lookup(subject.process.toLowerCase(), from));
    }
    if (indices.processPaths !== undefined && subject.processPath !== '') {
      best = smaller(best, indices.processPaths.lookup(subject.processPath.toLowerCase(), from));
    }
    return best;
  }

  /** Whether any rule has to know the destination's IP; can change with the content of rule sets. */
  wantsIp(): boolean {
    return this.#indices.wantIp.length > 0 || this.#indices.others.some((each) => each.wantsIp());
  }

  /** Whether any rule has to know the client's process. */
  wantsProcess(): boolean {
    return this.#indices.wantProcess.length > 0 || this.#indices.others.some((each) => each.wantsProcess());
  }

  /** Whether a rule on names holds for `host`, which is lower case. */
  hasDomain(host: string): boolean {
    const { domains, keywords, others } = this.#indices;
    if (host === '') return false;
    if (domains !== undefined && domains.lookup(host) !== NO_RULE) return true;
    if (keywords !== undefined && keywords.lookup(host) !== NO_RULE) return true;
    return others.some((each) => each instanceof HostCondition && each.matchesHost(host));
  }

  /** Whether a rule on destination addresses holds for `ip`. */
  hasIp(ip: string): boolean {
    const { destinations, others } = this.#indices;
    if (destinations !== undefined && destinations.lookup(ip) !== NO_RULE) return true;
    return others.some((each) => each instanceof IpCondition && !each.source && each.matchesIp(ip));
  }

  /** The payload of a rule on names or on IPv4 prefixes of destinations, `''` for other rules. */
  payloadOf(rule: number): string {
    const name = this.#indices.domains?.nameOf(rule) ?? '';
    return name === '' ? v4PrefixText(this.#indices.destinationsV4, rule) : name;
  }
}

/** The smaller of two rule numbers, NO_RULE standing for none. */
export function smaller(best: number, candidate: number): number {
  return candidate !== NO_RULE && (best === NO_RULE || candidate < best) ? candidate : best;
}
