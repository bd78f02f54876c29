import net, { type AddressInfo, type Socket } from 'node:net';
import { unmapIp } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { descriptorOf } from '@sluice/core/native/descriptor';
import { type ListenPlace, listenOn } from '@sluice/core/native/listener-handover';
import { inheritOptions, type KeepAlive, setKeepAlive } from '../net/keep-alive.ts';
import { isAdmitted } from './access.ts';
import type { ConnectionLimit } from './connection-limit.ts';
import type { ConnectionHandler, InboundParts } from './inbound.ts';
import { isPlain, type ListenerOptions, listenWithOptions, requireNative } from './listener-socket.ts';

const BACKLOG = 4_096;

/** What all TCP listeners share. */
export type TcpListenerParts = {
  /** Connections whose protocol handler has not finished. */
  readonly unfinished: Set<Socket>;
  readonly limit: ConnectionLimit;
  readonly keepAlive: () => KeepAlive;
};

/** Accepts TCP connections on one address and hands the admitted ones to a protocol handler. */
export class TcpListener {
  readonly #parts: InboundParts;
  readonly #shared: TcpListenerParts;
  readonly #options: ListenerOptions;
  readonly #handle: ConnectionHandler;
  readonly #server: net.Server;
  /** True when accepted connections have their options from the listening socket. */
  #inherits = false;

  constructor(
    parts: InboundParts,
    handle: ConnectionHandler,
    shared: TcpListenerParts,
    options: ListenerOptions,
  ) {
    this.#parts = parts;
    this.#shared = shared;
    this.#handle = handle;
    this.#options = options;
    this.#server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /**
   * Starts listening; an empty host means all interfaces, both families. Resolves to the address really bound.
   * @throws GatewayError `route.native` and `native.socket` for options the system does not grant
   */
  async listen(host: string, port: number): Promise<AddressInfo> {
    const special = this.#special(host, port);
    const address = await new Promise<AddressInfo>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.once('listening', () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#parts.log.warning(`accept: ${error.message}`));
        resolve(this.#server.address() as AddressInfo);
      });
      listenOn(this.#server, { host, port, backlog: BACKLOG, ...special });
    });
    this.refresh();
    return address;
  }

  /** Puts changed keepalive settings in force for connections to come. */
  refresh(): void {
    const fd = descriptorOf(this.#server);
    this.#inherits = fd !== undefined && inheritOptions(fd, this.#shared.keepAlive());
  }

  /** Stops accepting; accepted connections go on. */
  close(): void {
    this.#server.close();
  }

  #special(host: string, port: number): Pick<ListenPlace, 'special'> {
    const options = this.#options;
    if (isPlain(options)) return {};
    const open = (): number => listenWithOptions(requireNative(), { host, port }, options);
    return { special: { name: JSON.stringify(options), open } };
  }

  #accept(socket: Socket): void {
    // The close that follows an error is what everybody acts on.
    socket.on('error', destroyOnError);
    const { unfinished, limit, keepAlive } = this.#shared;
    if (!isAdmitted(this.#parts.access(), unmapIp(socket.remoteAddress ?? '')) || !limit.take(socket)) {
      socket.destroy();
      return;
    }
    if (!this.#inherits) {
      socket.setNoDelay(true);
      setKeepAlive(socket, keepAlive());
    }
    unfinished.add(socket);
    this.#handle(socket).then(
      () => unfinished.delete(socket),
      (error: unknown) => {
        if (this.#parts.log.enabled('debug')) {
          this.#parts.log.debug(`${this.#parts.name}: ${socket.remoteAddress ?? ''}: ${errorText(error)}`);
        }
        socket.destroy();
        this.#parts.deadlines.clear(socket);
        unfinished.delete(socket);
      },
    );
  }
}

function destroyOnError(this: Socket): void {
  this.destroy();
}
