import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { isRetryable } from '../outbound/outbound.ts';

const BUDGET_MS = 5_000;
const ATTEMPTS = 10;
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 1_000;

/**
 * Tries to open something up to ten times within five seconds, waiting longer from time to time.
 * @throws the last error; a `GatewayError` of kind `timeout` when the budget ran out during an attempt
 */
export async function dialWithRetry<T>(
  clock: Clock,
  open: (signal: AbortSignal) => Promise<T>,
  cancel?: AbortSignal,
): Promise<T> {
  const budget = new AbortController();
  const timer = clock.after(BUDGET_MS, () => budget.abort());
  const onCancel = () => budget.abort();
  cancel?.addEventListener('abort', onCancel, { once: true });
  if (cancel?.aborted === true) budget.abort();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await open(budget.signal);
      } catch (error) {
        if (budget.signal.aborted) throw exhausted(error);
        if (attempt === ATTEMPTS || !isRetryable(error)) throw error;
        await pause(clock, attempt, budget.signal);
        if (budget.signal.aborted) throw error;
      }
    }
  } finally {
    timer.cancel();
    cancel?.removeEventListener('abort', onCancel);
  }
}

function exhausted(error: unknown): GatewayError {
  return new GatewayError('timeout', 'route.dial-timeout', errorText(error), { cause: error });
}

async function pause(clock: Clock, attempt: number, signal: AbortSignal): Promise<void> {
  const current = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  const waitMs = FIRST_WAIT_MS + Math.random() * (current - FIRST_WAIT_MS);
  const waited = Promise.withResolvers<void>();
  const timer = clock.after(waitMs, waited.resolve);
  signal.addEventListener('abort', () => waited.resolve(), { once: true });
  await waited.promise;
  timer.cancel();
}
