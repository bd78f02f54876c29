import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The native handle of a socket; Node has no public name for it. */
type WithHandle = {
  _handle: (object & { reading?: boolean; readonly fd?: number; readStop?(): number; close?(): void }) | null;
};

/** What a re-opened socket reads into, and who gets it. */
export type ReadInto = {
  /** The buffer of the next read; asked again after every read. */
  readonly buffer: () => Uint8Array;
  /** Bytes that were read; valid until it returns true. False stops reading until `resume`. */
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
};

/** True when a stream's handle can be moved into a socket that reads into a buffer of our choice. */
export function canTakeOver(stream: unknown): stream is Socket {
  if (!(stream instanceof Socket) || stream instanceof TLSSocket) return false;
  const handle = (stream as unknown as WithHandle)._handle;
  return (
    typeof handle?.readStop === 'function' &&
    !stream.destroyed &&
    !stream.connecting &&
    !stream.readableEnded &&
    !stream.writableEnded &&
    stream.writableLength === 0
  );
}

/**
 * Moves the native handle into a new socket with `onread`, which accepted sockets cannot be given otherwise, and returns
 * it with what the old socket had read ahead. The old socket is left empty and closes after the new one; `canTakeOver`
 * must have held in this same turn. The new socket does not hand over anything before the next turn.
 */
export function takeOver(
  old: Socket,
  onread: ReadInto,
): { readonly socket: Socket; readonly readAhead: Uint8Array } {
  const holder = old as unknown as WithHandle;
  const handle = holder._handle;
  handle?.readStop?.();
  if (handle !== null) handle.reading = false;
  const chunks: Buffer[] = [];
  for (let chunk = old.read() as Buffer | null; chunk !== null; chunk = old.read() as Buffer | null)
    chunks.push(chunk);
  // Reading may have asked the handle for more.
  handle?.readStop?.();
  if (handle !== null) handle.reading = false;
  holder._handle = null;
  const options = { handle, allowHalfOpen: true, onread };
  const socket = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
  // Whoever watches the old socket still learns of the end.
  socket.once('close', () => old.destroy());
  return { socket, readAhead: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) };
}

/** The descriptor of a socket for which `canTakeOver` holds. */
export function descriptorOf(socket: Socket): number {
  return (socket as unknown as WithHandle)._handle?.fd ?? -1;
}

/** Closes a socket's own descriptor without ending the connection, for which somebody else has a duplicate. The socket is left open and empty. */
export function detach(socket: Socket): void {
  const holder = socket as unknown as WithHandle;
  const handle = holder._handle;
  handle?.readStop?.();
  holder._handle = null;
  handle?.close?.();
}
