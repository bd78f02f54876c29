import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { formatEndpoint } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Dialed } from '@sluice/core/ports/dialer';
import { completeHandshake } from '../tls/handshake.ts';
import type { OpenStream, ProxyServices } from './services.ts';

/** Where requests of one origin go. */
export type UpstreamTarget = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Server name for TLS, `''` for none. */
  readonly serverName: string;
};

/** Receives what happens on an upstream connection while it serves an exchange. */
export interface UpstreamHandler {
  upstreamData(chunk: Buffer): void;
  upstreamEnd(): void;
  upstreamClosed(error: Error | undefined): void;
  upstreamDrain(): void;
}

const OPEN_TIMEOUT_MS = 10_000;

/** One connection to an origin, serving one exchange at a time. */
export class Upstream {
  readonly stream: Duplex;
  readonly key: string;
  readonly flowId: string;
  readonly chain: readonly string[];
  readonly connectedMs: number;
  /** True once an exchange has been answered on it. */
  reused = false;
  /** True once one client has signed in to it, so that no other may use it. */
  personal = false;
  #handler: UpstreamHandler | undefined;
  #failure: Error | undefined;
  #usable = true;

  constructor(stream: Duplex, key: string, dialed: Dialed, connectedMs: number) {
    this.stream = stream;
    this.key = key;
    this.flowId = dialed.flowId;
    this.chain = dialed.chain;
    this.connectedMs = connectedMs;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('drain', this.#onDrain);
    stream.on('error', this.#onError);
    stream.on('close', this.#onClose);
    // A dialed stream comes paused, and then a listener alone does not make it flow.
    stream.resume();
  }

  /** True while another exchange can be sent on it. */
  get usable(): boolean {
    return this.#usable && this.#handler === undefined;
  }

  attach(handler: UpstreamHandler): void {
    this.#handler = handler;
  }

  detach(): void {
    this.#handler = undefined;
    this.reused = true;
  }

  /** Closes it; whoever it served hears nothing more. */
  destroy(): void {
    this.#handler = undefined;
    this.#usable = false;
    this.stream.destroy();
  }

  /** Gives the bare stream away, to a relay. */
  surrender(): Duplex {
    this.#handler = undefined;
    this.#usable = false;
    this.stream.off('data', this.#onData);
    this.stream.off('end', this.#onEnd);
    this.stream.off('drain', this.#onDrain);
    this.stream.off('close', this.#onClose);
    return this.stream;
  }

  readonly #onData = (chunk: Buffer): void => {
    // Bytes nobody asked for: the peer is out of step.
    if (this.#handler === undefined) this.destroy();
    else this.#handler.upstreamData(chunk);
  };

  readonly #onEnd = (): void => {
    this.#usable = false;
    if (this.#handler === undefined) this.destroy();
    else this.#handler.upstreamEnd();
  };

  readonly #onDrain = (): void => this.#handler?.upstreamDrain();

  readonly #onError = (error: Error): void => {
    this.#failure = error;
  };

  readonly #onClose = (): void => {
    this.#usable = false;
    this.#handler?.upstreamClosed(this.#failure);
  };
}

/** The identity of an upstream connection: two requests with equal keys may share one. */
export function upstreamKey(target: UpstreamTarget): string {
  return `${target.tls ? 's' : 'p'} ${target.serverName} ${formatEndpoint(target.host, target.port)}`;
}

/**
 * Connects to an origin, through TLS where it asks for it.
 * @throws GatewayError kind `unavailable` or `timeout`
 */
export async function openUpstream(
  services: ProxyServices,
  open: OpenStream,
  target: UpstreamTarget,
  key: string,
  abandoned: AbortSignal,
): Promise<Upstream> {
  const timeout = new AbortController();
  const timer = services.clock.after(OPEN_TIMEOUT_MS, () => timeout.abort());
  const where = formatEndpoint(target.host, target.port);
  const signal = AbortSignal.any([timeout.signal, abandoned]);
  try {
    const dialed = await open(target.host, target.port, signal);
    const stream = target.tls ? await secure(services, dialed.stream, target, key, signal) : dialed.stream;
    return new Upstream(stream, key, dialed, services.clock.now());
  } catch (error) {
    if (timeout.signal.aborted) {
      throw new GatewayError('timeout', 'inspect.upstream-timeout', `connecting to ${where} took too long`, {
        cause: error,
      });
    }
    if (error instanceof GatewayError && error.code === 'inspect.upstream-tls') throw error;
    throw new GatewayError(
      'unavailable',
      'inspect.upstream-connect',
      `connecting to ${where} failed: ${errorText(error)}`,
      {
        cause: error,
      },
    );
  } finally {
    timer.cancel();
  }
}

async function secure(
  services: ProxyServices,
  stream: Duplex,
  target: UpstreamTarget,
  key: string,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { settings } = services;
  const socket = connectTls({
    socket: stream,
    host: target.host,
    ...(target.serverName !== '' && isIP(target.serverName) === 0 ? { servername: target.serverName } : {}),
    ALPNProtocols: ['http/1.1'],
    secureContext: settings.upstreamContext,
    rejectUnauthorized: settings.verifyUpstream,
    session: settings.upstreamSessions.get(key),
  });
  socket.on('session', (session: Buffer) => settings.upstreamSessions.set(key, session));
  try {
    await completeHandshake(socket, stream, 'secureConnect', signal);
  } catch (error) {
    const where = formatEndpoint(target.host, target.port);
    throw new GatewayError(
      'unavailable',
      'inspect.upstream-tls',
      `TLS to ${where} failed: ${errorText(error)}`,
      {
        cause: error,
      },
    );
  }
  return socket;
}
