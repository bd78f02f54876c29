import { domainToASCII } from 'node:url';
import { GatewayError } from '@sluice/base/errors';
import { type Cidr, parseCidr } from '@sluice/base/ip';
import { formatIntRanges, type IntRange, parseIntRanges } from './int-ranges.ts';

/** What a rule looks at. */
export type RuleCondition =
  | { readonly type: 'Domain' | 'DomainSuffix' | 'DomainKeyword'; readonly text: string }
  | { readonly type: 'IPCIDR' | 'SrcIPCIDR'; readonly cidr: Cidr; readonly wantsIp: boolean }
  | { readonly type: 'DstPort' | 'SrcPort'; readonly ranges: readonly IntRange[] }
  | { readonly type: 'Network'; readonly network: 'tcp' | 'udp' }
  | { readonly type: 'Match' };

/** The control API's name of a rule type. */
export type RuleType = RuleCondition['type'];

/** All served types, so that a type can be kept as a number. */
export const RULE_TYPES: readonly RuleType[] = [
  'DomainSuffix',
  'Domain',
  'IPCIDR',
  'DomainKeyword',
  'SrcIPCIDR',
  'DstPort',
  'SrcPort',
  'Network',
  'Match',
];

/** One line of `rules`. */
export type ParsedRule = {
  readonly condition: RuleCondition;
  /** The payload as the control API shows it. */
  readonly payload: string;
  /** Name of an outbound or group. */
  readonly target: string;
  /** Hand matching flows to the inspect plane: our own option `inspect`, allowed on every line. */
  readonly inspect: boolean;
};

/** Types that the reference kernel knows and this version does not serve. */
const KNOWN_TYPES = new Set([
  ...[
    'DOMAIN-REGEX',
    'DOMAIN-WILDCARD',
    'GEOSITE',
    'GEOIP',
    'SRC-GEOIP',
    'IP-ASN',
    'SRC-IP-ASN',
    'IP-SUFFIX',
    'SRC-IP-SUFFIX',
  ],
  ...[
    'IN-PORT',
    'IN-TYPE',
    'IN-USER',
    'IN-NAME',
    'DSCP',
    'PROCESS-NAME',
    'PROCESS-PATH',
    'PROCESS-NAME-REGEX',
    'PROCESS-PATH-REGEX',
  ],
  ...[
    'PROCESS-NAME-WILDCARD',
    'PROCESS-PATH-WILDCARD',
    'UID',
    'REMATCH-NAME',
    'RULE-SET',
    'SUB-RULE',
    'AND',
    'OR',
    'NOT',
  ],
]);

/** Types whose payload may hold commas: it reaches to the last piece, and there are no options. */
const OPEN_PAYLOAD_TYPES = new Set([
  ...['AND', 'OR', 'NOT', 'SUB-RULE', 'DOMAIN-REGEX', 'PROCESS-NAME-REGEX', 'PROCESS-PATH-REGEX'],
]);

const MAX_PORT = 65_535;
const NO_OPTIONS: readonly string[] = [];
const NO_RESOLVE: readonly string[] = ['no-resolve'];

/**
 * Reads `TYPE,payload,target[,option…]`.
 * @param isTarget whether a name is an outbound or group
 * @throws GatewayError `route.rule` whose message is the part after `rules[i] [line] error: `
 */
export function parseRule(line: string, isTarget: (name: string) => boolean): ParsedRule {
  const comma = line.indexOf(',');
  if (comma < 0) throw ruleError('format invalid');
  const keyword = line.slice(0, comma).trim().toUpperCase();
  const { payload, target, options } = splitPieces(keyword, line, comma);
  if (keyword !== 'SUB-RULE' && !isTarget(target)) throw ruleError(`proxy [${target}] not found`);
  const condition = parseCondition(keyword, payload, options);
  return { condition, payload: payloadOf(condition), target, inspect: options.includes('inspect') };
}

type Pieces = { readonly payload: string; readonly target: string; readonly options: readonly string[] };

