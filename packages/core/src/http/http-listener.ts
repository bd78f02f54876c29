import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isLoopbackHost, unmapIp } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../log/logger.ts';
import type { Service } from '../service.ts';
import type { HttpConnectionView, HttpDialect, HttpIntercept, HttpListenerView } from './dialect.ts';
import {
  type BoundAddress,
  bindServer,
  describeAddress,
  type ListenAddress,
  unboundAddress,
} from './listen-address.ts';
import { writeReply } from './reply.ts';
import { isCrossSite, type TrustedSites } from './request-guard.ts';
import { acceptsClient, type HttpTls, tlsServerOptions } from './tls-material.ts';
import { responseForUpgrade } from './upgrade.ts';

/** Bounds of one listener. */
export type HttpLimits = {
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  /** Time for a client to send its whole header section. */
  readonly headersTimeoutMs: number;
  /** Time for a client to send its whole request. */
  readonly requestTimeoutMs: number;
  /** Time an idle connection is kept. */
  readonly keepAliveTimeoutMs: number;
};

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxConnections: 16_384,
  maxHeaderBytes: 32_768,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 120_000,
  keepAliveTimeoutMs: 30_000,
};

export type HttpListenerOptions = ListenAddress & {
  readonly name: string;
  readonly log: Logger;
  /** In order; the last one answers what no prefix claims. At least one. */
  readonly dialects: readonly HttpDialect[];
  /** Sees every request and upgrade first. */
  readonly intercept?: HttpIntercept;
  readonly trusted?: TrustedSites;
  readonly limits?: Partial<HttpLimits>;
};

/** One port or Unix socket shared by several API dialects. */
export interface HttpListener extends Service, HttpListenerView {
  /** What is really listened on; meaningful once started. */
  readonly address: BoundAddress;
}

const DRAIN_MS = 300;
const TCP_KEEP_ALIVE_MS = 60_000;

/** Creates a listener that `start` binds. @throws (from `start`) GatewayError `http.listen` */
export function createHttpListener(options: HttpListenerOptions): HttpListener {
  return new DialectListener(options);
}

/** A dialect and, once it was asked for, its routes. */
type Carried = { readonly dialect: HttpDialect; app: Promise<FastifyInstance> | undefined };

class DialectListener implements HttpListener {
  readonly name: string;
  readonly #options: HttpListenerOptions;
  readonly #trusted: TrustedSites;
  readonly #onLoopback: boolean;
  readonly #carried: readonly Carried[];
  readonly #sockets = new Map<Socket, HttpConnectionView>();
  /** Also those whose TLS handshake is not over. */
  readonly #transports = new Set<Socket>();
  readonly #server: Server;
  #address: BoundAddress;
  #nextConnection = 1;

  constructor(options: HttpListenerOptions) {
    if (options.dialects.length === 0) throw new TypeError(`listener ${options.name} carries no dialect`);
    this.name = options.name;
    this.#options = options;
    this.#carried = options.dialects.map((dialect) => ({ dialect, app: undefined }));
    this.#trusted = options.trusted ?? { hosts: [], origins: [] };
    this.#onLoopback = 'host' in options && isLoopbackHost(options.host);
    this.#address = unboundAddress(options);
    const tls = 'tls' in options ? options.tls : undefined;
    this.#server = this.#createServer({ ...DEFAULT_HTTP_LIMITS, ...options.limits }, tls);
  }

  get address(): BoundAddress {
    return this.#address;
  }

