import { createServer, type Server, type Socket } from 'node:net';
import { isLoopbackHost, unmapIp } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import { listenOn } from '@sluice/core/native/listener-handover';
import type { Dialer } from '@sluice/core/ports/dialer';
import { Http1Session } from './http1-session.ts';
import type { ClientAddress, OpenStream, ProxyServices } from './services.ts';
import { serveTunnel } from './tunnel.ts';
import { UpstreamPool } from './upstream-pool.ts';

const MAX_CONNECTIONS = 20_000;
const MAX_CONNECTIONS_PER_CLIENT = 512;

/** The capturing HTTP proxy that clients are pointed at. */
export class ExplicitProxy {
  readonly #services: () => ProxyServices;
  readonly #dialer: Dialer;
  readonly #outbound: () => string;
  readonly #sockets = new Set<Socket>();
  readonly #perClient = new Map<string, number>();
  #server: Server | undefined;
  #pool:
    | { readonly services: ProxyServices; readonly outbound: string; readonly upstreams: UpstreamPool }
    | undefined;
  // Kept because every request asks, and asking the server is a system call.
  #address: { readonly host: string; readonly port: number } | undefined;

  /** `services` and `outbound` are read once per connection, so that a new configuration holds for new connections. */
  constructor(services: () => ProxyServices, dialer: Dialer, outbound: () => string) {
    this.#services = services;
    this.#dialer = dialer;
    this.#outbound = outbound;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The bound address, or `undefined` when not listening. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.#address;
  }

  /** Starts listening, and leaves the address listened on before, if any. @throws GatewayError `inspect.listen` */
  async listen(host: string, port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.once('listening', () => {
          server.off('error', reject);
          resolve();
        });
        listenOn(server, { host, port });
      });
    } catch (error) {
      throw new GatewayError(
        'unavailable',
        'inspect.listen',
        `the capturing proxy cannot listen: ${errorText(error)}`,
        {
          cause: error,
        },
      );
    }
    server.on('error', (error) =>
      this.#services().log.warning('accepting a connection failed', { error: error.message }),
    );
    this.#server?.close();
    this.#server = server;
    const bound = server.address();
    if (bound !== null && typeof bound !== 'string')
      this.#address = { host: bound.address, port: bound.port };
  }

  /** Stops listening; open connections go on. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
    this.#address = undefined;
  }

  /** Closes every connection. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#pool?.upstreams.close();
    this.#pool = undefined;
  }

  #accept(socket: Socket): void {
    const ip = unmapIp(socket.remoteAddress ?? '');
    const used = this.#perClient.get(ip) ?? 0;
    // Every program on this machine has the same address.
    const tooMany = used >= MAX_CONNECTIONS_PER_CLIENT && !isLoopbackHost(ip);
    if (this.#sockets.size >= MAX_CONNECTIONS || tooMany) {
      socket.destroy();
      return;
    }
    this.#perClient.set(ip, used + 1);
    this.#sockets.add(socket);
    socket.once('close', () => this.#forget(socket, ip));
    // Sessions come and go on one socket; an error between two of them must have a listener.
    socket.on('error', () => socket.destroy());
    void this.#serve(socket, { ip, port: socket.remotePort ?? 0 });
  }

  #forget(socket: Socket, ip: string): void {
    this.#sockets.delete(socket);
    const left = (this.#perClient.get(ip) ?? 1) - 1;
    if (left === 0) this.#perClient.delete(ip);
    else this.#perClient.set(ip, left);
  }

  #serve(client: Socket, address: ClientAddress): Promise<void> {
    const services = this.#services();
    const outbound = this.#outbound();
    const open = openThrough(this.#dialer, outbound, address);
    const shared = this.#poolFor(services, outbound).forClient(address.ip);
    const tunnel = (host: string, port: number, rest: Buffer): Promise<void> =>
      serveTunnel({ services, client, address, flowId: '', host, port, open, shared }, rest);
    const session = new Http1Session({
      services,
      client,
      address,
      flowId: '',
      origin: undefined,
      open,
      shared,
      tunnel,
    });
    return session.run(Buffer.alloc(0));
  }

  /** Upstreams opened under other settings are not what new connections ask for. */
  #poolFor(services: ProxyServices, outbound: string): UpstreamPool {
    if (this.#pool?.services === services && this.#pool.outbound === outbound) return this.#pool.upstreams;
    this.#pool?.upstreams.close();
    this.#pool = { services, outbound, upstreams: new UpstreamPool(services.clock) };
    return this.#pool.upstreams;
  }
}

/** Opens streams on behalf of a client through the gateway's routing. */
function openThrough(dialer: Dialer, outbound: string, client: ClientAddress): OpenStream {
  const route = outbound === '' ? {} : { outbound };
  return (host, port, signal) => dialer.dial({ host, port, purpose: 'inspect', ...route, client, signal });
}