function splitPieces(keyword: string, line: string, comma: number): Pieces {
  const second = line.indexOf(',', comma + 1);
  if (second < 0) return { payload: '', target: line.slice(comma + 1).trim(), options: NO_OPTIONS };
  const first = line.slice(comma + 1, second).trim();
  if (keyword === 'MATCH') return { payload: '', target: first, options: optionsOf(line, second) };
  if (OPEN_PAYLOAD_TYPES.has(keyword)) {
    const last = line.lastIndexOf(',');
    return { payload: line.slice(comma + 1, last), target: line.slice(last + 1).trim(), options: NO_OPTIONS };
  }
  const third = line.indexOf(',', second + 1);
  if (third < 0) return { payload: first, target: line.slice(second + 1).trim(), options: NO_OPTIONS };
  return { payload: first, target: line.slice(second + 1, third).trim(), options: optionsOf(line, third) };
}

function optionsOf(line: string, comma: number): readonly string[] {
  const options = line.slice(comma + 1).trim();
  if (options === 'no-resolve') return NO_RESOLVE;
  return options.split(',').map((option) => option.trim());
}

function parseCondition(keyword: string, payload: string, options: readonly string[]): RuleCondition {
  switch (keyword) {
    case 'DOMAIN':
      return { type: 'Domain', text: asciiDomain(payload) };
    case 'DOMAIN-SUFFIX':
      return {
        type: 'DomainSuffix',
        text: asciiDomain(payload.startsWith('.') ? payload.slice(1) : payload),
      };
    case 'DOMAIN-KEYWORD':
      return { type: 'DomainKeyword', text: asciiDomain(payload) };
    case 'IP-CIDR':
    case 'IP-CIDR6':
      return parseCidrRule(
        payload,
        options.includes('src') ? 'SrcIPCIDR' : 'IPCIDR',
        !options.includes('no-resolve'),
      );
    case 'SRC-IP-CIDR':
      return parseCidrRule(payload, 'SrcIPCIDR', false);
    case 'DST-PORT':
      return { type: 'DstPort', ranges: parsePorts(payload) };
    case 'SRC-PORT':
      return { type: 'SrcPort', ranges: parsePorts(payload) };
    case 'NETWORK':
      return { type: 'Network', network: parseNetwork(payload) };
    case 'MATCH':
      return { type: 'Match' };
    default:
      throw ruleError(
        KNOWN_TYPES.has(keyword)
          ? `rule type ${keyword} is not supported by this version yet`
          : `unsupported rule type ${keyword}`,
      );
  }
}

function parseCidrRule(payload: string, type: 'IPCIDR' | 'SrcIPCIDR', resolves: boolean): RuleCondition {
  const cidr = parseCidr(payload);
  if (cidr === undefined) throw ruleError('payloadRule error');
  return { type, cidr, wantsIp: type === 'IPCIDR' && resolves };
}

function parsePorts(payload: string): readonly IntRange[] {
  const ranges = parseIntRanges(payload, MAX_PORT);
  if (ranges.length === 0) throw ruleError('payloadRule error');
  return ranges;
}

function parseNetwork(payload: string): 'tcp' | 'udp' {
  const network = payload.toLowerCase();
  if (network !== 'tcp' && network !== 'udp') throw ruleError('unsupported network type, only TCP/UDP');
  return network;
}

/** Lower case, labels beyond ASCII as punycode; a name that IDNA refuses stays as it is and then never matches. */
function asciiDomain(text: string): string {
  if (isPlain(text)) return text;
  const lower = text.toLowerCase();
  return isPlain(lower) ? lower : domainToASCII(lower) || lower;
}

/** ASCII without capitals, as nearly all names are written. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 127 || (unit >= 65 && unit <= 90)) return false;
  }
  return true;
}

function payloadOf(condition: RuleCondition): string {
  switch (condition.type) {
    case 'Domain':
    case 'DomainSuffix':
    case 'DomainKeyword':
      return condition.text;
    case 'IPCIDR':
    case 'SrcIPCIDR':
      return condition.cidr.text;
    case 'DstPort':
    case 'SrcPort':
      return formatIntRanges(condition.ranges);
    case 'Network':
      return condition.network;
    case 'Match':
      return '';
  }
}

function ruleError(message: string): GatewayError {
  return new GatewayError('invalid', 'route.rule', message);
}
