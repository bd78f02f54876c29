import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';

/** A complete small answer; `contentType` absent means no such header. */
export type HttpReply = {
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

/** What can go wrong outside a route's own logic; each dialect words it in its product's way. */
export type HttpFailure =
  | { readonly kind: 'not-found' }
  /** The path holds a malformed percent escape or a segment beyond the length limit. */
  | { readonly kind: 'bad-url' }
  /** `Host` is a foreign name on a loopback listener (DNS rebinding), or a page of another site asks for a change. */
  | { readonly kind: 'cross-site' }
  | { readonly kind: 'body-too-large' }
  /** The body could not be read or parsed; `message` is fit for a client. */
  | { readonly kind: 'bad-body'; readonly message: string }
  /** Anything a route threw, `GatewayError`s included. */
  | { readonly kind: 'thrown'; readonly error: unknown };

/** A TCP connection of a listener; `local*` and `peer*` are IPs without brackets or v4 mapping. */
export type HttpConnectionView = {
  readonly id: string;
  readonly localIp: string;
  readonly localPort: number;
  readonly peerIp: string;
  readonly peerPort: number;
};

/** What a dialect may ask of the listener that carries it. */
export interface HttpListenerView {
  readonly name: string;
  connections(): readonly HttpConnectionView[];
  /** The connection that carries `request`. */
  connectionOf(request: IncomingMessage): HttpConnectionView | undefined;
  /** Destroys one connection; false when the id is unknown. */
  closeConnection(id: string): boolean;
}

/**
 * One product's HTTP API. A listener carries several: a request belongs to the dialect with the longest matching entry
 * of `prefixes` (whole segments, ASCII case ignored), otherwise to the listener's last dialect. Nothing falls through
 * from one dialect to the next: 404 and 405 are the chosen dialect's own.
 *
 * Each dialect gets a Fastify instance to itself on every listener, so its router options, hooks, decorators and parsers
 * never meet another's. WebSocket upgrades run through the same routes and hooks as plain requests; see `openJsonStream`
 * and `pendingUpgrade`.
 */
export interface HttpDialect {
  readonly name: string;
  readonly prefixes: readonly string[];
  /** Changes a request's target (path and query) before it is routed. */
  readonly rewriteUrl?: (url: string) => string;
  readonly caseSensitive: boolean;
  readonly ignoreTrailingSlash: boolean;
  readonly bodyLimitBytes: number;
  /** `raw`: `request.body` is a `Buffer` whatever the content type (absent when there was none); `json`: Fastify's own JSON parsing. */
  readonly bodies: 'raw' | 'json';
  /** `same-site`: the listener refuses foreign `Host`s and cross-site changes first; `open`: a secret and the dialect's own CORS rules protect it. */
  readonly browserPolicy: 'same-site' | 'open';
  /** Adds routes and hooks; not-found and error handling are already wired to `fail`. */
  register(app: FastifyInstance, listener: HttpListenerView): void | Promise<void>;
  /** The answer to a failure, or `close` to drop the connection without one. */
  fail(failure: HttpFailure, request: IncomingMessage): HttpReply | 'close';
}

/** Gets every request and upgrade of a listener before any dialect; the media plane's live URLs. */
export interface HttpIntercept {
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}
