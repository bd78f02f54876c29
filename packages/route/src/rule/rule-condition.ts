import type { Cidr } from '@sluice/base/ip';
import { formatIntRanges, type IntRange } from './int-ranges.ts';

/** Whether a text fits a pattern that was compiled once. */
export type TextTest = (text: string) => boolean;

/** A rule on the destination's name. */
export type HostRule =
  | { readonly type: 'Domain' | 'DomainSuffix' | 'DomainKeyword'; readonly text: string }
  | { readonly type: 'DomainRegex' | 'DomainWildcard'; readonly text: string; readonly test: TextTest };

/** A rule that reads a geo database. */
export type GeoRule =
  | { readonly type: 'GeoSite'; readonly text: string }
  | { readonly type: 'GeoIP' | 'SrcGeoIP'; readonly text: string; readonly wantsIp: boolean };

/** A rule on an address; `wantsIp` is whether a name has to be resolved for it. */
export type AddressRule =
  | { readonly type: 'IPASN' | 'SrcIPASN'; readonly text: string; readonly wantsIp: boolean }
  | { readonly type: 'IPCIDR' | 'SrcIPCIDR'; readonly cidr: Cidr; readonly wantsIp: boolean }
  | { readonly type: 'IPSuffix' | 'SrcIPSuffix'; readonly cidr: Cidr; readonly wantsIp: boolean };

/** A rule on the client's process. */
export type ProcessRule =
  | { readonly type: 'ProcessName' | 'ProcessPath'; readonly text: string }
  | {
      readonly type: 'ProcessNameRegex' | 'ProcessPathRegex' | 'ProcessNameWildcard' | 'ProcessPathWildcard';
      readonly text: string;
      readonly test: TextTest;
    }
  | { readonly type: 'Uid'; readonly ranges: readonly IntRange[] };

/** A rule on what else a flow carries from the start. */
export type FieldRule =
  | { readonly type: 'DstPort' | 'SrcPort' | 'InPort' | 'DSCP'; readonly ranges: readonly IntRange[] }
  | { readonly type: 'Network'; readonly network: 'tcp' | 'udp' }
  | {
      readonly type: 'InType' | 'InUser' | 'InName';
      readonly text: string;
      readonly values: readonly string[];
    }
  | { readonly type: 'RematchName'; readonly text: string }
  | { readonly type: 'Match' };

/** A rule made of others. */
export type LogicRule = { readonly type: 'AND' | 'OR' | 'NOT'; readonly children: readonly RuleCondition[] };

/** A rule on the content of a rule provider. */
export type SetRule = {
  readonly type: 'RuleSet';
  readonly text: string;
  /** Whether the set may ask for the destination's IP. */
  readonly resolves: boolean;
  /** Whether source and destination change places. */
  readonly source: boolean;
};

/** A rule that leads into another list; only rule lists have it, conditions cannot be nested in it. */
export type SubRule = {
  readonly type: 'SubRules';
  /** The condition as it was written. */
  readonly text: string;
  readonly child: RuleCondition;
};

/** What a rule looks at, as it was written. */
export type RuleCondition =
  | HostRule
  | GeoRule
  | AddressRule
  | ProcessRule
  | FieldRule
  | LogicRule
  | SetRule
  | SubRule;

/** The control API's name of a rule type. */
export type RuleType = RuleCondition['type'];

/** All types, the frequent ones first, so that a type can be kept as a number. */
export const RULE_TYPES: readonly RuleType[] = [
  ...(['DomainSuffix', 'Domain', 'IPCIDR', 'DomainKeyword', 'SrcIPCIDR', 'DstPort', 'SrcPort'] as const),
  ...(['Network', 'Match', 'InPort', 'DSCP', 'Uid', 'GeoSite', 'GeoIP', 'SrcGeoIP', 'IPASN'] as const),
  ...(['SrcIPASN', 'IPSuffix', 'SrcIPSuffix', 'DomainRegex', 'DomainWildcard', 'ProcessName'] as const),
  ...(['ProcessPath', 'ProcessNameRegex', 'ProcessPathRegex', 'ProcessNameWildcard'] as const),
  ...(['ProcessPathWildcard', 'InType', 'InUser', 'InName', 'RematchName', 'RuleSet'] as const),
  ...(['SubRules', 'AND', 'OR', 'NOT'] as const),
];

/** The payload as the control API shows it. */
export function payloadOf(condition: RuleCondition): string {
  switch (condition.type) {
    case 'IPCIDR':
    case 'SrcIPCIDR':
    case 'IPSuffix':
    case 'SrcIPSuffix':
      return condition.cidr.text;
    case 'DstPort':
    case 'SrcPort':
    case 'InPort':
    case 'DSCP':
    case 'Uid':
      return formatIntRanges(condition.ranges);
    case 'Network':
      return condition.network;
    case 'Match':
      return '';
    case 'AND':
      return `(${condition.children.map(childText).join(' && ')})`;
    case 'OR':
      return `(${condition.children.map(childText).join(' || ')})`;
    case 'NOT':
      return `(!${condition.children.map(childText).join('')})`;
    default:
      return condition.text;
  }
}

function childText(child: RuleCondition): string {
  return `(${child.type},${payloadOf(child)})`;
}
