import type { Server, Socket } from 'node:net';

/** The native handle of a socket or server; Node has no public name for it. */
type WithHandle = { readonly _handle: { readonly fd?: number } | null };

/** The descriptor of an open socket or server, which stays its own; `undefined` when it has none. */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const fd = (socket as unknown as WithHandle)._handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}