  async start(): Promise<void> {
    const { name, log } = this.#options;
    try {
      this.#address = await bindServer(this.#server, this.#options);
    } catch (error) {
      throw new GatewayError(
        'unavailable',
        'http.listen',
        `${name} cannot listen on ${describeAddress(this.#options)}: ${errorText(error)}`,
        { cause: error },
      );
    }
    this.#server.on('error', (error) => log.error(`${name}: ${error.message}`));
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Live streams never end by themselves, so whatever is left after a short drain is cut.
    const cut = () => {
      for (const socket of this.#transports) socket.destroy();
    };
    const drain = setTimeout(cut, DRAIN_MS);
    deadline.addEventListener('abort', cut, { once: true });
    await closed;
    clearTimeout(drain);
    deadline.removeEventListener('abort', cut);
    await Promise.all(this.#carried.map(async ({ app }) => (await app)?.close()));
  }

  connections(): readonly HttpConnectionView[] {
    return [...this.#sockets.values()];
  }

  connectionOf(request: IncomingMessage): HttpConnectionView | undefined {
    return this.#sockets.get(request.socket);
  }

  closeConnection(id: string): boolean {
    for (const [socket, view] of this.#sockets) {
      if (view.id !== id) continue;
      socket.destroy();
      return true;
    }
    return false;
  }

  #createServer(limits: HttpLimits, tls: HttpTls | undefined): Server {
    const options = {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: 5_000,
      requireHostHeader: false,
      // Finds peers that vanished while a quiet stream was open.
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      // Other upgrades, and ones that carry a body, are served as plain requests.
      shouldUpgradeCallback: isBodylessWebSocketUpgrade,
    };
    const server =
      tls === undefined ? createServer(options) : createTlsServer({ ...options, ...tlsServerOptions(tls) });
    server.maxConnections = limits.maxConnections;
    server.on('connection', (socket: Socket) => {
      this.#transports.add(socket);
      socket.on('close', () => this.#transports.delete(socket));
      if (tls === undefined) this.#track(socket);
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      if (acceptsClient(socket, tls?.clientAuth ?? '')) this.#track(socket);
      else socket.destroy();
    });
    server.on('request', (request, response) => this.#onRequest(request, response));
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
    server.on('clientError', (_error, socket) => {
      // A client whose TLS handshake failed cannot read an answer.
      if (socket.writable && this.#sockets.has(socket as Socket))
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else socket.destroy();
    });
    return server;
  }

  #track(socket: Socket): void {
    this.#sockets.set(socket, {
      id: `http-${this.#nextConnection++}-${this.#address.port}`,
      localIp: unmapIp(socket.localAddress ?? ''),
      localPort: socket.localPort ?? 0,
      peerIp: unmapIp(socket.remoteAddress ?? ''),
      peerPort: socket.remotePort ?? 0,
    });
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    // A reset while answering is the client's business; without a listener it would be an uncaught error.
    response.on('error', () => response.destroy());
    this.#guard(request, () => {
      if (this.#options.intercept?.handleRequest(request, response) !== true)
        this.#dispatch(request, response);
    });
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    this.#guard(request, () => {
      if (this.#options.intercept?.handleUpgrade(request, socket, head) === true) return;
      this.#dispatch(request, responseForUpgrade(request, socket, head));
    });
  }

  /** A bug that one request meets costs that connection, not the process. */
  #guard(request: IncomingMessage, serve: () => void): void {
    try {
      serve();
    } catch (error) {
      this.#options.log.error(`${this.name}: ${request.method} ${request.url} failed: ${errorText(error)}`);
      request.socket.destroy();
    }
  }

  #dispatch(request: IncomingMessage, response: ServerResponse): void {
    const carried = this.#carriedFor(request.url ?? '/');
    if (carried === undefined) {
      response.destroy();
      return;
    }
    const { dialect } = carried;
    if (dialect.browserPolicy === 'same-site' && isCrossSite(request, this.#onLoopback, this.#trusted)) {
      writeReply(response, dialect.fail({ kind: 'cross-site' }, request));
      return;
    }
    if (dialect.rewriteUrl !== undefined) request.url = dialect.rewriteUrl(request.url ?? '/');
    const contentType = request.headers['content-type'];
    // Fastify refuses a malformed media type by itself; raw dialects decide about bodies on their own.
    if (
      dialect.bodies === 'raw' &&
      contentType !== undefined &&
      !/^[\w.+-]+\/[\w.+-]+\s*(;|$)/.test(contentType)
    ) {
      request.headers['content-type'] = 'application/octet-stream';
    }
    // An API nobody uses costs no memory: its routes are built for the first request.
    carried.app ??= this.#openApp(dialect);
    carried.app.then(
      (app) => this.#guard(request, () => app.routing(request, response)),
      (error: unknown) => {
        this.#options.log.error(
          `${this.name}: the ${dialect.name} API cannot be served: ${errorText(error)}`,
        );
        response.destroy();
      },
    );
  }

  /** The framework itself is loaded only now. */
  async #openApp(dialect: HttpDialect): Promise<FastifyInstance> {
    const { openDialectApp } = await import('./dialect-app.ts');
    return openDialectApp(dialect, this, this.#options.log);
  }

  #carriedFor(url: string): Carried | undefined {
    const path = pathOf(url).toLowerCase();
    let chosen = this.#carried.at(-1);
    let longest = -1;
    for (const carried of this.#carried) {
      for (const prefix of carried.dialect.prefixes) {
        if (prefix.length <= longest || !hasPrefix(path, prefix.toLowerCase())) continue;
        longest = prefix.length;
        chosen = carried;
      }
    }
    return chosen;
  }
}

function isBodylessWebSocketUpgrade(request: IncomingMessage): boolean {
  const { headers } = request;
  const hasBody = (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined;
  return request.method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && !hasBody;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  try {
    return path.includes('%') ? decodeURI(path) : path;
  } catch {
    // A malformed escape is answered by the dialect that the undecoded path belongs to.
    return path;
  }
}

function hasPrefix(path: string, prefix: string): boolean {
  return (
    path.startsWith(prefix) &&
    (path.length === prefix.length || prefix.endsWith('/') || path[prefix.length] === '/')
  );
}
