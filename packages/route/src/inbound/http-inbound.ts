import { once } from 'node:events';
import type { Socket } from 'node:net';
import { formatEndpoint, unmapIp } from '@sluice/base/address';
import type { Clock, Timer } from '@sluice/base/clock';
import { ProtocolError } from '@sluice/base/errors';
import { requestFraming } from '@sluice/codec/http1/framing';
import {
  formatRequestHead,
  formatResponseHead,
  parseRequestHead,
  type RequestHead,
} from '@sluice/codec/http1/head';
import { HeadBuffer } from '@sluice/codec/http1/head-buffer';
import { type HeaderLines, headerValue } from '@sluice/codec/http1/header';
import { stripHopByHop, upgradeProtocol } from '@sluice/codec/http1/hop-by-hop';
import { parseRequestTarget, type RequestTarget } from '@sluice/codec/http1/target';
import { ChunkReader } from '../net/chunk-reader.ts';
import { isUser, needsCredentials } from './access.ts';
import { connectionHeaders, forwardExchange, NoResponseError, wantsKeepAlive } from './http-exchange.ts';
import { HttpUpstreams } from './http-upstreams.ts';
import { flowMetadata, type InboundParts } from './inbound.ts';

/** Serves one HTTP proxy connection: requests in turn until one becomes a tunnel or the connection ends. */
export async function serveHttp(socket: Socket, parts: InboundParts): Promise<void> {
  const upstreams = new HttpUpstreams(parts.sink);
  socket.once('close', () => upstreams.close());
  try {
    const handedOver = await new HttpClient(socket, parts, upstreams).serve();
    if (!handedOver) await closeGently(socket, parts.clock);
  } finally {
    upstreams.close();
  }
}

const LINGER_MS = 2_000;

/** Ends a connection without a reset that would take the last answer with it: what still comes in is read and dropped. */
async function closeGently(socket: Socket, clock: Clock): Promise<void> {
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.end();
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  timer.cancel();
}

const ABANDONED_MS = 60_000;

/**
 * A client that closes while its origin is silent looks like one that only ended its side, so an answer to either has to
 * come within a minute. Bytes that wait to be read hide the end until they are. The result stops watching.
 */
function destroyWhenAbandoned(socket: Socket, clock: Clock): () => void {
  let timer: Timer | undefined;
  const onReadable = () => {
    if (socket.readableLength === 0) socket.read(0);
  };
  const onEnd = () => {
    timer = clock.after(ABANDONED_MS, () => socket.bytesWritten === writtenBytes && socket.destroy());
  };
  const writtenBytes = socket.bytesWritten;
  socket.on('readable', onReadable).once('end', onEnd);
  return () => {
    socket.off('readable', onReadable).off('end', onEnd);
    timer?.cancel();
  };
}

class HttpClient {
  readonly #socket: Socket;
  readonly #reader: ChunkReader;
  readonly #parts: InboundParts;
  readonly #upstreams: HttpUpstreams;
  /** Once credentials were good, later requests on this connection need none. */
  #authorized = false;
  #user = '';
  /** True from when an origin's response may have begun: another one must not follow in its middle. */
  #answering = false;

  constructor(socket: Socket, parts: InboundParts, upstreams: HttpUpstreams) {
    this.#socket = socket;
    this.#reader = new ChunkReader(socket);
    this.#parts = parts;
    this.#upstreams = upstreams;
  }

  /** Resolves to whether the socket now belongs to a tunnel. */
  async serve(): Promise<boolean> {
    try {
      for (;;) {
        const next = await this.#serveOne();
        if (next !== 'next') return next === 'handed-over';
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code !== 'truncated' && !this.#answering) this.#respond(400, 'Bad Request', false);
      return false;
    } finally {
      this.#reader.detach();
    }
  }

  async #serveOne(): Promise<Next> {
    this.#answering = false;
    const head = await this.#readHead();
    if (head === undefined) return 'done';
    const refusal = this.#authenticate(head.headers);
    if (refusal !== undefined) return this.#refuse(head, refusal);
    const target = parseRequestTarget(head.method, head.target);
    if (target.form === 'authority') return this.#tunnel(head, target);
    if (target.form !== 'absolute' || (target.scheme !== 'http' && target.scheme !== 'ws')) {
      return this.#refuse(head, { status: 400, reason: 'Bad Request', headers: [] });
    }
    if (upgradeProtocol(head.headers) !== undefined) return this.#upgrade(head, target);
    return this.#forward(head, target);
  }

