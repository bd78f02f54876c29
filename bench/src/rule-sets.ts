import { zstdCompressSync } from 'node:zlib';
import { encodeMrsDomains } from '@sluice/codec/mrs/encode-domains';
import type { GeoSource } from '@sluice/route/geo/geo-source';
import type { EntrySet } from '@sluice/route/rule-set/entry-set';
import { loadEntrySet, loadEntrySetAsync } from '@sluice/route/rule-set/load-entry-set';
import type { BenchRow } from './bench-row.ts';

const PROVIDERS = 30;
const ENTRIES_EACH = 10_000;
const LARGE_SET = 100_000;
const QUERIES = 20_000;
const REPEATS = 7;
const WARM_UPS = 5;
const FORMATS = ['yaml', 'text', 'mrs'] as const;
type Format = (typeof FORMATS)[number];

/** Measures 30 rule providers of 10,000 domains each in all formats, and lookups in a set of 100,000. */
export async function benchRuleSets(): Promise<BenchRow[]> {
  const files = Array.from({ length: PROVIDERS }, (_, index) => {
    const format = FORMATS[index % FORMATS.length] ?? 'yaml';
    return { format, bytes: encode(patterns(index * ENTRIES_EACH, ENTRIES_EACH), format) };
  });
  const all: BenchRow = { name: 'sets: load 300,000 entries of 30 files', unit: 'ms', values: [] };
  const turn: BenchRow = { name: 'sets: longest wait of others meanwhile', unit: 'ms', values: [] };
  const memory: BenchRow = { name: 'sets: memory of 300,000 entries', unit: 'MB', values: [] };
  const kept: EntrySet[][] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = usedMegabytes();
    const watch = watchTurns();
    const start = performance.now();
    const sets = await Promise.all(
      files.map(({ bytes, format }) =>
        loadEntrySetAsync(bytes, { behavior: 'domain', format }, resources, refuse),
      ),
    );
    all.values.push(performance.now() - start);
    turn.values.push(watch.stop());
    kept.push(sets);
    if (before !== undefined) memory.values.push((usedMegabytes() ?? 0) - before);
  }
  if (kept.flat().some(({ count }) => count < ENTRIES_EACH)) throw new Error('entries were lost');
  return [all, turn, ...(memory.values.length > 0 ? [memory] : []), ...FORMATS.map(loadRow), lookupRow()];
}

function loadRow(format: Format): BenchRow {
  const bytes = encode(patterns(0, LARGE_SET), format);
  const row: BenchRow = { name: `sets: load 100,000 entries, ${format}`, unit: 'ms', values: [] };
  for (let repeat = -1; repeat < REPEATS; repeat++) {
    const start = performance.now();
    loadEntrySet(bytes, { behavior: 'domain', format }, resources, refuse);
    if (repeat >= 0) row.values.push(performance.now() - start);
  }
  return row;
}

function lookupRow(): BenchRow {
  const set = loadEntrySet(patterns(0, LARGE_SET), { behavior: 'domain', format: 'text' }, resources, refuse);
  const row: BenchRow = { name: 'sets: lookup in 100,000 entries', unit: 'ns', values: [] };
  const hosts = Array.from({ length: QUERIES }, (_, index) => {
    const name = nameOf((index * 7919) % LARGE_SET);
    return Buffer.from(index % 2 === 0 ? `www.${name}` : `${name.slice(1)}x`).toString('latin1');
  });
  for (let repeat = -WARM_UPS; repeat < REPEATS; repeat++) {
    let found = 0;
    const start = performance.now();
    for (const host of hosts) if (set.hasDomain(host)) found++;
    if (repeat >= 0) row.values.push(((performance.now() - start) * 1e6) / hosts.length);
    if (found !== QUERIES / 2) throw new Error('half of the names are in the set');
  }
  return row;
}

/** The longest iteration of the event loop. */
function watchTurns(): { stop(): number } {
  let longest = 0;
  let last = performance.now();
  let isOver = false;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  return {
    stop() {
      isOver = true;
      return Math.max(longest, performance.now() - last);
    },
  };
}

function patterns(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `+.${nameOf(from + index)}`);
}

/** A name of the length that names have; multiplying by an odd number keeps them distinct. */
function nameOf(index: number): string {
  return `${(Math.imul(index, 0x9e37_79b1) >>> 0).toString(36)}.site${index % 977}.com`;
}

function encode(list: readonly string[], format: Format): Uint8Array {
  if (format === 'mrs') return zstdCompressSync(encodeMrsDomains(list));
  const text =
    format === 'text' ? list.join('\n') : `payload:\n${list.map((each) => `  - '${each}'\n`).join('')}`;
  return Buffer.from(text);
}

function refuse(message: string): void {
  throw new Error(message);
}

function usedMegabytes(): number | undefined {
  if (globalThis.gc === undefined) return undefined;
  for (let count = 0; count < 3; count++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** The measured sets read no geo database and no other set. */
const geo: GeoSource = {
  datMode: false,
  countriesOf: () => [],
  asnOf: () => ({ number: '', organization: '' }),
  siteList: () => ({ size: 0, matches: () => false }),
  ipList: () => ({ size: 0, matches: () => false }),
  ipListSize: () => 0,
};
const resources = { geo, findSet: () => undefined, fakeIpBroadcast: '' };
