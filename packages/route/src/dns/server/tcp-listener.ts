import net from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import { listenOn } from '@sluice/core/native/listener-handover';
import type { DnsResponder } from './responder.ts';
import { TcpSession } from './tcp-session.ts';

const MAX_CONNECTIONS = 1_024;

/** DNS over TCP on one address. */
export class TcpListener {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server, responder: DnsResponder, clock: Clock, log: Logger) {
    this.#server = server;
    server.maxConnections = MAX_CONNECTIONS;
    server.on('error', (error) => log.warning(`DNS server: ${errorText(error)}`));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      const client = { ip: unmapIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
      new TcpSession(socket, responder, client, clock);
    });
  }

  /** Rejects with the socket's error. An empty host means every address. */
  static async listen(
    { host, port }: Endpoint,
    responder: DnsResponder,
    clock: Clock,
    log: Logger,
  ): Promise<TcpListener> {
    const server = net.createServer({ noDelay: true, allowHalfOpen: true });
    const opened = Promise.withResolvers<void>();
    server.once('error', opened.reject);
    server.once('listening', opened.resolve);
    listenOn(server, { host, port });
    await opened.promise;
    server.removeListener('error', opened.reject);
    return new TcpListener(server, responder, clock, log);
  }

  get port(): number {
    const address = this.#server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
