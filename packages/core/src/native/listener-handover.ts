import type { Server } from 'node:net';
import { errorText, GatewayError } from '@sluice/base/errors';
import { descriptorOf } from './descriptor.ts';
import { loadFfi } from './ffi.ts';
import { nativeSockets } from './native-sockets.ts';

/** Where a server is to listen. */
export type ListenPlace = {
  /** Empty for every address. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly backlog?: number;
  /** A listening descriptor that was set up otherwise than Node does, and what tells it apart from others on that address. */
  readonly special?: { readonly name: string; readonly open: () => number };
};

/** Names the descriptors of listening sockets for the program that takes this process over. */
const VARIABLE = 'SLUICE_LISTENERS';

const F_DUPFD = 0;
const F_SETFD = 2;
const CLOSE_ON_EXEC = 1;

/** Servers that listen on a fixed port, by place. */
const listening = new Map<string, Server>();
/** Descriptors that came from the program before, by place, until something listens there. */
const inherited = new Map<string, number>();

/**
 * Reads which listening sockets the program that ran in this process before has left, so that connections made meanwhile wait
 * in them. Call it before anything listens; the variable is removed.
 */
export function inheritListeners(environment: NodeJS.ProcessEnv): void {
  const text = environment[VARIABLE];
  delete environment[VARIABLE];
  const ffi = loadFfi();
  const native = nativeSockets();
  if (text === undefined || !ffi.available || !native.available) return;
  for (const [key, fd] of entriesOf(text)) {
    const { port } = native.sockets.localAddress(fd) ?? { port: 0 };
    if (port === 0 || !key.includes(`|${port}|`)) continue;
    ffi.ffi.libc.fcntl(fd, F_SETFD, CLOSE_ON_EXEC);
    inherited.set(key, fd);
  }
}

/** Closes inherited sockets that nothing has listened on; call it when everything has started. */
export function closeUnclaimedListeners(): void {
  const native = nativeSockets();
  if (native.available) for (const fd of inherited.values()) native.sockets.close(fd);
  inherited.clear();
}

/**
 * Makes a server listen, on the socket that was inherited for the place if there is one. Until it closes it is handed over by
 * a restart. The outcome is the server's `listening` or `error`. @throws what opening a special descriptor throws
 */
export function listenOn(server: Server, place: ListenPlace): void {
  const { host, port, backlog, special } = place;
  const key = `${host}|${port}|${special?.name ?? ''}`;
  const fd = inherited.get(key) ?? special?.open();
  inherited.delete(key);
  const address = fd === undefined ? { port, ...(host === '' ? {} : { host }) } : { fd };
  if (port !== 0) server.once('listening', () => offer(server, key));
  server.listen({ ...address, ...(backlog === undefined ? {} : { backlog }) });
}

/**
 * Keeps every listening socket open over the end of this program, and names them in `environment` for the next one, which may
 * run in place of this one. Where the system cannot do that, connections are refused during a restart.
 */
export function handOverListeners(environment: NodeJS.ProcessEnv): void {
  const ffi = loadFfi();
  if (!ffi.available) return;
  const kept: [string, number][] = [];
  for (const [key, server] of listening) {
    const fd = descriptorOf(server);
    // Unlike the original, a plain copy stays open in the program that is executed.
    const copy = fd === undefined ? -1 : ffi.ffi.libc.fcntl(fd, F_DUPFD, 0);
    if (copy >= 0) kept.push([key, copy]);
  }
  environment[VARIABLE] = JSON.stringify(kept);
}

function offer(server: Server, key: string): void {
  listening.set(key, server);
  server.once('close', () => {
    if (listening.get(key) === server) listening.delete(key);
  });
}

function entriesOf(text: string): readonly [string, number][] {
  try {
    const entries: unknown = JSON.parse(text);
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch (error) {
    throw new GatewayError('invalid', 'native.handover', `${VARIABLE}: ${errorText(error)}`);
  }
}

function isEntry(entry: unknown): entry is [string, number] {
  return Array.isArray(entry) && typeof entry[0] === 'string' && Number.isInteger(entry[1]) && entry[1] > 2;
}
