import type { Duplex } from 'node:stream';
import { errorText, GatewayError, ProtocolError } from '@sluice/base/errors';
import { BodyDecoder, type BodySink } from '@sluice/codec/http1/body-decoder';
import { type BodyFraming, keepsAlive, responseFraming } from '@sluice/codec/http1/framing';
import {
  formatRequestHead,
  formatResponseHead,
  type RequestHead,
  type ResponseHead,
} from '@sluice/codec/http1/head';
import { checkHeaderLines, type HeaderLines } from '@sluice/codec/http1/header';
import { stripHopByHop, upgradeProtocol } from '@sluice/codec/http1/hop-by-hop';
import type { ExchangeCapture } from '../exchange/exchange-capture.ts';
import { formatErrorAnswer } from './error-answer.ts';
import { HeldBody } from './held-body.ts';
import { OutgoingBody } from './outgoing-body.ts';
import { type RoutedRequest, withHost } from './request-line.ts';
import { type ClientFraming, clientResponseHead, isStreamed, rewriteResponse } from './response-head.ts';
import { ResponseHeads } from './response-heads.ts';
import type { ProxyServices, ResponseRewrite } from './services.ts';
import type { Upstream, UpstreamHandler } from './upstream.ts';
import { bindsConnection } from './upstream-pool.ts';

/** The connection an exchange belongs to, as the exchange sees it. */
export interface ExchangeOwner {
  readonly client: Duplex;
  readonly services: ProxyServices;
  /** A kept connection to the exchange's origin, or `undefined`; `repeatable` tells that the request may be sent twice. */
  takeIdle(repeatable: boolean): Upstream | undefined;
  /** Opens a connection to the exchange's origin. */
  open(signal: AbortSignal): Promise<Upstream>;
  keepIdle(upstream: Upstream): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** The exchange is over; with `close` nothing more is read from the client and what was written is its last. */
  exchangeDone(close: boolean): void;
  /** The exchange broke off inside its response: the client must not take it for complete. */
  exchangeBroken(): void;
  /** Both sides agreed on another protocol. `rest` came after the upstream's head. */
  exchangeUpgraded(upstream: Upstream, rest: Buffer): void;
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const FIRST_BYTE_MS = 300_000;
const IDLE_MS = 600_000;

type State = 'connecting' | 'sending' | 'answering' | 'done';

/** One request and its response, between a client connection and an upstream. */
export class Http1Exchange implements UpstreamHandler, BodySink {
  readonly #owner: ExchangeOwner;
  readonly #head: RequestHead;
  readonly #routed: RoutedRequest;
  readonly #capture: ExchangeCapture;
  readonly #rewrite: ResponseRewrite | undefined;
  readonly #upgrade: string | undefined;
  readonly #requestBody: OutgoingBody;
  readonly #hasBody: boolean;
  readonly #heads: ResponseHeads;
  #state: State = 'connecting';
  #requestComplete = false;
  #abandoned: AbortController | undefined;
  #upstream: Upstream | undefined;
  #retried = false;
  #answered = false;
  #response: ResponseHead | undefined;
  #decoder: BodyDecoder | undefined;
  #clientBody: OutgoingBody | undefined;
  #held: HeldBody | undefined;
  #closeClient: boolean;
  deadlineMs = Number.POSITIVE_INFINITY;

  constructor(
    owner: ExchangeOwner,
    head: RequestHead,
    framing: BodyFraming,
    routed: RoutedRequest,
    capture: ExchangeCapture,
  ) {
    const { rewriter } = owner.services;
    this.#owner = owner;
    this.#head = head;
    this.#routed = routed;
    this.#capture = capture;
    this.#hasBody = framing.kind !== 'none';
    this.#requestBody = new OutgoingBody(framing.kind === 'chunked');
    this.#upgrade = upgradeProtocol(head.headers);
    this.#closeClient = !keepsAlive(head.headers, head.version);
    this.#heads = new ResponseHeads(head.method, (interim) => this.#relayInterim(interim));
    this.#rewrite = rewriter.active ? rewriter.find({ method: head.method, url: routed.url }) : undefined;
  }

  /** Sends the request on an idle connection, or opens one. */
  start(): void {
    const idle = this.#owner.takeIdle(this.#isRepeatable());
    if (idle !== undefined) this.#attach(idle);
    else void this.#connect();
  }

  /** Body bytes of the request; they leave with `flushRequest`. */
  requestBytes(slice: Buffer): void {
    this.#capture.requestBytes(slice);
    this.#requestBody.add(slice);
  }

