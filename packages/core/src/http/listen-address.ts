import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { formatEndpoint } from '@sluice/base/address';
import { listenOn } from '../native/listener-handover.ts';
import type { HttpTls } from './tls-material.ts';

/** Where a listener is reached: a TCP address, or the path of a Unix socket that every user of the machine may open. */
export type ListenAddress =
  | {
      readonly host: string;
      /** 0 picks a free one. */
      readonly port: number;
      /** Makes it an HTTPS listener. */
      readonly tls?: HttpTls;
    }
  | { readonly socketPath: string };

/** What is really listened on: a host and port, or the path of a Unix socket and port 0. */
export type BoundAddress = { readonly host: string; readonly port: number };

/** Viewers of a popular stream arrive together. */
const BACKLOG = 4_096;
const DIRECTORY_MODE = 0o755;
const SOCKET_MODE = 0o666;

/** An address for messages. */
export function describeAddress(address: ListenAddress): string {
  return 'socketPath' in address ? address.socketPath : formatEndpoint(address.host, address.port);
}

/** The address as it is before anything listens on it. */
export function unboundAddress(address: ListenAddress): BoundAddress {
  return 'socketPath' in address
    ? { host: address.socketPath, port: 0 }
    : { host: address.host, port: address.port };
}

/** Makes a server listen; the folders of a Unix socket are made, and a socket that nobody removed is replaced. */
export async function bindServer(server: Server, address: ListenAddress): Promise<BoundAddress> {
  if (!('socketPath' in address)) {
    const { host, port } = address;
    await listening(server, () => listenOn(server, { host, port, backlog: BACKLOG }));
    return { host, port: (server.address() as AddressInfo).port };
  }
  const { socketPath } = address;
  await mkdir(dirname(socketPath), { recursive: true, mode: DIRECTORY_MODE });
  await removeStaleSocket(socketPath);
  await listening(server, () => server.listen({ path: socketPath, backlog: BACKLOG }));
  await chmod(socketPath, SOCKET_MODE);
  return { host: socketPath, port: 0 };
}

function listening(server: Server, listen: () => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  try {
    // Anything but a socket was not left behind by a listener.
    if ((await lstat(path)).isSocket()) await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
