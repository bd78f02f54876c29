import type { SecureContext } from 'node:tls';
import type { Clock } from '@sluice/base/clock';
import type { HeaderLines } from '@sluice/codec/http1/header';
import type { Logger } from '@sluice/core/log/logger';
import type { Dialed } from '@sluice/core/ports/dialer';
import type { CaptureBudget } from '../exchange/body-capture.ts';
import type { ExchangeSink } from '../exchange/exchange.ts';
import type { LeafContexts } from '../tls/leaf.ts';
import type { UpstreamSessions } from '../tls/upstream-sessions.ts';
import type { Deadlines } from './deadlines.ts';
import type { HostPattern } from './host-pattern.ts';

/** A response before or after a rule changed it; the body as on the wire, without transfer coding. */
export type RewritableResponse = {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderLines;
  readonly body: Buffer;
};

/** A rule that applies to an exchange, as it was when the request arrived. */
export type ResponseRewrite = {
  readonly id: string;
  readonly name: string;
  /** How many rules matched; this one won. */
  readonly matchedRules: number;
  /** The answer for the client; framing headers in it are ignored. */
  apply(response: RewritableResponse): RewritableResponse;
};

/** Finds the rule that changes the response to a request. */
export interface ResponseRewriter {
  /** False when no rule can match, which spares the look-up. */
  readonly active: boolean;
  find(request: { readonly method: string; readonly url: string }): ResponseRewrite | undefined;
}

/** What changes with the configuration; connections keep the set they started with. */
export type ProxySettings = {
  /** False passes every tunnel through unread. */
  readonly intercept: boolean;
  readonly bodyLimitBytes: number;
  readonly passthrough: HostPattern;
  readonly verifyUpstream: boolean;
  readonly upstreamContext: SecureContext;
  /** Sessions to resume, which spares checking a server's certificates again; never shared between settings. */
  readonly upstreamSessions: UpstreamSessions;
};

/** Everything the connections of the plane share. */
export type ProxyServices = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadlines: Deadlines;
  readonly sink: ExchangeSink;
  readonly budget: CaptureBudget;
  readonly rewriter: ResponseRewriter;
  readonly leaves: LeafContexts;
  readonly settings: ProxySettings;
  /** True for an address the gateway itself listens on, which must not be reached through the proxy. */
  isOwnListener(host: string, port: number): boolean;
};

/** Opens a byte stream to a destination on behalf of one client. */
export type OpenStream = (host: string, port: number, signal: AbortSignal) => Promise<Dialed>;

/** Who is at the other end of a client connection. */
export type ClientAddress = { readonly ip: string; readonly port: number };
