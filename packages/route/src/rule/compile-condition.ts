import { cidrContains, type IpAddress, maskWord, parseIp } from '@sluice/base/ip';
import { type Condition, FieldCondition, HostCondition, IpCondition, type IpQuestion } from './condition.ts';
import { asnCondition, geoIpCondition, geoSiteCondition } from './geo-conditions.ts';
import { rangesInclude } from './int-ranges.ts';
import type { FieldRule, GeoRule, ProcessRule, RuleCondition } from './rule-condition.ts';
import { ruleError } from './rule-error.ts';
import type { RuleResources } from './rule-resources.ts';
import type { RuleSubject } from './rule-subject.ts';
import { SetCondition } from './set-condition.ts';

/**
 * Compiles a condition to be asked by itself.
 * @throws GatewayError `route.rule` for rule sets and geo lists that do not exist
 */
export function compileCondition(condition: RuleCondition, resources: RuleResources): Condition {
  return compileSized(condition, resources).condition;
}

const noSize = (): number => -1;

/** The same with the number of entries that the control API shows for a rule, -1 for none. */
export function compileSized(
  condition: RuleCondition,
  resources: RuleResources,
): { readonly condition: Condition; readonly size: () => number } {
  switch (condition.type) {
    case 'GeoSite':
      return geoSiteCondition(condition.text, resources.geo);
    case 'GeoIP':
    case 'SrcGeoIP':
      return geoIpCondition(condition.text, condition.type === 'SrcGeoIP', condition.wantsIp, resources);
    default:
      return { condition: compilePlain(condition, resources), size: noSize };
  }
}

function compilePlain(condition: Exclude<RuleCondition, GeoRule>, resources: RuleResources): Condition {
  switch (condition.type) {
    case 'Domain':
    case 'DomainSuffix':
    case 'DomainKeyword':
      return new HostCondition(hostTest(condition.type, condition.text));
    case 'DomainRegex':
    case 'DomainWildcard':
      return new HostCondition(condition.test);
    case 'IPCIDR':
    case 'SrcIPCIDR': {
      const { cidr } = condition;
      const question = ipQuestion((ip) => cidrContains(cidr, ip));
      return new IpCondition(question, condition.type === 'SrcIPCIDR', condition.wantsIp);
    }
    case 'IPSuffix':
    case 'SrcIPSuffix': {
      const { address, prefixLength } = condition.cidr;
      const question = ipQuestion((ip) => hasSuffix(ip, address, prefixLength));
      return new IpCondition(question, condition.type === 'SrcIPSuffix', condition.wantsIp);
    }
    case 'IPASN':
    case 'SrcIPASN':
      return asnCondition(condition.text, condition.type === 'SrcIPASN', condition.wantsIp, resources.geo);
    case 'RuleSet': {
      const set = resources.findSet(condition.text);
      if (set === undefined) throw ruleError(`rule set [${condition.text}] not found`);
      return new SetCondition(set, condition.source, condition.resolves);
    }
    case 'AND':
    case 'OR':
    case 'NOT':
      return new LogicCondition(
        condition.type,
        condition.children.map((child) => compileCondition(child, resources)),
      );
    // A sub-rule yields a target of its own, so only rule lists can hold one.
    case 'SubRules':
      throw ruleError('unsupported rule type [SUB-RULE] on logic rule');
    case 'Uid':
    case 'ProcessName':
    case 'ProcessPath':
    case 'ProcessNameRegex':
    case 'ProcessPathRegex':
    case 'ProcessNameWildcard':
    case 'ProcessPathWildcard':
      return processCondition(condition);
    default:
      return fieldCondition(condition);
  }
}

