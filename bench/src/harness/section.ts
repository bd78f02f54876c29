import { type BenchRow, medianOf } from '../bench-row.ts';

/** A quotient of two medians and what it is meant to reach. */
type Ratio = {
  readonly name: string;
  readonly value: number;
  readonly target: string;
  readonly reached: boolean;
};

/** One table of the report. */
export type Section = {
  readonly title: string;
  readonly rows: BenchRow[];
  readonly ratios: Ratio[];
  readonly notes: string[];
};

/** A bound on a figure or ratio: `<= 0.5` or `>= 2`. */
export type Target = { readonly most: number } | { readonly least: number };

export function emptySection(title: string): Section {
  return { title, rows: [], ratios: [], notes: [] };
}

/** Adds one value to the row of that name and unit, which is made at its first value. */
export function addValue(section: Section, name: string, unit: string, value: number, note?: string): void {
  const known = section.rows.find((row) => row.name === name && row.unit === unit);
  if (known !== undefined) known.values.push(value);
  else section.rows.push({ name, unit, values: [value], ...(note === undefined ? {} : { note }) });
}

/** Adds a note once. */
export function addNote(section: Section, note: string): void {
  if (!section.notes.includes(note)) section.notes.push(note);
}

/** Compares the median of one row with another's, or with a plain bound when no other is named. */
export function compare(
  section: Section,
  unit: string,
  name: string,
  to: string | undefined,
  target: Target,
): void {
  const find = (wanted: string) => section.rows.find((row) => row.name === wanted && row.unit === unit);
  const ours = find(name);
  const theirs = to === undefined ? undefined : find(to);
  if (ours === undefined || (to !== undefined && theirs === undefined)) return;
  const value = theirs === undefined ? medianOf(ours) : medianOf(ours) / medianOf(theirs);
  const isMost = 'most' in target;
  section.ratios.push({
    name: to === undefined ? `${name}, ${unit}` : `${name} / ${to}, ${unit}`,
    value,
    target: isMost ? `<= ${target.most}` : `>= ${target.least}`,
    reached: isMost ? value <= target.most : value >= target.least,
  });
}

/** The section as text for a terminal. */
export function printSection(section: Section): string {
  const width = Math.max(
    20,
    ...section.rows.map((row) => row.name.length),
    ...section.ratios.map((ratio) => ratio.name.length),
  );
  const lines = ['', section.title, '-'.repeat(section.title.length)];
  for (const row of section.rows) {
    const spread =
      row.values.length > 1
        ? `  (${figure(Math.min(...row.values))} to ${figure(Math.max(...row.values))})`
        : '';
    const note = row.note === undefined ? '' : `  ${row.note}`;
    lines.push(
      `  ${row.name.padEnd(width)} ${figure(medianOf(row)).padStart(10)} ${row.unit}${spread}${note}`,
    );
  }
  for (const ratio of section.ratios) {
    const verdict = ratio.reached ? 'reached' : 'MISSED';
    lines.push(
      `  ${ratio.name.padEnd(width)} ${figure(ratio.value).padStart(10)} target ${ratio.target}: ${verdict}`,
    );
  }
  return [...lines, ...section.notes.map((note) => `  note: ${note}`)].join('\n');
}

/** Three significant digits, thousands separated. */
function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
