/** One measured figure: the repeats in the order they were taken. */
export type BenchRow = {
  readonly name: string;
  readonly unit: string;
  readonly values: number[];
  readonly note?: string;
};

/** The middle value of the repeats, the lower one of two. */
export function medianOf(row: BenchRow): number {
  const sorted = row.values.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
