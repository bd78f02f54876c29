import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProtocolError } from '@sluice/base/errors';
import { BodyDecoder, type BodySink } from '@sluice/codec/http1/body-decoder';
import { requestFraming } from '@sluice/codec/http1/framing';
import { parseRequestHead, type RequestHead } from '@sluice/codec/http1/head';
import { HEAD_LIMIT_CODES, HeadBuffer } from '@sluice/codec/http1/head-buffer';
import { TOKEN_BYTES } from '@sluice/codec/http1/header';
import { parseRequestTarget } from '@sluice/codec/http1/target';
import { ExchangeCapture } from '../exchange/exchange-capture.ts';
import type { Timed } from './deadlines.ts';
import { formatErrorAnswer } from './error-answer.ts';
import { type ExchangeOwner, Http1Exchange } from './http1-exchange.ts';
import { relay } from './relay.ts';
import { RequestRouter, type RoutedRequest, type TunnelOrigin } from './request-line.ts';
import type { ClientAddress, OpenStream, ProxyServices } from './services.ts';
import { openUpstream, type Upstream, type UpstreamTarget, upstreamKey } from './upstream.ts';
import type { SharedUpstreams } from './upstream-pool.ts';

/** What an HTTP/1 client connection needs to know about its surroundings. */
export type SessionSetup = {
  readonly services: ProxyServices;
  readonly client: Duplex;
  readonly address: ClientAddress;
  /** Flow of the client connection, `''` when each upstream is its own. */
  readonly flowId: string;
  /** Where every request goes; absent for a proxy connection, whose requests name it. */
  readonly origin: TunnelOrigin | undefined;
  readonly open: OpenStream;
  /** Where idle upstreams go when the client leaves; absent when they may serve nobody else. */
  readonly shared?: SharedUpstreams;
  /** Continues the connection after a CONNECT, whose answer has been written; only for proxy connections. */
  readonly tunnel?: (host: string, port: number, rest: Buffer) => Promise<void>;
};

const HEAD_MS = 30_000;
const IDLE_MS = 120_000;
const LINGER_MS = 5_000;
const MAX_IDLE_UPSTREAMS = 5;
const CR = 13;
const LF = 10;
const EMPTY: Buffer = Buffer.alloc(0);
const CONNECT_ANSWER = {
  '1.1': 'HTTP/1.1 200 Connection established\r\n\r\n',
  '1.0': 'HTTP/1.0 200 Connection established\r\n\r\n',
};

type State = 'head' | 'body' | 'answer' | 'closing' | 'gone';

/** One HTTP/1 client connection: reads requests one after the other and runs their exchanges. */
export class Http1Session implements ExchangeOwner, Timed {
  readonly client: Duplex;
  readonly services: ProxyServices;
  readonly #setup: SessionSetup;
  readonly #router: RequestRouter;
  readonly #heads = new HeadBuffer();
  readonly #requestSink: BodySink;
  readonly #ended = Promise.withResolvers<void>();
  #state: State = 'head';
  #consuming = false;
  #pending = EMPTY;
  #decoder: BodyDecoder | undefined;
  #exchange: Http1Exchange | undefined;
  #target: UpstreamTarget | undefined;
  #targetKey = '';
  #targetRequest: RoutedRequest | undefined;
  #idle: Upstream[] = [];
  #clientEnded = false;
  #clientError: Error | undefined;
  #stateDeadlineMs: number;

  constructor(setup: SessionSetup) {
    this.#setup = setup;
    this.client = setup.client;
    this.services = setup.services;
    this.#router = new RequestRouter(setup.origin);
    this.#requestSink = { bodyBytes: (slice) => this.#exchange?.requestBytes(slice) };
    this.#stateDeadlineMs = this.services.deadlines.nowMs() + HEAD_MS;
  }

