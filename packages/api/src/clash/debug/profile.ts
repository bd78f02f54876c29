/** A function on a stack; `line` counts from one, 0 when unknown. */
export type Frame = { readonly functionName: string; readonly file: string; readonly line: number };

/** What one stack (leaf first) stands for, a value for each of the profile's measures. */
export type ProfileSample = { readonly stack: readonly Frame[]; readonly values: readonly number[] };

/** What the values of samples count, for example `inuse_space` in `bytes`. */
export type Measure = { readonly type: string; readonly unit: string };

/** A profile before it is written down. */
export type RuntimeProfile = {
  readonly name: string;
  /** Tools show the last one unless they are asked for another. */
  readonly measures: readonly Measure[];
  readonly samples: readonly ProfileSample[];
  /** When it was taken, milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** The time it covers, 0 for a moment. */
  readonly durationMs: number;
  /** What lies between two samples. */
  readonly period: { readonly measure: Measure; readonly value: number } | undefined;
  readonly comment: string;
};

/** Joins samples of the same stack and leaves out those without any value. */
export function mergeSamples(samples: Iterable<ProfileSample>): readonly ProfileSample[] {
  const merged = new Map<string, { readonly stack: readonly Frame[]; readonly values: number[] }>();
  for (const { stack, values } of samples) {
    const key = stack.map((frame) => `${frame.functionName}\0${frame.file}\0${frame.line}`).join('\n');
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { stack, values: [...values] });
    else
      for (const [index, value] of values.entries()) known.values[index] = (known.values[index] ?? 0) + value;
  }
  return [...merged.values()].filter(({ values }) => values.some((value) => value !== 0));
}

/** What changed from one moment to a later one. */
export function differenceOf(before: RuntimeProfile, after: RuntimeProfile): RuntimeProfile {
  const negative = before.samples.map(({ stack, values }) => ({
    stack,
    values: values.map((value) => -value),
  }));
  return {
    ...after,
    samples: mergeSamples([...after.samples, ...negative]),
    timeMs: before.timeMs,
    durationMs: after.timeMs - before.timeMs,
  };
}
