import type { Clock } from '@sluice/base/clock';
import Type from 'typebox';
import type { Done } from '../types.ts';

/** Rows in one answer of a live table; the total is told beside them. */
export const ROW_LIMIT = 2000;

/** The answer of an action without a result. */
export const DONE: Done = { ok: true };

export const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 256 }) });

export const IntervalQuery = Type.Object({
  intervalMs: Type.Optional(Type.Integer({ minimum: 250, maximum: 60_000, default: 1000 })),
});

const DEFAULT_INTERVAL_MS = 1000;

/** Runs `task` at once and then every `intervalMs`; returns the way to stop. */
export function repeat(clock: Clock, intervalMs: number | undefined, task: () => void): () => void {
  task();
  const timer = clock.every(intervalMs ?? DEFAULT_INTERVAL_MS, task);
  return () => timer.cancel();
}
