import { parseIpv4 } from '@sluice/base/ip';
import type { RuleListBuilder } from './rule-list-builder.ts';

const COMMA = 44;
const DOT = 46;
const SUFFIX_START = 'DOMAIN-SUFFIX,';
const DOMAIN_START = 'DOMAIN,';
const CIDR_START = 'IP-CIDR,';
const NO_RESOLVE_END = ',no-resolve';

/**
 * Adds a rule as nearly all are written, without anything in it that has to be trimmed, lowered or converted. Long lists
 * consist of such lines, and cutting each up takes most of the time of reading them. False when the line is not so plain.
 */
export function addPlainLine(line: string, builder: RuleListBuilder): boolean {
  if (line.startsWith(SUFFIX_START)) return addDomain(line, true, SUFFIX_START.length, builder);
  if (line.startsWith(CIDR_START)) return addPrefix(line, builder);
  return line.startsWith(DOMAIN_START) && addDomain(line, false, DOMAIN_START.length, builder);
}

function addDomain(line: string, isSuffix: boolean, start: number, builder: RuleListBuilder): boolean {
  let end = start;
  for (let unit = line.charCodeAt(end); unit !== COMMA; unit = line.charCodeAt(++end)) {
    if (!isPlainUnit(unit)) return false;
  }
  if (end === start || line.charCodeAt(start) === DOT) return false;
  // With options there are more commas, and then no target reaches to the end.
  return builder.addDomain(line, isSuffix, start, end);
}

/** Visible ASCII without capitals; false for NaN, which is what there is behind the end of a text. */
function isPlainUnit(unit: number): boolean {
  return unit > 32 && unit < 127 && !(unit >= 65 && unit <= 90);
}

function addPrefix(line: string, builder: RuleListBuilder): boolean {
  const slash = line.indexOf('/', CIDR_START.length);
  const address = slash < 0 ? -1 : parseIpv4(line, CIDR_START.length, slash);
  if (address < 0) return false;
  const comma = line.indexOf(',', slash);
  const length = lengthAt(line, slash + 1, comma);
  if (length < 0) return false;
  const wantsIp = !line.endsWith(NO_RESOLVE_END);
  const end = wantsIp ? line.length : line.length - NO_RESOLVE_END.length;
  return builder.addPrefix(line, address, length, comma + 1, end, wantsIp);
}

/** A number up to 32 of one or two digits without a leading zero, -1 when it is anything else. */
function lengthAt(line: string, start: number, end: number): number {
  const tens = line.charCodeAt(start) - 48;
  if (end === start + 1) return tens >= 0 && tens <= 9 ? tens : -1;
  const ones = line.charCodeAt(start + 1) - 48;
  if (end !== start + 2 || !(tens >= 1 && tens <= 3) || !(ones >= 0 && ones <= 9)) return -1;
  const length = tens * 10 + ones;
  return length <= 32 ? length : -1;
}
