import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';

/**
 * Carries bytes both ways until both directions have ended or one side failed; half-closes are passed on. Never rejects;
 * both streams are destroyed at the end.
 */
export async function relay(left: Duplex, right: Duplex): Promise<void> {
  left.pipe(right);
  right.pipe(left);
  const ends = [finished(left), finished(right)];
  try {
    await Promise.race(ends.map((end) => end.then(() => Promise.all(ends))));
  } catch {
    // A reset on one side is the end of the relay, not a failure of ours; destroying passes it on.
  } finally {
    left.destroy();
    right.destroy();
  }
}
