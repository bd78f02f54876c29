import { domainToASCII } from 'node:url';
import { errorText } from '@sluice/base/errors';
import { type Cidr, parseCidr } from '@sluice/base/ip';
import { type IntRange, parseIntRanges } from './int-ranges.ts';
import { type ChildText, parseChildren } from './parse-logic.ts';
import type { RuleCondition } from './rule-condition.ts';
import { ruleError } from './rule-error.ts';
import { regexTest, wildcardTest } from './text-pattern.ts';

const MAX_PORT = 65_535;
const MAX_UID = 0xffff_ffff;
const MAX_BYTE = 255;
const MAX_DSCP = 63;

/** How deep logic rules can be nested. */
const MAX_DEPTH = 32;

/** `IN-TYPE` keyword → the types of flows it stands for. */
const IN_TYPES: ReadonlyMap<string, readonly string[]> = new Map([
  ['SOCKS', ['Socks4', 'Socks5']],
  ['SOCKS4', ['Socks4']],
  ['SOCKS5', ['Socks5']],
  ['HTTP', ['HTTP']],
  ['HTTPS', ['HTTPS']],
  ['SHADOWSOCKS', ['ShadowSocks']],
  ['SNELL', ['Snell']],
  ['VMESS', ['Vmess']],
  ['VLESS', ['Vless']],
  ['REDIR', ['Redir']],
  ['TPROXY', ['TProxy']],
  ['TROJAN', ['Trojan']],
  ['TUNNEL', ['Tunnel']],
  ['TUN', ['Tun']],
  ['TUIC', ['Tuic']],
  ['HYSTERIA2', ['Hysteria2']],
  ['ANYTLS', ['AnyTLS']],
  ['MIERU', ['Mieru']],
  ['SUDOKU', ['Sudoku']],
  ['TRUSTTUNNEL', ['TrustTunnel']],
  ['INNER', ['Inner']],
]);

/**
 * Reads what a rule looks at. `keyword` is upper case; `MATCH` and `SUB-RULE` are for the caller.
 * @throws GatewayError `route.rule`
 */
export function parseCondition(
  keyword: string,
  payload: string,
  options: readonly string[],
  depth = 0,
): RuleCondition {
  const source = options.includes('src');
  const resolves = !source && !options.includes('no-resolve');
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
    case 'DOMAIN-REGEX':
      return { type: 'DomainRegex', text: payload, test: regexTest(payload) };
    case 'DOMAIN-WILDCARD': {
      const text = payload.toLowerCase();
      return { type: 'DomainWildcard', text, test: wildcardTest(text) };
    }
    case 'GEOSITE':
      return { type: 'GeoSite', text: payload };
    case 'GEOIP':
      return { type: source ? 'SrcGeoIP' : 'GeoIP', text: payload.toLowerCase(), wantsIp: resolves };
    case 'SRC-GEOIP':
      return { type: 'SrcGeoIP', text: payload.toLowerCase(), wantsIp: false };
    case 'IP-ASN':
      return { type: source ? 'SrcIPASN' : 'IPASN', text: payload, wantsIp: resolves };
    case 'SRC-IP-ASN':
      return { type: 'SrcIPASN', text: payload, wantsIp: false };
    case 'IP-CIDR':
    case 'IP-CIDR6':
      return { type: source ? 'SrcIPCIDR' : 'IPCIDR', cidr: prefixOf(payload), wantsIp: resolves };
    case 'SRC-IP-CIDR':
      return { type: 'SrcIPCIDR', cidr: prefixOf(payload), wantsIp: false };
    case 'IP-SUFFIX':
      return { type: source ? 'SrcIPSuffix' : 'IPSuffix', cidr: prefixOf(payload), wantsIp: resolves };
    case 'SRC-IP-SUFFIX':
      return { type: 'SrcIPSuffix', cidr: prefixOf(payload), wantsIp: false };
    case 'DST-PORT':
      return { type: 'DstPort', ranges: rangesOf(payload, MAX_PORT) };
    case 'SRC-PORT':
      return { type: 'SrcPort', ranges: rangesOf(payload, MAX_PORT) };
    case 'IN-PORT':
      return { type: 'InPort', ranges: rangesOf(payload, MAX_PORT) };
    case 'DSCP':
      return { type: 'DSCP', ranges: dscpRanges(payload) };
    case 'UID':
      return { type: 'Uid', ranges: uidRanges(payload) };
    case 'NETWORK':
      return { type: 'Network', network: networkOf(payload) };
    default:
      return parseRareCondition(keyword, payload, options, depth);
  }
}

