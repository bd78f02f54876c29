import { errorText } from '@sluice/base/errors';
import { geoKindsOfRules } from '../geo/geo-kinds.ts';
import type { GeoKind } from '../geo/geo-source.ts';
import { compileEntries } from '../rule/compile-entries.ts';
import type { RuleResources } from '../rule/rule-resources.ts';
import { buildDomainSet, buildIpSet, type ClassicalParts, splitClassical } from './build-entry-set.ts';
import { CappedWarnings } from './capped-warnings.ts';
import { contentError } from './content-error.ts';
import { type EntryCursor, ListEntries, TextEntries } from './entry-cursor.ts';
import type { EntrySet, SetBehavior } from './entry-set.ts';
import { buildMrsSet, unpackMrs, unpackMrsAsync } from './mrs-content.ts';
import { ClassicalEntrySet } from './sets.ts';
import { runAtOnce, runInTurns, type Steps } from './steps.ts';
import { yamlEntries } from './yaml-entries.ts';

/** `format` says nothing about a list in memory. */
export type EntrySetOptions = { readonly behavior: SetBehavior; readonly format: 'yaml' | 'text' | 'mrs' };

/** A file, or the `payload` of an inline provider. */
export type EntryContent = Uint8Array | readonly string[];

/** Told of entries that are left out; called a limited number of times a load. */
export type WarnOfEntry = (message: string) => void;

/**
 * Compiles the content of a rule provider. Large ones take long: `loadEntrySetAsync` lets other work go on.
 * @throws GatewayError `rule-set.content` with the text to show; single bad entries only warn
 */
export function loadEntrySet(
  content: EntryContent,
  options: EntrySetOptions,
  resources: RuleResources,
  warn: WarnOfEntry,
): EntrySet {
  const unpacked = isMrs(content, options) ? unpackMrs(content) : content;
  if (options.behavior !== 'classical') return runAtOnce(buildSet(unpacked, options, warn));
  return compileClassical(runAtOnce(splitClassical(entriesOf(unpacked, options, warn))), resources, warn);
}

/**
 * As `loadEntrySet`, in steps of some milliseconds; only the compilation of classical entries that are not plain names is one step.
 * @param ensureGeo makes the geo databases present that classical entries read; its failure is a warning
 */
export async function loadEntrySetAsync(
  content: EntryContent,
  options: EntrySetOptions,
  resources: RuleResources,
  warn: WarnOfEntry,
  ensureGeo?: (kinds: ReadonlySet<GeoKind>) => Promise<void>,
): Promise<EntrySet> {
  const unpacked = isMrs(content, options) ? await unpackMrsAsync(content) : content;
  if (options.behavior !== 'classical') return runInTurns(buildSet(unpacked, options, warn));
  const parts = await runInTurns(splitClassical(entriesOf(unpacked, options, warn)));
  const kinds = geoKindsOfRules(parts.lines, resources.geo.datMode);
  if (kinds.size > 0 && ensureGeo !== undefined) {
    try {
      await ensureGeo(kinds);
    } catch (error) {
      warn(errorText(error));
    }
  }
  return compileClassical(parts, resources, warn);
}

function isMrs(content: EntryContent, { behavior, format }: EntrySetOptions): content is Uint8Array {
  if (format !== 'mrs' || !(content instanceof Uint8Array)) return false;
  if (behavior === 'classical') throw contentError('invalid format');
  return true;
}

function entriesOf(content: EntryContent, { format }: EntrySetOptions, warn: WarnOfEntry): EntryCursor {
  if (!(content instanceof Uint8Array)) return new ListEntries(content);
  return format === 'yaml' ? yamlEntries(content, warn) : new TextEntries(content);
}

function buildSet(content: EntryContent, options: EntrySetOptions, warn: WarnOfEntry): Steps<EntrySet> {
  const { behavior, format } = options;
  if (format === 'mrs' && content instanceof Uint8Array) return buildMrsSet(content, behavior, warn);
  const entries = entriesOf(content, options, warn);
  return behavior === 'domain' ? buildDomainSet(entries, warn) : buildIpSet(entries, warn);
}

function compileClassical(
  { domains, lines }: ClassicalParts,
  resources: RuleResources,
  warn: WarnOfEntry,
): EntrySet {
  const warnings = new CappedWarnings(warn);
  const entries = compileEntries(lines, resources, (message) => warnings.add(() => message));
  warnings.finish();
  return new ClassicalEntrySet(domains, entries);
}
