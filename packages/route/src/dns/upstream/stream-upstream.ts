import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import type { DnsQuery } from '@sluice/codec/dns/message';
import { dialTarget } from './server-address.ts';
import { startServerTls } from './server-tls.ts';
import { StreamConnection } from './stream-connection.ts';
import {
  deadline,
  EXCHANGE_LIMIT_MS,
  orAborted,
  type Upstream,
  type UpstreamEnvironment,
} from './upstream.ts';
import type { UpstreamConfig } from './upstream-config.ts';

type StreamConfig = Extract<UpstreamConfig, { readonly server: Endpoint }>;

const IDLE_MS = { tcp: 10_000, tls: 30_000 } as const;

/** DNS over TCP (RFC 7766) or TLS (RFC 7858); connections are kept for further queries. */
export class StreamUpstream implements Upstream {
  readonly text: string;
  readonly isFixed = false;
  readonly #config: StreamConfig;
  readonly #transport: 'tcp' | 'tls';
  readonly #environment: UpstreamEnvironment;
  readonly #connections = new Set<StreamConnection>();
  #opening: Promise<StreamConnection> | undefined;
  #closed = false;

  constructor(config: StreamConfig, transport: 'tcp' | 'tls', environment: UpstreamEnvironment) {
    this.text = config.text;
    this.#config = config;
    this.#transport = transport;
    this.#environment = environment;
  }

  async exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    const kept = this.#freeConnection();
    if (kept !== undefined) {
      try {
        return await kept.exchange(query, signal);
      } catch (error) {
        // The server may have closed it while it was idle.
        if (signal.aborted || this.#closed) throw error;
      }
    }
    const connection = await orAborted(this.#open(), signal);
    return connection.exchange(query, signal);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
  }

  #freeConnection(): StreamConnection | undefined {
    for (const connection of this.#connections) if (connection.isFree) return connection;
    return undefined;
  }

  /** Queries that come while a connection is being opened share it; it is opened even if all of them give up. */
  #open(): Promise<StreamConnection> {
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #connect(): Promise<StreamConnection> {
    const limit = deadline(this.#environment.clock, EXCHANGE_LIMIT_MS);
    try {
      const stream = await this.#dial(limit.signal);
      const connection: StreamConnection = new StreamConnection(
        stream,
        this.#environment.clock,
        IDLE_MS[this.#transport],
        () => this.#connections.delete(connection),
      );
      this.#connections.add(connection);
      if (this.#closed) connection.close();
      return connection;
    } finally {
      limit.cancel();
    }
  }

  async #dial(signal: AbortSignal): Promise<Duplex> {
    const { options, server } = this.#config;
    if (this.#closed) throw new GatewayError('unavailable', 'dns.closed', 'resolver closed');
    const target = await dialTarget(this.#config, this.#environment, signal, false);
    const stream = await this.#environment.dialer.dialTcp(target, options.via, signal);
    if (this.#transport === 'tcp') return stream;
    return startServerTls(
      stream,
      {
        host: server.host,
        alpn: [],
        skipCertVerify: options.skipCertVerify,
        trustedCertificates: this.#environment.trustedCertificates(),
      },
      signal,
    );
  }
}