function parseRareCondition(
  keyword: string,
  payload: string,
  options: readonly string[],
  depth: number,
): RuleCondition {
  switch (keyword) {
    case 'PROCESS-NAME':
      return { type: 'ProcessName', text: payload };
    case 'PROCESS-PATH':
      return { type: 'ProcessPath', text: payload };
    case 'PROCESS-NAME-REGEX':
      return { type: 'ProcessNameRegex', text: payload, test: regexTest(payload) };
    case 'PROCESS-PATH-REGEX':
      return { type: 'ProcessPathRegex', text: payload, test: regexTest(payload) };
    case 'PROCESS-NAME-WILDCARD':
      return { type: 'ProcessNameWildcard', text: payload, test: wildcardTest(payload) };
    case 'PROCESS-PATH-WILDCARD':
      return { type: 'ProcessPathWildcard', text: payload, test: wildcardTest(payload) };
    case 'IN-TYPE':
      return { type: 'InType', text: payload.toUpperCase(), values: inTypes(payload) };
    case 'IN-USER':
      return { type: 'InUser', text: payload, values: slashList(payload) };
    case 'IN-NAME':
      return { type: 'InName', text: payload, values: slashList(payload) };
    case 'REMATCH-NAME':
      return { type: 'RematchName', text: payload };
    case 'RULE-SET': {
      const source = options.includes('src');
      return { type: 'RuleSet', text: payload, source, resolves: !source && !options.includes('no-resolve') };
    }
    case 'AND':
    case 'OR':
    case 'NOT':
      return parseLogic(keyword, payload, depth);
    default:
      throw ruleError(`unsupported rule type ${keyword}`);
  }
}

function parseLogic(type: 'AND' | 'OR' | 'NOT', payload: string, depth: number): RuleCondition {
  if (depth >= MAX_DEPTH) throw ruleError(`logic rules nested deeper than ${MAX_DEPTH}`);
  const children = parseChildren(payload).map((child) => parseChild(child, depth + 1));
  if (type === 'NOT' && children.length !== 1) throw ruleError('not rule must contain one rule');
  return { type, children };
}

function parseChild({ keyword, payload, options }: ChildText, depth: number): RuleCondition {
  return parseCondition(keyword, payload, options, depth);
}

/** Reads `(T,p)`, the condition of a SUB-RULE. @throws GatewayError `route.rule` */
export function parseSubRuleCondition(payload: string): RuleCondition {
  const [child, ...others] = parseChildren(`(${payload})`);
  if (child === undefined || others.length > 0) throw ruleError('Sub-Rule rule must contain one rule');
  return parseChild(child, 0);
}

function prefixOf(payload: string): Cidr {
  const cidr = parseCidr(payload);
  if (cidr === undefined) throw ruleError('payloadRule error');
  return cidr;
}

/** Ranges that must not stand for everything. */
function rangesOf(payload: string, maximum: number): readonly IntRange[] {
  const ranges = parseIntRanges(payload, maximum);
  if (ranges.length === 0) throw ruleError('payloadRule error');
  return ranges;
}

function dscpRanges(payload: string): readonly IntRange[] {
  let ranges: readonly IntRange[];
  try {
    ranges = parseIntRanges(payload, MAX_BYTE);
  } catch (error) {
    throw ruleError(`parse DSCP rule fail: ${errorText(error)}`, error);
  }
  if (ranges.some(({ last }) => last > MAX_DSCP)) {
    throw ruleError("DSCP couldn't be negative or exceed 63");
  }
  return ranges;
}

function uidRanges(payload: string): readonly IntRange[] {
  if (process.platform !== 'linux' && process.platform !== 'android') {
    throw ruleError('uid rule not support this platform');
  }
  return rangesOf(payload, MAX_UID);
}

function networkOf(payload: string): 'tcp' | 'udp' {
  const network = payload.toLowerCase();
  if (network !== 'tcp' && network !== 'udp') throw ruleError('unsupported network type, only TCP/UDP');
  return network;
}

function inTypes(payload: string): readonly string[] {
  return slashList(payload).flatMap((type) => {
    const names = IN_TYPES.get(type.toUpperCase());
    if (names === undefined) throw ruleError(`unknown type: ${type}`);
    return names;
  });
}

function slashList(payload: string): readonly string[] {
  return payload.split('/').map((value) => value.trim());
}

/** Lower case, labels beyond ASCII as punycode; a name that IDNA refuses stays as it is and then never matches. */
export function asciiDomain(text: string): string {
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