function fieldCondition(condition: FieldRule): Condition {
  switch (condition.type) {
    case 'DstPort':
      return new FieldCondition((subject) => rangesInclude(condition.ranges, subject.destinationPort));
    case 'SrcPort':
      return new FieldCondition((subject) => rangesInclude(condition.ranges, subject.sourcePort));
    case 'InPort':
      return new FieldCondition((subject) => rangesInclude(condition.ranges, subject.inboundPort));
    case 'DSCP':
      return new FieldCondition((subject) => rangesInclude(condition.ranges, subject.dscp));
    case 'Network':
      return new FieldCondition((subject) => condition.network === subject.network);
    case 'InType':
      return new FieldCondition((subject) => condition.values.includes(subject.type));
    case 'InUser':
      return new FieldCondition((subject) => condition.values.includes(subject.inboundUser));
    case 'InName':
      return new FieldCondition((subject) => condition.values.includes(subject.inboundName));
    case 'Match':
      return new FieldCondition(() => true);
    case 'RematchName':
      return new FieldCondition((subject) => subject.rematchName === condition.text);
  }
}

function processCondition(condition: ProcessRule): Condition {
  switch (condition.type) {
    // Root is also what unknown owners are shown as.
    case 'Uid':
      return new FieldCondition(
        (subject) => subject.uid !== 0 && rangesInclude(condition.ranges, subject.uid),
        true,
      );
    case 'ProcessName': {
      const name = condition.text.toLowerCase();
      return new FieldCondition((subject) => subject.process.toLowerCase() === name, true);
    }
    case 'ProcessPath': {
      const path = condition.text.toLowerCase();
      return new FieldCondition((subject) => subject.processPath.toLowerCase() === path, true);
    }
    case 'ProcessNameRegex':
    case 'ProcessNameWildcard':
      return new FieldCondition((subject) => condition.test(subject.process), true);
    case 'ProcessPathRegex':
    case 'ProcessPathWildcard':
      return new FieldCondition((subject) => condition.test(subject.processPath), true);
  }
}

function hostTest(
  type: 'Domain' | 'DomainSuffix' | 'DomainKeyword',
  text: string,
): (host: string) => boolean {
  if (type === 'Domain') return (host) => host === text;
  if (type === 'DomainKeyword') return (host) => host.includes(text);
  const tail = `.${text}`;
  return (host) => host === text || host.endsWith(tail);
}

function ipQuestion(test: (ip: IpAddress) => boolean): IpQuestion {
  const ofIp = (text: string): boolean => {
    const ip = parseIp(text);
    return ip !== undefined && test(ip);
  };
  return { ofSubject: (subject, source) => ofIp(source ? subject.sourceIp : subject.destinationIp), ofIp };
}

/** Whether the lowest `bits` bits of two addresses of one family are equal. */
function hasSuffix(ip: IpAddress, suffix: IpAddress, bits: number): boolean {
  if (ip.family === 4) return suffix.family === 4 && sameLowBits(ip.value, suffix.value, bits);
  if (suffix.family === 4) return false;
  return suffix.words.every((word, index) =>
    sameLowBits(word, ip.words[index] ?? 0, bits - (3 - index) * 32),
  );
}

function sameLowBits(first: number, second: number, bits: number): boolean {
  const difference = (first ^ second) >>> 0;
  return difference === maskWord(difference, 32 - bits);
}

/** Children are asked in order, as few as needed. */
class LogicCondition implements Condition {
  readonly #type: 'AND' | 'OR' | 'NOT';
  readonly #children: readonly Condition[];

  constructor(type: 'AND' | 'OR' | 'NOT', children: readonly Condition[]) {
    this.#type = type;
    this.#children = children;
  }

  matches(subject: RuleSubject): boolean {
    const stopsAt = this.#type !== 'AND';
    for (const child of this.#children) {
      if (child.matches(subject) === stopsAt) return this.#type === 'OR';
    }
    return this.#type !== 'OR';
  }

  wantsIp(): boolean {
    for (const child of this.#children) if (child.wantsIp()) return true;
    return false;
  }

  wantsProcess(): boolean {
    for (const child of this.#children) if (child.wantsProcess()) return true;
    return false;
  }
}
