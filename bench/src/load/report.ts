import { setTimeout as sleep } from 'node:timers/promises';

/** The options a load was started with; the harness that wrote them is the only caller. */
export function loadOptions<T extends object>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

/** Tells the harness what happened. */
export function report(event: 'ready' | 'start' | 'end', fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

/** Ends the load with its reason; the harness shows it. */
export function failLoad(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

/**
 * Lets the load run in, then reports its start and, `seconds` later, its end with what `read` counts between the two.
 * `read` returns running totals.
 */
export async function measureWindow(
  warmUpMs: number,
  seconds: number,
  read: () => Readonly<Record<string, number>>,
): Promise<void> {
  await sleep(warmUpMs);
  const before = read();
  const startMs = performance.now();
  report('start');
  await sleep(seconds * 1_000);
  const after = read();
  const elapsed = (performance.now() - startMs) / 1_000;
  const counted = Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]);
  report('end', { seconds: elapsed, ...Object.fromEntries(counted) });
}
