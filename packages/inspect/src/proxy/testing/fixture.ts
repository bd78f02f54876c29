import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock } from '@sluice/base/clock';
import { systemClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { Dialer, DialRequest } from '@sluice/core/ports/dialer';
import { CaptureBudget } from '../../exchange/body-capture.ts';
import type { CapturedExchange, ExchangeSink } from '../../exchange/exchange.ts';
import { type CertificateAuthority, openCa } from '../../tls/authority.ts';
import { LeafContexts } from '../../tls/leaf.ts';
import { createUpstreamContext } from '../../tls/upstream-context.ts';
import { UpstreamSessions } from '../../tls/upstream-sessions.ts';
import { Deadlines } from '../deadlines.ts';
import { ExplicitProxy } from '../explicit-proxy.ts';
import { parseHostPatterns } from '../host-pattern.ts';
import type { ProxyServices, ProxySettings, ResponseRewriter } from '../services.ts';

/** A log that keeps nothing. */
export const silentLog: Logger = {
  enabled: () => false,
  debug: () => undefined,
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

/** Keeps finished exchanges and lets a test wait for them. */
export class MemorySink implements ExchangeSink {
  readonly pendingBytes = 0;
  readonly exchanges: CapturedExchange[] = [];
  #waiting: (() => void)[] = [];

  record(exchange: CapturedExchange): void {
    this.exchanges.push(exchange);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The exchange at `index`, once it has finished. */
  async at(index: number): Promise<CapturedExchange> {
    for (;;) {
      const exchange = this.exchanges[index];
      if (exchange !== undefined) return exchange;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** The kept bytes of a body as text. */
export function bodyText(body: { readonly chunks: readonly Uint8Array[] }): string {
  return Buffer.concat(body.chunks).toString('latin1');
}

/** Dials loopback, whatever the host, and remembers what was asked. */
export class LoopbackDialer implements Dialer {
  readonly requests: DialRequest[] = [];
  /** Where connections go instead of the asked port. */
  readonly ports = new Map<string, number>();

  dial(request: DialRequest): ReturnType<Dialer['dial']> {
    this.requests.push(request);
    const port = this.ports.get(request.host) ?? request.port;
    return new Promise((resolve, reject) => {
      const stream = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      const fail = (error: Error): void =>
        reject(new GatewayError('unavailable', 'route.dial', error.message, { cause: error }));
      stream.once('error', fail);
      stream.once('connect', () => {
        stream.off('error', fail);
        resolve({ stream, flowId: `flow-${this.requests.length}`, chain: ['DIRECT'] });
      });
    });
  }
}

export type Fixture = {
  readonly proxy: ExplicitProxy;
  readonly port: number;
  readonly sink: MemorySink;
  readonly dialer: LoopbackDialer;
  readonly authority: CertificateAuthority;
  readonly caPath: string;
  readonly services: ProxyServices;
  close(): Promise<void>;
};

export type FixtureOptions = {
  readonly clock?: Clock;
  readonly rewriter?: ResponseRewriter;
  readonly settings?: Partial<ProxySettings>;
  readonly passthrough?: readonly string[];
  readonly upstreamCaPem?: string;
  readonly sink?: ExchangeSink;
  /** Body bytes that may be in memory together. */
  readonly budgetBytes?: number;
};

const NO_REWRITES: ResponseRewriter = { active: false, find: () => undefined };

/** A listening proxy with a memory sink and a dialer that only reaches loopback. */
export async function openFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-proxy-'));
  const authority = await openCa(join(directory, 'ca'), { keyType: 'ec' });
  const clock = options.clock ?? systemClock;
  const sink = new MemorySink();
  const dialer = new LoopbackDialer();
  const upstreamCaPath = options.upstreamCaPem === undefined ? '' : join(directory, 'upstream.pem');
  if (options.upstreamCaPem !== undefined) writeFileSync(upstreamCaPath, options.upstreamCaPem);
  const target = options.sink ?? sink;
  const services: ProxyServices = {
    clock,
    log: silentLog,
    deadlines: new Deadlines(clock),
    sink: target,
    budget: new CaptureBudget(options.budgetBytes ?? 256 * 1024 * 1024, target),
    rewriter: options.rewriter ?? NO_REWRITES,
    leaves: new LeafContexts(authority, clock),
    settings: {
      intercept: true,
      bodyLimitBytes: 1024 * 1024,
      passthrough: parseHostPatterns(options.passthrough ?? []),
      verifyUpstream: true,
      upstreamContext: createUpstreamContext(upstreamCaPath),
      upstreamSessions: new UpstreamSessions(),
      ...options.settings,
    },
    isOwnListener: (_host, port) => port === proxy.address?.port,
  };
  const proxy = new ExplicitProxy(
    () => services,
    dialer,
    () => '',
  );
  await proxy.listen('127.0.0.1', 0);
  return {
    proxy,
    port: proxy.address?.port ?? 0,
    sink,
    dialer,
    authority,
    caPath: join(directory, 'ca', 'ca.pem'),
    services,
    async close() {
      proxy.close();
      proxy.destroyConnections();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export type Origin = {
  readonly port: number;
  /** Connections accepted so far, newest last. */
  readonly sockets: Duplex[];
  close(): void;
};

/** A server on loopback whose behaviour is `onConnection`; over TLS when a context is given. */
export async function openOrigin(
  onConnection: (socket: Duplex, index: number) => void,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Origin> {
  const sockets: Duplex[] = [];
  const raw = new Set<Socket>();
  const accept = (socket: Socket): void => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket, sockets.length - 1);
  };
  const server: Server =
    tls === undefined
      ? createServer({ allowHalfOpen: true }, accept)
      : createTlsServer({ ...tls, ALPNProtocols: ['http/1.1'] }, accept);
  server.on('connection', (socket) => {
    raw.add(socket);
    socket.on('close', () => raw.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    sockets,
    close() {
      server.close();
      for (const socket of raw) socket.destroy();
    },
  };
}

/** A peer in a transcript: sends text and waits for text. */
export class Peer {
  readonly stream: Duplex;
  #received = '';
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    for (const event of ['end', 'close']) {
      stream.on(event, () => {
        this.#closed = true;
        this.#wake();
      });
    }
    stream.on('error', () => stream.destroy());
  }

  static connect(port: number): Peer {
    return new Peer(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
  }

  send(text: string): this {
    this.stream.write(text, 'latin1');
    return this;
  }

  /** Everything up to and including the first match of `pattern`, which is taken off. */
  async expect(pattern: RegExp | string): Promise<string> {
    for (;;) {
      const found = typeof pattern === 'string' ? this.#find(pattern) : pattern.exec(this.#received);
      if (found !== null) {
        const end = found.index + found[0].length;
        const text = this.#received.slice(0, end);
        this.#received = this.#received.slice(end);
        return text;
      }
      if (this.#closed) throw new Error(`closed before ${pattern}, after: ${JSON.stringify(this.#received)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The rest, once the peer has closed. */
  async rest(): Promise<string> {
    while (!this.#closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const text = this.#received;
    this.#received = '';
    return text;
  }

  #find(text: string): { readonly index: number; readonly 0: string } | null {
    const index = this.#received.indexOf(text);
    return index < 0 ? null : { index, 0: text };
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
