import net, { type AddressInfo, type Socket } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { isAdmitted } from './access.ts';
import type { ConnectionHandler, InboundParts } from './inbound.ts';

const BACKLOG = 4_096;
const KEEP_ALIVE_MS = 15_000;

/** Accepts TCP connections on one address and hands the admitted ones to a protocol handler. */
export class TcpListener {
  readonly #parts: InboundParts;
  readonly #handle: ConnectionHandler;
  readonly #server: net.Server;
  readonly #open: Set<Socket>;

  /** `open` holds the connections whose protocol handler has not finished. */
  constructor(parts: InboundParts, handle: ConnectionHandler, open: Set<Socket>) {
    this.#open = open;
    this.#parts = parts;
    this.#handle = handle;
    this.#server = net.createServer(
      {
        allowHalfOpen: true,
        pauseOnConnect: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
      (socket) => this.#accept(socket),
    );
  }

  /** Starts listening; an empty host means all interfaces, both families. Resolves to the address really bound. */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, backlog: BACKLOG, ...(host === '' ? {} : { host }) }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#parts.log.warning(`accept: ${error.message}`));
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Stops accepting; accepted connections go on. */
  close(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    // The close that follows an error is what everybody acts on.
    socket.on('error', () => socket.destroy());
    if (!isAdmitted(this.#parts.access(), unmapIp(socket.remoteAddress ?? ''))) {
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    this.#handle(socket)
      .catch((error: unknown) => {
        if (this.#parts.log.enabled('debug')) {
          this.#parts.log.debug(`${this.#parts.name}: ${socket.remoteAddress ?? ''}: ${errorText(error)}`);
        }
        socket.destroy();
      })
      .finally(() => this.#open.delete(socket));
  }
}
