import { parseArgs } from 'node:util';

/** How a run measures. */
export type BenchOptions = {
  /** Measurements per variant; medians are printed. */
  readonly repeats: number;
  /** Measured time of one repeat. */
  readonly seconds: number;
  /** Adds the variants that take long. */
  readonly full: boolean;
};

/** Reads `[rows…] [--repeats N] [--seconds N] [--full]`. @throws Error naming what is wrong */
export function parseOptions(args: readonly string[]): {
  readonly names: string[];
  readonly options: BenchOptions;
} {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      repeats: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '2' },
      full: { type: 'boolean', default: false },
    },
  });
  const options = {
    repeats: bounded('repeats', values.repeats, 1, 50),
    seconds: bounded('seconds', values.seconds, 0.2, 60),
    full: values.full,
  };
  return { names: positionals, options };
}

function bounded(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!(value >= least && value <= most))
    throw new Error(`--${name} must be from ${least} to ${most}, not "${text}"`);
  return value;
}
