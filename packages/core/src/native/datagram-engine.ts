import type { Endpoint } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { BatchDatagrams } from './batch-datagrams.ts';
import { loadFfi } from './ffi.ts';
import { nativeSockets } from './native-sockets.ts';
import { noteEngine } from './native-status.ts';
import { nodeDatagrams } from './node-datagrams.ts';

/**
 * Where datagrams of one socket come from or go to: `host` is an IP literal, mapped addresses as IPv4. Whoever sends often keeps
 * it, since making one costs more than sending to it; an engine gives the same object for the same sender as long as it can.
 */
export type DatagramPeer = Endpoint & {
  /** The `sockaddr` in words of the machine; empty where the engine needs none. */
  readonly name: Int32Array;
};

/** What an open socket tells its owner. */
export type DatagramHandlers = {
  /** `data` is valid during the call only. */
  readonly onDatagram: (data: Uint8Array, from: DatagramPeer) => void;
  /** The local address is known; at once, or when the first datagram is sent. */
  readonly onBound?: (local: Endpoint) => void;
  /** The socket is of no use any more and has been closed. */
  readonly onError: (error: Error) => void;
};

/** An open UDP socket. */
export interface DatagramSocket {
  /** A peer of this socket; `host` is an IP literal of its family. */
  peer(place: Endpoint): DatagramPeer;
  /**
   * Sends `header` (at most 32 bytes, empty for none) and `data` as one datagram; both may be used again afterwards. What the
   * system does not take is lost, as datagrams may be.
   */
  send(data: Uint8Array, to: DatagramPeer, header: Uint8Array): void;
  /** Nothing is called back afterwards. */
  close(): void;
}

/** Opens UDP sockets. */
export interface DatagramEngine {
  /** Listens; an empty host means every address of both families, else it is an IP literal. Rejects with the socket's error. */
  listen(
    place: Endpoint,
    handlers: DatagramHandlers,
  ): Promise<{ readonly socket: DatagramSocket; readonly local: Endpoint }>;
  /**
   * A socket on a port of the system's choice; `host` is the local address, empty for any.
   * @throws GatewayError `native.socket`
   */
  open(family: 4 | 6, host: string, handlers: DatagramHandlers): DatagramSocket;
  /** Takes over a bound, non-blocking descriptor, which the engine closes, also when this throws. */
  adopt(fd: number, family: 4 | 6, handlers: DatagramHandlers): DatagramSocket;
}

/** The longest header that a datagram can be given. */
export const DATAGRAM_HEADER_LIMIT_BYTES = 32;

const WORK = 'UDP relay';

let chosen: DatagramEngine | undefined;

/** The fastest engine that works here; chosen, after a self-test, at the first call. */
export function datagramEngine(): DatagramEngine {
  chosen ??= choose();
  return chosen;
}

function choose(): DatagramEngine {
  const native = nativeSockets();
  const foreign = loadFfi();
  if (!native.available || !foreign.available) {
    noteEngine(WORK, 'dgram', native.available ? 'no foreign functions' : native.reason);
    return nodeDatagrams;
  }
  try {
    const engine = new BatchDatagrams(foreign.ffi, native.sockets);
    engine.test();
    noteEngine(WORK, 'recvmmsg', '');
    return engine;
  } catch (error) {
    noteEngine(WORK, 'dgram', `recvmmsg cannot be used: ${errorText(error)}`);
    return nodeDatagrams;
  }
}
