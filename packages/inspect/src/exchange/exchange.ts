import type { ExchangeTiming, HeaderLines } from '../port.ts';

/** One message body as seen on the wire: transfer coding removed, content coding kept. */
export type CapturedBody = {
  /** The kept prefix, in order; never changed after the exchange was handed over. */
  readonly chunks: readonly Uint8Array[];
  /** Total length of `chunks`. */
  readonly storedBytes: number;
  /** Length of the whole body, kept or not. */
  readonly sizeBytes: number;
  /** True when `chunks` is not the whole body. */
  readonly truncated: boolean;
};

/** The request as the client sent it. */
export type CapturedRequest = {
  /** Absolute, with the default port left out. */
  readonly url: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Lower case, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** `1.1` or `1.0`. */
  readonly httpVersion: string;
  readonly headers: HeaderLines;
  readonly trailers: HeaderLines;
  readonly body: CapturedBody;
};

/** A response as received from the upstream, or as sent to the client. */
export type CapturedResponse = {
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly headers: HeaderLines;
  readonly trailers: HeaderLines;
  readonly body: CapturedBody;
};

/** One finished exchange: it ended with a response, with an error, or with a response cut short by an error. */
export type CapturedExchange = {
  /** Unique over restarts; opaque. */
  readonly id: string;
  readonly flowId: string;
  readonly clientIp: string;
  readonly clientPort: number;
  /** Outbound chain, leaf first; empty when no upstream was opened. */
  readonly route: readonly string[];
  readonly timing: ExchangeTiming;
  readonly request: CapturedRequest;
  /** What the upstream answered; absent when it did not. */
  readonly response: CapturedResponse | undefined;
  /** What the client received instead, when a response rule changed the answer. */
  readonly modified: CapturedResponse | undefined;
  /** The response rule that changed the answer. */
  readonly rule: { readonly id: string; readonly name: string; readonly matchedRules: number } | undefined;
  /** Why the exchange failed, `''` when it did not. */
  readonly error: string;
};

/** Where finished exchanges go. */
export interface ExchangeSink {
  /** Body bytes handed over and not yet written; counted against the bound on captured bytes in memory. */
  readonly pendingBytes: number;
  /** Takes one finished exchange, exactly once each; returns at once and never throws. */
  record(exchange: CapturedExchange): void;
}

/** The body of a message that has none. */
export const EMPTY_BODY: CapturedBody = { chunks: [], storedBytes: 0, sizeBytes: 0, truncated: false };