  requestEnded(trailers: HeaderLines): void {
    this.#requestComplete = true;
    this.#capture.requestEnded(trailers, this.#nowMs());
    if (this.#hasBody) this.#requestBody.end(trailers);
  }

  /** Writes what has gathered of the request. */
  flushRequest(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) {
      if (!this.#requestComplete && this.#state === 'connecting') this.#owner.pauseRequest();
      return;
    }
    if (this.#requestBody.empty) return;
    if (!this.#requestBody.write(upstream.stream) && !this.#requestComplete) this.#owner.pauseRequest();
    this.#touch(this.#requestComplete ? FIRST_BYTE_MS : IDLE_MS);
  }

  /** The client is gone. */
  abort(why: string): void {
    if (this.#state !== 'done') this.#giveUp(why);
  }

  /** The request turned out malformed while its body was being read, or took too long. */
  fail(status: number, why: string): void {
    if (this.#state === 'done') return;
    this.#giveUp(why);
    if (this.#answered) {
      this.#owner.exchangeBroken();
      return;
    }
    const close = this.#closeClient || !this.#requestComplete;
    this.#owner.client.write(formatErrorAnswer(status, why, { close, head: this.#head.method === 'HEAD' }));
    this.#owner.exchangeDone(close);
  }

  expire(): void {
    this.fail(
      504,
      this.#response === undefined ? 'the server took too long to answer' : 'the transfer stood still',
    );
  }

  clientDrained(): void {
    this.#upstream?.stream.resume();
  }

  bodyBytes(slice: Buffer): void {
    this.#capture.responseBytes(slice);
    if (this.#held === undefined) this.#clientBody?.add(slice);
    else this.#held.add(slice);
  }

  upstreamData(chunk: Buffer): void {
    this.#touch(IDLE_MS);
    try {
      if (this.#state === 'sending') this.#readHead(chunk);
      else if (this.#state === 'answering') this.#readBody(chunk);
    } catch (error) {
      this.#responseFailed(error);
    }
  }

  upstreamEnd(): void {
    const decoder = this.#decoder;
    if (this.#state !== 'answering' || decoder === undefined) {
      this.#upstreamLost('the server closed the connection before it answered');
      return;
    }
    try {
      decoder.close();
      this.#finishResponse(0);
    } catch (error) {
      this.#responseFailed(error);
    }
  }

  upstreamClosed(error: Error | undefined): void {
    this.#upstreamLost(
      error === undefined
        ? 'the server closed the connection'
        : `the server's connection failed: ${error.message}`,
    );
  }

  upstreamDrain(): void {
    if (!this.#requestComplete) this.#owner.resumeRequest();
  }

  #responseFailed(error: unknown): void {
    if (error instanceof ProtocolError) {
      const cut = error.code === 'body-cut-short';
      this.fail(
        502,
        cut
          ? 'the server closed the connection inside its response'
          : `the server's response is malformed: ${error.message}`,
      );
      return;
    }
    // One exchange is lost; the others must not be.
    this.#owner.services.log.error('passing a response on failed', {
      url: this.#routed.url,
      error: errorText(error),
    });
    this.fail(502, 'the response could not be passed on');
  }

  #giveUp(why: string): void {
    this.#state = 'done';
    this.#abandoned?.abort();
    this.#upstream?.destroy();
    this.#held?.release();
    this.#capture.finish(why, this.#nowMs());
  }

  async #connect(): Promise<void> {
    this.#abandoned = new AbortController();
    try {
      const upstream = await this.#owner.open(this.#abandoned.signal);
      if (this.#state === 'connecting') this.#attach(upstream);
      else upstream.destroy();
    } catch (error) {
      const timeout = error instanceof GatewayError && error.kind === 'timeout';
      this.fail(timeout ? 504 : 502, errorText(error));
    }
  }

  #attach(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#state = 'sending';
    this.#capture.connected(upstream.flowId, upstream.chain, upstream.connectedMs);
    upstream.attach(this);
    this.#requestBody.head = this.#formatRequestHead();
    this.flushRequest();
    if (!this.#requestComplete && !upstream.stream.writableNeedDrain) this.#owner.resumeRequest();
  }

  #formatRequestHead(): string {
    const { method, headers } = this.#head;
    const { path, authority } = this.#routed;
    return formatRequestHead(method, path, '1.1', withHost(stripHopByHop(headers, this.#upgrade), authority));
  }

  #upstreamLost(why: string): void {
    if (this.#state === 'done') return;
    const reused = this.#upstream?.reused === true;
    const untouched = this.#state === 'sending' && this.#heads.empty && !this.#answered;
    if (reused && untouched && !this.#retried && this.#isRepeatable()) {
      // The server closed its idle connection while our request was on the way.
      this.#retried = true;
      this.#upstream?.destroy();
      this.#upstream = undefined;
      this.#state = 'connecting';
      void this.#connect();
      return;
    }
    this.fail(502, why);
  }

  #readHead(chunk: Buffer): void {
    const found = this.#heads.push(chunk);
    if (found === undefined) return;
    if (found.head.status === 101) {
      this.#switchProtocols(found.head, found.rest);
      return;
    }
    this.#startResponse(found.head, found.framing);
    this.#readBody(found.rest);
  }

  #relayInterim(head: ResponseHead): void {
    // A 1.0 client does not know them.
    if (this.#head.version !== '1.1') return;
    this.#owner.client.write(
      formatResponseHead(head.status, head.reason, '1.1', stripHopByHop(head.headers)),
      'latin1',
    );
  }

  #switchProtocols(head: ResponseHead, rest: Buffer): void {
    const upstream = this.#upstream;
    const granted = upgradeProtocol(head.headers);
    if (upstream === undefined || this.#upgrade === undefined || granted === undefined) {
      throw new ProtocolError('unexpected-upgrade', 0);
    }
    this.#state = 'done';
    this.#capture.responseStarted(head, this.#nowMs());
    this.#capture.finish('', this.#nowMs());
    this.#owner.client.write(
      formatResponseHead(101, head.reason, '1.1', stripHopByHop(head.headers, granted)),
      'latin1',
    );
    this.#owner.exchangeUpgraded(upstream, rest);
  }

  #startResponse(head: ResponseHead, framing: BodyFraming): void {
    this.#state = 'answering';
    this.#response = head;
    this.#decoder = new BodyDecoder(framing);
    this.#capture.responseStarted(head, this.#nowMs());
    if (this.#rewrite !== undefined && !isStreamed(head.headers)) {
      this.#held = new HeldBody(this.#owner.services.budget);
    } else this.#startAnswer(head, framing);
  }

  #startAnswer(head: ResponseHead, framing: BodyFraming): void {
    const client: ClientFraming = clientResponseHead(this.#head, head, framing);
    if (client.close) this.#closeClient = true;
    this.#clientBody = new OutgoingBody(client.chunked);
    this.#clientBody.head = client.text;
  }

  #readBody(bytes: Buffer): void {
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    const used = decoder.push(bytes, this);
    if (decoder.ended) this.#finishResponse(bytes.length - used);
    else if (this.#held?.overflowed === true) this.#giveUpRewriting(this.#held);
    else this.#flushAnswer();
  }

  #flushAnswer(): void {
    const body = this.#clientBody;
    if (body === undefined || body.empty) return;
    this.#answered = true;
    if (!body.write(this.#owner.client) && !this.#decoder?.ended) this.#upstream?.stream.pause();
  }

  #giveUpRewriting(held: HeldBody): void {
    const response = this.#response;
    if (response === undefined) return;
    this.#startAnswer(response, responseFraming(response, this.#head.method));
    for (const slice of held.release()) this.#clientBody?.add(slice);
    this.#held = undefined;
    this.#flushAnswer();
  }

  #finishResponse(surplusBytes: number): void {
    const decoder = this.#decoder;
    const response = this.#response;
    if (decoder === undefined || response === undefined) return;
    this.#capture.responseTrailers(decoder.trailers);
    if (this.#held !== undefined) this.#rewriteAnswer(response, this.#held);
    this.#clientBody?.end(decoder.trailers);
    this.#flushAnswer();
    this.#state = 'done';
    this.#releaseUpstream(response, surplusBytes);
    this.#capture.finish('', this.#nowMs());
    // With the request unfinished nobody can tell where the next one starts.
    this.#owner.exchangeDone(this.#closeClient || !this.#requestComplete);
  }

  #rewriteAnswer(response: ResponseHead, held: HeldBody): void {
    const rewrite = this.#rewrite;
    if (rewrite === undefined) return;
    const original = Buffer.concat(held.release());
    const changed = rewriteResponse(this.#head, response, original, rewrite);
    checkHeaderLines(changed.head.headers);
    const { id, name, matchedRules } = rewrite;
    this.#capture.rewritten({ id, name, matchedRules }, changed.head, changed.body);
    this.#clientBody = new OutgoingBody(false);
    this.#clientBody.head = formatResponseHead(
      changed.head.status,
      changed.head.reason,
      '1.1',
      changed.head.headers,
    );
    if (changed.bodySent) this.#clientBody.add(changed.body);
    this.#held = undefined;
  }

  #releaseUpstream(response: ResponseHead, surplusBytes: number): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#upstream = undefined;
    const reusable =
      this.#requestComplete &&
      surplusBytes === 0 &&
      keepsAlive(response.headers, response.version) &&
      !upstream.stream.readableEnded &&
      !upstream.stream.destroyed;
    upstream.detach();
    if (bindsConnection(this.#head.headers) || bindsConnection(response.headers)) upstream.personal = true;
    if (!reusable) {
      upstream.destroy();
      return;
    }
    upstream.stream.resume();
    this.#owner.keepIdle(upstream);
  }

  #isRepeatable(): boolean {
    return !this.#hasBody && IDEMPOTENT.has(this.#head.method);
  }

  #touch(allowanceMs: number): void {
    this.deadlineMs = this.#owner.services.deadlines.nowMs() + allowanceMs;
  }

  #nowMs(): number {
    return this.#owner.services.clock.now();
  }
}
