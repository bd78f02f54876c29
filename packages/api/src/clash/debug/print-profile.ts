import type { RuntimeProfile } from './profile.ts';

/** A profile as text: a head, then every stack with its values, those with the most first. */
export function printProfile({ name, measures, samples, comment }: RuntimeProfile): string {
  const last = measures.length - 1;
  const totals = measures.map((_measure, index) =>
    samples.reduce((sum, { values }) => sum + (values[index] ?? 0), 0),
  );
  const head = `${name} profile: total ${totals.map(Math.round).join(' ')}`;
  const columns = `# ${measures.map(({ type, unit }) => `${type}/${unit}`).join(' ')}`;
  const stacks = samples
    .toSorted((a, b) => (b.values[last] ?? 0) - (a.values[last] ?? 0))
    .map(({ stack, values }) => {
      const lines = stack.map(({ functionName, file, line }) => `#\t${functionName}\t${file}:${line}\n`);
      return `${values.map(Math.round).join(' ')} @\n${lines.join('')}\n`;
    });
  return `${head}\n${columns}\n${comment === '' ? '' : `# ${comment}\n`}\n${stacks.join('')}`;
}
