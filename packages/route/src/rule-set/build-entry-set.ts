import { DomainSetBuilder } from '@sluice/base/domain-set-builder';
import { parseCidr } from '@sluice/base/ip';
import { IpSetBuilder } from '@sluice/base/ip-set-builder';
import type { MrsRange } from '@sluice/codec/mrs/ranges';
import { CappedWarnings } from './capped-warnings.ts';
import { type EntryCursor, entryText } from './entry-cursor.ts';
import { DomainEntrySet, IpEntrySet } from './sets.ts';
import type { Steps } from './steps.ts';

const ENTRIES_PER_STEP = 8192;
const LONGEST_SHOWN = 100;
const MAPPED_PREFIX = 0xffff;

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
      warnings.add(() => `invalid domain:[${shown(entries)}]`);
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
    else warnings.add(() => `invalid Ipcidr:[${shown(entries)}]`);
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

/** Collects the entries as text. */
export function* collectLines(entries: EntryCursor): Steps<string[]> {
  const lines: string[] = [];
  while (entries.next()) {
    if (lines.push(entryText(entries)) % ENTRIES_PER_STEP === 0) yield;
  }
  return lines;
}

/** A range belongs to IPv4 when all of it is mapped. */
function addRange(builder: IpSetBuilder, { from, to }: MrsRange): void {
  const isV4 = [from, to].every(
    ([first, second, third]) => first === 0 && second === 0 && third === MAPPED_PREFIX,
  );
  if (isV4) builder.addV4(from[3], to[3]);
  else builder.addV6(from, to);
}

function shown(entries: EntryCursor): string {
  const text = entryText(entries);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
