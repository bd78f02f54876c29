import type { RequestHead, ResponseHead } from '@sluice/codec/http1/head';
import type { HeaderLines } from '@sluice/codec/http1/header';
import { BodyCapture, type CaptureBudget } from './body-capture.ts';
import { type CapturedExchange, type CapturedResponse, EMPTY_BODY, type ExchangeSink } from './exchange.ts';

/** What is known of an exchange when its request head has arrived. */
export type ExchangeStart = {
  readonly flowId: string;
  readonly clientIp: string;
  readonly clientPort: number;
  readonly startedMs: number;
  readonly url: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly head: RequestHead;
};

const NO_LINES: HeaderLines = [];
let lastNumber = 0;

/** Collects one exchange while it passes and hands it to the sink exactly once. */
export class ExchangeCapture {
  readonly #sink: ExchangeSink;
  readonly #budget: CaptureBudget;
  readonly #bodyLimitBytes: number;
  readonly #start: ExchangeStart;
  #requestBody: BodyCapture | undefined;
  #requestTrailers = NO_LINES;
  #requestEndMs: number | undefined;
  #flowId: string;
  #route: readonly string[] = [];
  #connectedMs: number | undefined;
  #responseHead: ResponseHead | undefined;
  #responseStartMs: number | undefined;
  #responseBody: BodyCapture | undefined;
  #responseTrailers = NO_LINES;
  #modified: CapturedResponse | undefined;
  #rule: CapturedExchange['rule'];
  #finished = false;

  constructor(sink: ExchangeSink, budget: CaptureBudget, bodyLimitBytes: number, start: ExchangeStart) {
    this.#sink = sink;
    this.#budget = budget;
    this.#bodyLimitBytes = bodyLimitBytes;
    this.#start = start;
    this.#flowId = start.flowId;
  }

  requestBytes(slice: Buffer): void {
    this.#requestBody ??= new BodyCapture(this.#budget, this.#bodyLimitBytes);
    this.#requestBody.add(slice);
  }

  requestEnded(trailers: HeaderLines, nowMs: number): void {
    this.#requestTrailers = trailers;
    this.#requestEndMs = nowMs;
  }

  connected(flowId: string, route: readonly string[], connectedMs: number): void {
    if (this.#flowId === '') this.#flowId = flowId;
    this.#route = route;
    this.#connectedMs = connectedMs;
  }

  responseStarted(head: ResponseHead, nowMs: number): void {
    this.#responseHead = head;
    this.#responseStartMs = nowMs;
  }

  responseBytes(slice: Buffer): void {
    this.#responseBody ??= new BodyCapture(this.#budget, this.#bodyLimitBytes);
    this.#responseBody.add(slice);
  }

  responseTrailers(trailers: HeaderLines): void {
    this.#responseTrailers = trailers;
  }

  /** Notes what the client receives instead of the upstream's response. */
  rewritten(rule: NonNullable<CapturedExchange['rule']>, head: ResponseHead, body: Buffer): void {
    const kept = body.subarray(0, this.#bodyLimitBytes);
    this.#rule = rule;
    this.#modified = {
      status: head.status,
      statusText: head.reason,
      httpVersion: head.version,
      headers: head.headers,
      trailers: NO_LINES,
      body: {
        chunks: kept.length === 0 ? [] : [kept],
        storedBytes: kept.length,
        sizeBytes: body.length,
        truncated: kept.length < body.length,
      },
    };
  }

  /** Hands the record over; only the first call counts. `error` is `''` for a complete exchange. */
  finish(error: string, nowMs: number): void {
    if (this.#finished) return;
    this.#finished = true;
    const complete = error === '';
    const start = this.#start;
    const { head } = start;
    const response = this.#responseHead;
    // The sink counts the bodies from here on, so they are given back only after it has them.
    this.#sink.record({
      id: exchangeId(start.startedMs),
      flowId: this.#flowId,
      clientIp: start.clientIp,
      clientPort: start.clientPort,
      route: this.#route,
      timing: {
        startedMs: start.startedMs,
        ...(this.#requestEndMs === undefined ? undefined : { requestEndMs: this.#requestEndMs }),
        ...(this.#connectedMs === undefined ? undefined : { connectedMs: this.#connectedMs }),
        ...(this.#responseStartMs === undefined ? undefined : { responseStartMs: this.#responseStartMs }),
        endedMs: nowMs,
      },
      request: {
        url: start.url,
        method: head.method,
        scheme: start.scheme,
        host: start.host,
        port: start.port,
        httpVersion: head.version,
        headers: head.headers,
        trailers: this.#requestTrailers,
        body: this.#requestBody?.finish(this.#requestEndMs !== undefined) ?? EMPTY_BODY,
      },
      response:
        response === undefined
          ? undefined
          : {
              status: response.status,
              statusText: response.reason,
              httpVersion: response.version,
              headers: response.headers,
              trailers: this.#responseTrailers,
              body: this.#responseBody?.finish(complete) ?? EMPTY_BODY,
            },
      modified: this.#modified,
      rule: this.#rule,
      error,
    });
    this.#requestBody?.release();
    this.#responseBody?.release();
  }
}

/** Unique as long as no two processes write one store and the clock does not repeat a start of the process. */
function exchangeId(startedMs: number): string {
  lastNumber = (lastNumber + 1) % Number.MAX_SAFE_INTEGER;
  return `ex_${startedMs}_${lastNumber}`;
}
