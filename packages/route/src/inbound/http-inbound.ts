import type { Socket } from 'node:net';
import { formatEndpoint, unmapIp } from '@sluice/base/address';
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
import { flowMetadata, handshakeLimit, type InboundParts } from './inbound.ts';

/** Serves one HTTP proxy connection: requests in turn until one becomes a tunnel or the connection ends. */
export async function serveHttp(socket: Socket, parts: InboundParts): Promise<void> {
  const upstreams = new HttpUpstreams(parts.sink);
  socket.once('close', () => upstreams.close());
  await new HttpClient(socket, parts, upstreams).serve();
}

class HttpClient {
  readonly #socket: Socket;
  readonly #reader: ChunkReader;
  readonly #parts: InboundParts;
  readonly #upstreams: HttpUpstreams;
  /** Once credentials were good, later requests on this connection need none. */
  #authorized = false;
  #user = '';

  constructor(socket: Socket, parts: InboundParts, upstreams: HttpUpstreams) {
    this.#socket = socket;
    this.#reader = new ChunkReader(socket);
    this.#parts = parts;
    this.#upstreams = upstreams;
  }

  async serve(): Promise<void> {
    try {
      while (await this.#serveOne());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code !== 'truncated') this.#respond(400, 'Bad Request', false);
      throw error;
    } finally {
      this.#upstreams.close();
    }
  }

  /** Resolves to whether another request may follow on this connection. */
  async #serveOne(): Promise<boolean> {
    const head = await this.#readHead();
    if (head === undefined) {
      this.#socket.end();
      return false;
    }
    const refusal = this.#authenticate(head.headers);
    if (refusal !== undefined) return this.#refuse(head, refusal);
    const target = parseRequestTarget(head.method, head.target);
    if (target.form === 'authority') return this.#tunnel(head, target);
    if (target.form !== 'absolute' || (target.scheme !== 'http' && target.scheme !== 'ws')) {
      return this.#refuse(head, { status: 400, reason: 'Bad Request', headers: [] });
    }
    return upgradeProtocol(head.headers) === undefined
      ? this.#forward(head, target)
      : this.#upgrade(head, target);
  }

  async #readHead(): Promise<RequestHead | undefined> {
    const limit = handshakeLimit(this.#parts.clock);
    const buffer = new HeadBuffer();
    try {
      for (;;) {
        const chunk = await this.#reader.next(limit.signal);
        if (chunk === undefined) return undefined;
        const complete = buffer.push(chunk);
        if (complete === undefined) continue;
        this.#reader.unread(complete.rest);
        return parseRequestHead(complete.head);
      }
    } finally {
      limit.done();
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

  #refuse(head: RequestHead, { status, reason, headers }: Refusal): boolean {
    const bodyless = head.method === 'CONNECT' || requestFraming(head.headers, head.version).kind === 'none';
    return this.#respond(status, reason, bodyless && wantsKeepAlive(head.headers), headers);
  }

  #respond(status: number, reason: string, keep: boolean, headers: HeaderLines = []): boolean {
    const lines: HeaderLines = [...headers, ['Content-Length', '0'], ...connectionHeaders(keep)];
    const text = formatResponseHead(status, reason, '1.1', lines);
    if (keep) this.#socket.write(text, 'latin1');
    else this.#socket.end(text, 'latin1');
    return keep;
  }

  #tunnel(head: RequestHead, target: { readonly host: string; readonly port: number }): boolean {
    this.#socket.write(`HTTP/${head.version} 200 Connection established\r\n\r\n`, 'latin1');
    this.#reader.release();
    const metadata = flowMetadata(this.#socket, this.#parts.name, 'HTTPS', target, this.#user);
    void this.#parts.sink.relay(metadata, this.#socket);
    return false;
  }

  /** The request itself becomes the first bytes of a raw tunnel. */
  #upgrade(head: RequestHead, target: AbsoluteTarget): boolean {
    const headers = stripHopByHop(head.headers, upgradeProtocol(head.headers));
    const others = headers.filter(([name]) => name.toLowerCase() !== 'host');
    const lines: HeaderLines = [['Host', hostHeader(target)], ...others];
    this.#reader.release();
    this.#socket.unshift(Buffer.from(formatRequestHead(head.method, target.path, '1.1', lines), 'latin1'));
    const metadata = flowMetadata(this.#socket, this.#parts.name, 'HTTP', target, this.#user);
    void this.#parts.sink.relay(metadata, this.#socket);
    return false;
  }

  async #forward(head: RequestHead, target: AbsoluteTarget): Promise<boolean> {
    const metadata = flowMetadata(this.#socket, this.#parts.name, 'HTTP', target, this.#user);
    const request = { head, path: target.path, authority: hostHeader(target), metadata };
    try {
      const keep = await forwardExchange(this.#reader, request, this.#upstreams);
      if (!keep) this.#socket.end();
      return keep;
    } catch (error) {
      if (!(error instanceof NoResponseError)) throw error;
      return this.#respond(502, 'Bad Gateway', error.requestConsumed && wantsKeepAlive(head.headers));
    }
  }
}

type AbsoluteTarget = Extract<RequestTarget, { readonly form: 'absolute' }>;
type Refusal = { readonly status: number; readonly reason: string; readonly headers: HeaderLines };

/** The authority as `Host` wants it: the ports 80 and 443 are cut. */
function hostHeader({ host, port }: AbsoluteTarget): string {
  if (port !== 80 && port !== 443) return formatEndpoint(host, port);
  return host.includes(':') ? `[${host}]` : host;
}

function basicCredentials(
  header: string | undefined,
): { readonly user: string; readonly password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
