import { setImmediate as nextTurn } from 'node:timers/promises';

/** A piece of work in steps of a few milliseconds each; its result is what it returns. */
export type Steps<R> = Generator<undefined, R, undefined>;

/** Does all steps one after the other. */
export function runAtOnce<R>(steps: Steps<R>): R {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Lets other work of the process go on between steps. */
export async function runInTurns<R>(steps: Steps<R>): Promise<R> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await nextTurn();
  }
}
