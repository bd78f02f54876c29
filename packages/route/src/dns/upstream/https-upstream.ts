import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { formatEndpoint } from '@sluice/base/address';
import type { Timer } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { setU16, withId } from '@sluice/codec/dns/header';
import type { DnsQuery } from '@sluice/codec/dns/message';
import type { HttpAsk } from './http-ask.ts';
import { Http1Session } from './http1-session.ts';
import { Http2Session } from './http2-session.ts';
import { dialTarget } from './server-address.ts';
import { startServerTls } from './server-tls.ts';
import {
  deadline,
  EXCHANGE_LIMIT_MS,
  isResponseTo,
  orAborted,
  type Upstream,
  type UpstreamEnvironment,
} from './upstream.ts';
import type { UpstreamConfig } from './upstream-config.ts';

type HttpConfig = Extract<UpstreamConfig, { readonly kind: 'https' | 'http' }>;

const IDLE_MS = 300_000;
const MAX_RECONNECTS = 2;

/** DNS over HTTPS (RFC 8484) with GET; HTTP/2 where the server offers it, else HTTP/1.1. The connection is kept. */
export class HttpsUpstream implements Upstream {
  readonly text: string;
  readonly isFixed = false;
  readonly #config: HttpConfig;
  readonly #environment: UpstreamEnvironment;
  readonly #host: string;
  readonly #pathStart: string;
  #session: HttpAsk | undefined;
  #opening: Promise<HttpAsk> | undefined;
  #idleTimer: Timer | undefined;
  /** Learnt from the first handshake. */
  #http1 = false;
  #closed = false;

  constructor(config: HttpConfig, environment: UpstreamEnvironment) {
    this.text = config.text;
    this.#config = config;
    this.#environment = environment;
    const { host, port } = config.server;
    const isDefaultPort = port === (config.kind === 'https' ? 443 : 80);
    this.#host = isDefaultPort ? formatEndpoint(host, port).replace(/:\d+$/, '') : formatEndpoint(host, port);
    this.#pathStart = `${config.path}${config.path.includes('?') ? '&' : '?'}dns=`;
    this.#http1 = config.kind === 'http';
  }

  async exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    // Caches in between keep one answer for all ids (RFC 8484 §4.1).
    const path = this.#pathStart + withId(query.bytes, 0).toString('base64url');
    for (let reconnects = 0; ; reconnects++) {
      const isReused = this.#session?.isOpen === true;
      const session = await orAborted(this.#openSession(), signal);
      try {
        const bytes = await session.get(path, signal);
        if (!isResponseTo(query, 0, bytes))
          throw new GatewayError('unavailable', 'dns.bad-response', 'bad response');
        setU16(bytes, 0, query.id);
        return bytes;
      } catch (error) {
        const isAnswer = error instanceof GatewayError && error.code !== 'dns.closed';
        if (signal.aborted || isAnswer || !isReused || reconnects === MAX_RECONNECTS || this.#closed)
          throw error;
        // A connection that was kept has gone stale.
        this.#drop(session);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#idleTimer?.cancel();
    this.#session?.close();
    this.#session = undefined;
  }

  #drop(session: HttpAsk): void {
    session.close();
    if (this.#session === session) this.#session = undefined;
  }

  async #openSession(): Promise<HttpAsk> {
    this.#armIdleTimer();
    if (this.#session?.isOpen === true) return this.#session;
    this.#opening ??= this.#connectSession().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  #armIdleTimer(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = this.#environment.clock.after(IDLE_MS, () => {
      this.#session?.close();
      this.#session = undefined;
    });
  }

  async #connectSession(): Promise<HttpAsk> {
    const stream = this.#http1 ? undefined : await this.#connectTls(['h2', 'http/1.1']);
    if (this.#closed) {
      stream?.destroy();
      throw new GatewayError('unavailable', 'dns.closed', 'resolver closed');
    }
    const session: HttpAsk =
      stream === undefined || stream.alpnProtocol !== 'h2'
        ? this.#openHttp1(stream)
        : new Http2Session(`https://${this.#host}`, stream, this.#environment.clock, () => {
            if (this.#session === session) this.#session = undefined;
          });
    this.#session = session;
    return session;
  }

  /** `first` is a connection that is open already, for the first request. */
  #openHttp1(first: Duplex | undefined): HttpAsk {
    this.#http1 = true;
    let kept = first;
    return new Http1Session(this.#host, async () => {
      const stream = kept ?? (await this.#connectHttp1());
      kept = undefined;
      return stream;
    });
  }

  #connectHttp1(): Promise<Duplex> {
    return this.#config.kind === 'https'
      ? this.#connectTls(['http/1.1'])
      : this.#withinLimit((signal) => this.#dial(signal));
  }

  #connectTls(alpn: readonly string[]): Promise<TLSSocket> {
    return this.#withinLimit(async (signal) =>
      startServerTls(
        await this.#dial(signal),
        {
          host: this.#config.server.host,
          alpn,
          skipCertVerify: this.#config.options.skipCertVerify,
          trustedCertificates: this.#environment.trustedCertificates(),
        },
        signal,
      ),
    );
  }

  async #dial(signal: AbortSignal): Promise<Duplex> {
    const target = await dialTarget(this.#config, this.#environment, signal, false);
    return this.#environment.dialer.dialTcp(target, this.#config.options.via, signal);
  }

  async #withinLimit<T>(connect: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = deadline(this.#environment.clock, EXCHANGE_LIMIT_MS);
    try {
      return await connect(limit.signal);
    } finally {
      limit.cancel();
    }
  }
}
