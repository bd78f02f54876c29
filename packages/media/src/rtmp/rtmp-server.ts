import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Timer } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { listenOn } from '@sluice/core/native/listener-handover';
import type { SessionTable } from '../session-table.ts';
import { RtmpPeer, type RtmpPeerOptions } from './rtmp-peer.ts';

const MAX_CONNECTIONS = 10_000;
const TYPE_ID = 'mediakit::RtmpSession';

/** Accepts RTMP publishers and players on one TCP port. */
export class RtmpServer {
  readonly #options: RtmpPeerOptions;
  readonly #sessions: SessionTable;
  readonly #peers = new Map<Socket, RtmpPeer>();
  #server: Server | undefined;
  #timer: Timer | undefined;

  constructor(options: RtmpPeerOptions, sessions: SessionTable) {
    this.#options = options;
    this.#sessions = sessions;
  }

  /** Where it listens, `undefined` while it does not. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null
      ? { host: address.address, port: address.port }
      : undefined;
  }

  /** @throws GatewayError `media.listen` */
  async listen(host: string, port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    server.maxConnections = MAX_CONNECTIONS;
    listenOn(server, { host, port, backlog: 1024 });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new GatewayError('unavailable', 'media.listen', `cannot listen for RTMP on ${host}:${port}`, {
        cause: error,
      });
    }
    server.on('error', (error) => this.#options.log.error('RTMP listener failed', { reason: error.message }));
    this.#server = server;
    this.#timer ??= this.#options.clock.every(1000, () => this.#check());
  }

  /** Stops accepting; connections stay. */
  stopListening(): void {
    const server = this.#server;
    this.#server = undefined;
    server?.close();
  }

  /** Stops accepting and closes every connection once what is queued on it is sent. */
  close(): void {
    this.stopListening();
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const peer of [...this.#peers.values()]) peer.close('shutting down');
  }

  #accept(socket: Socket): void {
    const session = this.#sessions.open(socket, TYPE_ID);
    this.#peers.set(socket, new RtmpPeer(socket, session, this.#options));
    socket.once('close', () => this.#peers.delete(socket));
  }

  #check(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const peer of this.#peers.values()) peer.check(nowMs);
  }
}
