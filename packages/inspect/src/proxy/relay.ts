import { type Duplex, finished } from 'node:stream';

/**
 * Carries bytes both ways until both directions have ended or one side failed; half-closes are passed on. Never rejects;
 * both streams are destroyed at the end.
 */
export function relay(left: Duplex, right: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 2;
  // A reset on one side ends the relay; destroying the other passes it on.
  const onFinished = (error: Error | null | undefined): void => {
    open--;
    if (open > 0 && (error === null || error === undefined)) return;
    left.destroy();
    right.destroy();
    resolve();
  };
  finished(left, onFinished);
  finished(right, onFinished);
  left.pipe(right);
  right.pipe(left);
  return promise;
}
