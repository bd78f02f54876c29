import dgram from 'node:dgram';
import { isIP, isIPv4 } from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import type { DatagramEngine, DatagramHandlers, DatagramPeer, DatagramSocket } from './datagram-engine.ts';

/** Datagrams waiting in one socket beyond this are dropped, as a full socket buffer would. */
const SEND_QUEUE_LIMIT_BYTES = 1 << 20;
const LISTENER_BUFFER_BYTES = 4 << 20;
const PEER_LIMIT = 8_192;
const NO_NAME = new Int32Array(0);

/** UDP with the sockets of the runtime, one call for each datagram. */
export const nodeDatagrams: DatagramEngine = {
  async listen({ host, port }, handlers) {
    const family = isIPv4(host) ? 4 : 6;
    const socket = createSocket(family, false, LISTENER_BUFFER_BYTES);
    const bound = Promise.withResolvers<void>();
    socket.once('error', bound.reject);
    socket.bind({ port, ...(host === '' ? {} : { address: host }) }, bound.resolve);
    try {
      await bound.promise;
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.off('error', bound.reject);
    return { socket: new NodeSocket(socket, family, handlers), local: localOf(socket) };
  },
  open(family, host, handlers) {
    const socket = createSocket(family, true);
    if (host !== '') socket.bind({ port: 0, address: host });
    return new NodeSocket(socket, family, handlers);
  },
  adopt(fd, family, handlers) {
    const socket = createSocket(family, true);
    socket.bind({ fd });
    return new NodeSocket(socket, family, handlers);
  },
};

function createSocket(family: 4 | 6, ipv6Only: boolean, recvBufferSize?: number): dgram.Socket {
  return dgram.createSocket({
    ...(recvBufferSize === undefined ? {} : { recvBufferSize }),
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6 && ipv6Only,
    // Addresses are literals; the default would take a turn of the event loop to find that out.
    lookup: (name, _options, done) => done(null, name, isIP(name)),
  });
}

function localOf(socket: dgram.Socket): Endpoint {
  const { address, port } = socket.address();
  return { host: unmapIp(address), port };
}

class NodeSocket implements DatagramSocket {
  readonly #socket: dgram.Socket;
  readonly #isIpv6: boolean;
  /** Senders that were seen not long ago. */
  readonly #peers = new Map<string, DatagramPeer>();
  #closed = false;

  constructor(socket: dgram.Socket, family: 4 | 6, handlers: DatagramHandlers) {
    this.#socket = socket;
    this.#isIpv6 = family === 6;
    const onBound = () => handlers.onBound?.(localOf(socket));
    if (isBound(socket)) onBound();
    else socket.once('listening', onBound);
    socket.on('message', (data, from) => handlers.onDatagram(data, this.#from(from)));
    socket.on('error', (error) => {
      this.close();
      handlers.onError(error);
    });
  }

  peer({ host, port }: Endpoint): DatagramPeer {
    return { host, port, name: NO_NAME };
  }

  send(data: Uint8Array, { host, port }: DatagramPeer, header: Uint8Array): void {
    if (this.#closed || this.#socket.getSendQueueSize() > SEND_QUEUE_LIMIT_BYTES) return;
    const address = this.#isIpv6 && !host.includes(':') ? `::ffff:${host}` : host;
    // The runtime may keep what the system does not take at once.
    const bytes = header.length === 0 ? Buffer.from(data) : Buffer.concat([header, data]);
    // A destination that cannot be reached concerns that datagram, not the socket.
    this.#socket.send(bytes, port, address, ignored);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #from({ address, port }: dgram.RemoteInfo): DatagramPeer {
    const key = `${port} ${address}`;
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    const peer = { host: unmapIp(address), port, name: NO_NAME };
    const [oldest] = this.#peers.size >= PEER_LIMIT ? this.#peers.keys() : [];
    if (oldest !== undefined) this.#peers.delete(oldest);
    this.#peers.set(key, peer);
    return peer;
  }
}

function isBound(socket: dgram.Socket): boolean {
  try {
    return socket.address().port !== 0;
  } catch {
    // That is how a socket without an address answers.
    return false;
  }
}

function ignored(): void {}
