import { setImmediate as nextIteration } from 'node:timers/promises';

/** A piece of work in steps of a few milliseconds each; its result is what it returns. */
export type Steps<R> = Generator<undefined, R, undefined>;

/** When the step that was asked for last has had its turn. */
let lastTurn: Promise<void> = Promise.resolve();

/** Does all steps one after the other. */
export function runAtOnce<R>(steps: Steps<R>): R {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does one step in an iteration of the event loop, whatever number of pieces is under way, so that other work goes on. */
export async function runInTurns<R>(steps: Steps<R>): Promise<R> {
  for (;;) {
    lastTurn = lastTurn.then(() => nextIteration());
    await lastTurn;
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
