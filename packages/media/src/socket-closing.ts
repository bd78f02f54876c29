import type { Socket } from 'node:net';

const LINGER_MS = 10_000;

/** Sends what is queued, then closes; a peer that does not read it is cut off after ten seconds. */
export function closeGently(socket: Socket): void {
  if (socket.destroyed) return;
  socket.setTimeout(LINGER_MS, () => socket.destroy());
  socket.destroySoon();
}