  async #readHead(): Promise<RequestHead | undefined> {
    const { deadlines } = this.#parts;
    deadlines.set(this.#socket);
    const buffer = new HeadBuffer();
    try {
      for (;;) {
        const chunk = await this.#reader.next();
        if (chunk === undefined) return undefined;
        const complete = buffer.push(chunk);
        if (complete === undefined) continue;
        this.#reader.unread(complete.rest);
        return parseRequestHead(complete.head);
      }
    } finally {
      deadlines.clear(this.#socket);
    }
  }

  #authenticate(headers: HeaderLines): Refusal | undefined {
    const access = this.#parts.access();
    const credentials = basicCredentials(headerValue(headers, 'proxy-authorization'));
    if (credentials !== undefined) this.#user = credentials.user;
    if (this.#authorized || !needsCredentials(access, unmapIp(this.#socket.remoteAddress ?? '')))
      return undefined;
    if (credentials === undefined) {
      const headers: HeaderLines = [['Proxy-Authenticate', 'Basic']];
      return { status: 407, reason: 'Proxy Authentication Required', headers };
    }
    this.#authorized = isUser(access, credentials.user, credentials.password);
    return this.#authorized ? undefined : { status: 403, reason: 'Forbidden', headers: [] };
  }

  #refuse(head: RequestHead, { status, reason, headers }: Refusal): Next {
    const bodyless = head.method === 'CONNECT' || requestFraming(head.headers, head.version).kind === 'none';
    return this.#respond(status, reason, bodyless && wantsKeepAlive(head.headers), headers);
  }

  #respond(status: number, reason: string, keep: boolean, headers: HeaderLines = []): Next {
    const lines: HeaderLines = [...headers, ['Content-Length', '0'], ...connectionHeaders(keep)];
    this.#socket.write(formatResponseHead(status, reason, '1.1', lines), 'latin1');
    return keep ? 'next' : 'done';
  }

  #tunnel(head: RequestHead, target: { readonly host: string; readonly port: number }): Next {
    this.#socket.write(`HTTP/${head.version} 200 Connection established\r\n\r\n`, 'latin1');
    this.#reader.release();
    const metadata = flowMetadata(this.#socket, this.#parts, 'HTTPS', target, this.#user);
    void this.#parts.sink.relay(metadata, this.#socket);
    return 'handed-over';
  }

  /** The request itself becomes the first bytes of a raw tunnel. */
  #upgrade(head: RequestHead, target: AbsoluteTarget): Next {
    const headers = stripHopByHop(head.headers, upgradeProtocol(head.headers));
    const others = headers.filter(([name]) => name.toLowerCase() !== 'host');
    const lines: HeaderLines = [['Host', hostHeader(target)], ...others];
    this.#reader.release();
    this.#socket.unshift(Buffer.from(formatRequestHead(head.method, target.path, '1.1', lines), 'latin1'));
    const metadata = flowMetadata(this.#socket, this.#parts, 'HTTP', target, this.#user);
    void this.#parts.sink.relay(metadata, this.#socket);
    return 'handed-over';
  }

  async #forward(head: RequestHead, target: AbsoluteTarget): Promise<Next> {
    const metadata = flowMetadata(this.#socket, this.#parts, 'HTTP', target, this.#user);
    const framing = requestFraming(head.headers, head.version);
    const request = { head, path: target.path, authority: hostHeader(target), framing, metadata };
    const unwatch = destroyWhenAbandoned(this.#socket, this.#parts.clock);
    try {
      this.#answering = true;
      return (await forwardExchange(this.#reader, request, this.#upstreams)) ? 'next' : 'done';
    } catch (error) {
      if (!(error instanceof NoResponseError)) throw error;
      return this.#respond(502, 'Bad Gateway', error.requestConsumed && wantsKeepAlive(head.headers));
    } finally {
      unwatch();
    }
  }
}

/** What becomes of the connection after a request. */
type Next = 'next' | 'done' | 'handed-over';
type AbsoluteTarget = Extract<RequestTarget, { readonly form: 'absolute' }>;
type Refusal = { readonly status: number; readonly reason: string; readonly headers: HeaderLines };

/** The authority as `Host` wants it: the ports 80 and 443 are cut. */
function hostHeader({ host, port }: AbsoluteTarget): string {
  if (port !== 80 && port !== 443) return formatEndpoint(host, port);
  return host.includes(':') ? `[${host}]` : host;
}

/** Empty ones where the scheme is right but the rest cannot be read: those are wrong rather than missing. */
function basicCredentials(
  header: string | undefined,
): { readonly user: string; readonly password: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = /^[A-Za-z0-9+/=]+$/.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  return colon < 0
    ? { user: '', password: '' }
    : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