  /** Serves the connection, starting with bytes already read, until it has ended; never rejects. */
  run(initial: Buffer): Promise<void> {
    const { client } = this;
    client.on('data', this.#onData);
    client.on('end', this.#onEnd);
    client.on('drain', this.#onDrain);
    client.on('error', this.#onError);
    client.on('close', this.#onClose);
    this.services.deadlines.add(this);
    if (client.destroyed) this.#onClose();
    else {
      client.resume();
      if (initial.length > 0) this.#consume(initial);
    }
    return this.#ended.promise;
  }

  get deadlineMs(): number {
    const exchange = this.#exchange;
    if (exchange !== undefined && this.#state === 'answer') return exchange.deadlineMs;
    return this.#stateDeadlineMs;
  }

  expire(): void {
    this.#stateDeadlineMs = Number.POSITIVE_INFINITY;
    if (this.#state === 'head' && !this.#heads.empty) this.#refuse(408, 'the request head took too long');
    else if (this.#state === 'body') this.#exchange?.fail(408, 'the request body took too long');
    else if (this.#state === 'answer') this.#exchange?.expire();
    else this.client.destroy();
  }

  takeIdle(repeatable: boolean): Upstream | undefined {
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const upstream = this.#idle[index];
      if (upstream === undefined || upstream.key !== this.#targetKey) continue;
      this.#idle.splice(index, 1);
      if (upstream.usable) return upstream;
    }
    // Such a connection may end unseen at any moment; only a request that can be sent again risks it.
    return repeatable ? this.#setup.shared?.take(this.#targetKey) : undefined;
  }

  open(signal: AbortSignal): Promise<Upstream> {
    const target = this.#target;
    if (target === undefined) throw new ProtocolError('bad-target', 0);
    return openUpstream(this.services, this.#setup.open, target, this.#targetKey, signal);
  }

  keepIdle(upstream: Upstream): void {
    this.#idle.push(upstream);
    if (this.#state === 'gone' || this.#state === 'closing') {
      this.#dropIdle();
      return;
    }
    if (this.#idle.length > MAX_IDLE_UPSTREAMS) this.#idle.shift()?.destroy();
  }

  pauseRequest(): void {
    this.client.pause();
  }

  resumeRequest(): void {
    if (this.#pending.length === 0) this.client.resume();
  }

  exchangeDone(close: boolean): void {
    this.#exchange = undefined;
    this.#decoder = undefined;
    if (this.#state === 'gone') return;
    if (close || this.#clientEnded) {
      this.#close();
      return;
    }
    this.#state = 'head';
    this.#stateDeadlineMs = this.services.deadlines.nowMs() + IDLE_MS;
    if (this.#consuming) return;
    const pending = this.#pending;
    this.#pending = EMPTY;
    if (pending.length > 0) this.#consume(pending);
    if (this.#pending.length === 0) this.client.resume();
  }

  exchangeBroken(): void {
    this.#exchange = undefined;
    // For a body that closing ends, an orderly close would look like its end.
    if (this.client instanceof Socket && !('encrypted' in this.client)) this.client.resetAndDestroy();
    else this.client.destroy();
  }

  exchangeUpgraded(upstream: Upstream, rest: Buffer): void {
    this.#exchange = undefined;
    const { client } = this;
    const early = this.#pending;
    this.#leave();
    const stream = upstream.surrender();
    if (rest.length > 0) client.write(rest);
    if (early.length > 0) stream.write(early);
    void relay(client, stream).then(this.#ended.resolve);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closing') return;
    this.#consume(chunk);
  };

  readonly #onEnd = (): void => {
    this.#clientEnded = true;
    if (this.#state === 'head' || this.#state === 'closing') this.client.end();
    else if (this.#state === 'body')
      this.#exchange?.abort('the client closed the connection inside its request');
    // A client that has sent its whole request may close its side and still read the answer.
    if (this.#state === 'body') this.client.destroy();
  };

  readonly #onDrain = (): void => this.#exchange?.clientDrained();

  readonly #onError = (error: Error): void => {
    this.#clientError = error;
  };

  readonly #onClose = (): void => {
    if (this.#state === 'gone') return;
    const why = this.#clientError === undefined ? '' : `: ${this.#clientError.message}`;
    this.#exchange?.abort(`the client closed the connection${why}`);
    this.#exchange = undefined;
    this.#leave();
    this.#ended.resolve();
  };

  #consume(chunk: Buffer): void {
    let rest = chunk;
    this.#consuming = true;
    try {
      while (rest.length > 0) {
        if (this.#state === 'head') rest = this.#readHead(rest);
        else if (this.#state === 'body') rest = this.#readBody(rest);
        else break;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(
        HEAD_LIMIT_CODES.has(error.code) ? 431 : 400,
        `the request is malformed: ${error.message}`,
      );
    } finally {
      this.#consuming = false;
    }
    if (rest.length === 0 || this.#state !== 'answer') return;
    // The next request of a pipeline waits, and with it the client.
    this.#pending = this.#pending.length === 0 ? rest : Buffer.concat([this.#pending, rest]);
    this.client.pause();
  }

  #readHead(chunk: Buffer): Buffer {
    if (this.#heads.empty) {
      this.#stateDeadlineMs = this.services.deadlines.nowMs() + HEAD_MS;
      const first = chunk[0] as number;
      // Some other protocol would be waited for to the time limit.
      if (TOKEN_BYTES[first] === 0 && first !== CR && first !== LF) throw new ProtocolError('not-http', 0);
    }
    const found = this.#heads.push(chunk);
    if (found === undefined) return EMPTY;
    const head = parseRequestHead(found.head);
    if (head.method === 'CONNECT') return this.#connect(head, found.rest);
    const framing = requestFraming(head.headers, head.version);
    const routed = this.#router.route(head);
    this.#begin(head, framing.kind === 'none' ? undefined : new BodyDecoder(framing), framing, routed);
    return found.rest;
  }

  #begin(
    head: RequestHead,
    decoder: BodyDecoder | undefined,
    framing: ReturnType<typeof requestFraming>,
    routed: RoutedRequest,
  ): void {
    const { services, address, flowId, origin } = this.#setup;
    const startedMs = services.clock.now();
    const capture = new ExchangeCapture(services.sink, services.budget, services.settings.bodyLimitBytes, {
      flowId,
      clientIp: address.ip,
      clientPort: address.port,
      startedMs,
      url: routed.url,
      scheme: routed.scheme,
      host: routed.host,
      port: routed.port,
      head,
    });
    const exchange = new Http1Exchange(this, head, framing, routed, capture);
    this.#exchange = exchange;
    this.#decoder = decoder;
    this.#state = decoder === undefined ? 'answer' : 'body';
    this.#stateDeadlineMs = services.deadlines.nowMs() + IDLE_MS;
    if (decoder === undefined) exchange.requestEnded([]);
    if (origin === undefined && services.isOwnListener(routed.host, routed.port)) {
      exchange.fail(403, 'this address belongs to the gateway itself');
      return;
    }
    this.#aim(routed);
    exchange.start();
  }

  /** Sets where the current exchange goes. */
  #aim(routed: RoutedRequest): void {
    const { origin } = this.#setup;
    const previous = this.#targetRequest;
    const same =
      previous !== undefined &&
      (origin !== undefined ||
        (previous.host === routed.host &&
          previous.port === routed.port &&
          previous.scheme === routed.scheme));
    if (same) return;
    this.#targetRequest = routed;
    this.#target =
      origin === undefined
        ? { host: routed.host, port: routed.port, tls: routed.scheme === 'https', serverName: routed.host }
        : {
            host: origin.host,
            port: origin.port,
            tls: origin.scheme === 'https',
            serverName: origin.serverName,
          };
    this.#targetKey = upstreamKey(this.#target);
  }

  #readBody(chunk: Buffer): Buffer {
    const decoder = this.#decoder;
    const exchange = this.#exchange;
    if (decoder === undefined || exchange === undefined) return EMPTY;
    this.#stateDeadlineMs = this.services.deadlines.nowMs() + IDLE_MS;
    let used: number;
    try {
      used = decoder.push(chunk, this.#requestSink);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      exchange.fail(400, `the request body is malformed: ${error.message}`);
      return EMPTY;
    }
    if (decoder.ended) {
      this.#state = 'answer';
      exchange.requestEnded(decoder.trailers);
    }
    exchange.flushRequest();
    return used === chunk.length ? EMPTY : chunk.subarray(used);
  }

  #connect(head: RequestHead, rest: Buffer): Buffer {
    const { tunnel } = this.#setup;
    if (tunnel === undefined) throw new ProtocolError('connect-in-tunnel', 0);
    const target = parseRequestTarget('CONNECT', head.target);
    if (target.form !== 'authority') throw new ProtocolError('bad-target', 0);
    const { host, port } = target;
    if (port === 0 || this.services.isOwnListener(host, port)) {
      this.#refuse(403, 'this address belongs to the gateway itself');
      return EMPTY;
    }
    this.#leave();
    this.client.write(CONNECT_ANSWER[head.version], 'latin1');
    void tunnel(host, port, rest).then(this.#ended.resolve);
    return EMPTY;
  }

  #refuse(status: number, why: string): void {
    this.services.log.debug('request refused', { client: this.#setup.address.ip, status, why });
    this.client.write(formatErrorAnswer(status, why, { close: true, head: false }));
    this.#close();
  }

  /** Ends the connection after what was written; what still comes is read and dropped, so that the answer is not lost in a reset. */
  #close(): void {
    this.#state = 'closing';
    this.#stateDeadlineMs = this.services.deadlines.nowMs() + LINGER_MS;
    this.#dropIdle();
    this.client.end();
    this.client.resume();
    if (this.#clientEnded) this.client.once('finish', () => this.client.destroy());
  }

  /** Lets go of the client without touching the stream. */
  #leave(): void {
    const { client } = this;
    this.#state = 'gone';
    client.off('data', this.#onData);
    client.off('end', this.#onEnd);
    client.off('drain', this.#onDrain);
    client.off('close', this.#onClose);
    client.pause();
    this.services.deadlines.remove(this);
    this.#dropIdle();
  }

  #dropIdle(): void {
    const { shared } = this.#setup;
    for (const upstream of this.#idle) {
      if (shared === undefined || upstream.personal) upstream.destroy();
      else shared.give(upstream);
    }
    this.#idle = [];
  }
}
