import type { Duplex } from 'node:stream';
import type { Relay } from './relay.ts';

/** Both streams end when one is closed before its time; the result is over when both are closed. */
export function closeTogether(a: Duplex, b: Duplex): Relay {
  const finished = Promise.withResolvers<void>();
  const close = () => {
    a.destroy();
    b.destroy();
    finished.resolve();
  };
  const watch = (side: Duplex, other: Duplex) => {
    // The close that follows an error ends the relay.
    side.on('error', close);
    side.once('close', () => {
      const ended = side.readableEnded && side.writableFinished && other.readableEnded;
      // An orderly end leaves the other side time to write what it still holds.
      if (!ended || other.closed) close();
    });
  };
  watch(a, b);
  watch(b, a);
  if (a.destroyed || b.destroyed) close();
  return { finished: finished.promise, close };
}
