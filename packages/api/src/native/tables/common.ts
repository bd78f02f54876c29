import type { Clock } from '@sluice/base/clock';
import Type from 'typebox';
import type { Done } from '../types.ts';

/** Rows in one answer of a live table; the total is told beside them. */
export const ROW_LIMIT = 2000;

/** The answer of an action without a result. */
export const DONE: Done = { ok: true };

export const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 256 }) });

const Name = Type.String({ minLength: 1, maxLength: 512 });

/** Path parameter of things that have names of the user's choice. */
export const NameParams = Type.Object({ name: Name });
export const NodeParams = Type.Object({ name: Name, node: Name });

/** What delays are measured with when neither the request nor the group says. */
export const DEFAULT_TEST_URL = 'https://www.gstatic.com/generate_204';
export const DEFAULT_TEST_TIMEOUT_MS = 5000;

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
