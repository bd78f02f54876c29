import type { DomainSet } from '@sluice/base/domain-set';
import { DomainSetBuilder } from '@sluice/base/domain-set-builder';
import { parseCidr } from '@sluice/base/ip';
import { IpSetBuilder } from '@sluice/base/ip-set-builder';
import type { MrsRange } from '@sluice/codec/mrs/ranges';
import { CappedWarnings, shortened } from './capped-warnings.ts';
import { type EntryCursor, entryText } from './entry-cursor.ts';
import { DomainEntrySet, IpEntrySet } from './sets.ts';
import type { Steps } from './steps.ts';

const ENTRIES_PER_STEP = 4096;
const MAPPED_PREFIX = 0xffff;
const COMMA = 44;
const SUFFIX_KEYWORD = Buffer.from('DOMAIN-SUFFIX,');
const DOMAIN_KEYWORD = Buffer.from('DOMAIN,');

/** Compiles domain patterns; `count` is what to show instead of the number of entries taken. */
export function* buildDomainSet(
  entries: EntryCursor,
  warn: (message: string) => void,
  count?: number,
): Steps<DomainEntrySet> {
  const builder = new DomainSetBuilder();
  const warnings = new CappedWarnings(warn);
  for (let seen = 1; entries.next(); seen++) {
    if (!builder.add(entries.bytes, entries.start, entries.end))
      warnings.add(() => `invalid domain:[${shortened(entryText(entries))}]`);
    if (seen % ENTRIES_PER_STEP === 0) yield;
  }
  warnings.finish();
  return new DomainEntrySet(builder.build(), count ?? builder.size);
}

/** Compiles prefixes; addresses without a prefix length are none. */
export function* buildIpSet(entries: EntryCursor, warn: (message: string) => void): Steps<IpEntrySet> {
  const builder = new IpSetBuilder();
  const warnings = new CappedWarnings(warn);
  let count = 0;
  for (let seen = 1; entries.next(); seen++) {
    const cidr = parseCidr(entryText(entries));
    if (cidr !== undefined && builder.addCidr(cidr)) count++;
    else warnings.add(() => `invalid Ipcidr:[${shortened(entryText(entries))}]`);
    if (seen % ENTRIES_PER_STEP === 0) yield;
  }
  warnings.finish();
  return new IpEntrySet(builder.build(), count);
}

/** Compiles ranges of which `count` is shown as their number. */
export function* buildRangeSet(ranges: Iterable<MrsRange>, count: number): Steps<IpEntrySet> {
  const builder = new IpSetBuilder();
  let seen = 0;
  for (const { from, to } of ranges) {
    addRange(builder, { from, to });
    if (++seen % ENTRIES_PER_STEP === 0) yield;
  }
  return new IpEntrySet(builder.build(), count);
}

/** Classical entries, sorted by how they are compiled. */
export type ClassicalParts = {
  /** Names of plain `DOMAIN` and `DOMAIN-SUFFIX` entries, which long lists consist of. */
  readonly domains: DomainSet;
  /** All other entries. */
  readonly lines: readonly string[];
};

/** Takes plain domain entries out of a classical list, so that they need no rule each. */
export function* splitClassical(entries: EntryCursor): Steps<ClassicalParts> {
  const builder = new DomainSetBuilder();
  const lines: string[] = [];
  for (let seen = 1; entries.next(); seen++) {
    if (!addPlainDomain(builder, entries)) lines.push(entryText(entries));
    if (seen % ENTRIES_PER_STEP === 0) yield;
  }
  return { domains: builder.build(), lines };
}

/** False for anything but a name in ASCII without options. */
function addPlainDomain(builder: DomainSetBuilder, { bytes, start, end }: EntryCursor): boolean {
  const isSuffix = startsWith(bytes, start, SUFFIX_KEYWORD);
  if (!isSuffix && !startsWith(bytes, start, DOMAIN_KEYWORD)) return false;
  const nameStart = start + (isSuffix ? SUFFIX_KEYWORD : DOMAIN_KEYWORD).length;
  const comma = bytes.indexOf(COMMA, nameStart);
  if (comma >= 0 && comma < end) return false;
  return builder.addName(bytes, nameStart, end, isSuffix);
}

function startsWith(bytes: Uint8Array, at: number, keyword: Uint8Array): boolean {
  for (let index = 0; index < keyword.length; index++) {
    if (bytes[at + index] !== keyword[index]) return false;
  }
  return true;
}

/** A range belongs to IPv4 when all of it is mapped. */
function addRange(builder: IpSetBuilder, { from, to }: MrsRange): void {
  const isV4 = [from, to].every(
    ([first, second, third]) => first === 0 && second === 0 && third === MAPPED_PREFIX,
  );
  if (isV4) builder.addV4(from[3], to[3]);
  else builder.addV6(from, to);
}
