import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { type AnswerRecord, encodeAnswer } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery } from '@sluice/codec/dns/message';
import { TEST_CERTIFICATE, TEST_KEY } from '../../../testing/test-certificate.ts';

/** What a fake server sends for a query; `undefined` for nothing. */
export type Answerer = (query: DnsQuery) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** Answers A questions with addresses and all others with no records. */
export function addressAnswer(query: DnsQuery, ips: readonly string[], ttl = 60): Uint8Array {
  const name = query.question?.name ?? '';
  const family = query.question?.type === 28 ? ':' : '.';
  const answers: AnswerRecord[] = ips
    .filter((ip) => ip.includes(family))
    .map((ip) => ({ kind: 'address', name, ttl, ip }));
  return encodeAnswer(query, { rcode: 0, authoritative: false, recursionAvailable: true, answers });
}

/** An empty answer with a code. */
export function rcodeAnswer(query: DnsQuery, rcode: number): Uint8Array {
  return encodeAnswer(query, { rcode, authoritative: false, recursionAvailable: true, answers: [] });
}

/** DNS servers on loopback for tests; `close` ends them all. */
export class FakeServers {
  readonly #closers: (() => void)[] = [];
  /** How many connections or sessions were accepted. */
  connections = 0;

  close(): void {
    for (const close of this.#closers) close();
  }

  /** Result: its port. */
  async udp(answerer: Answerer): Promise<number> {
    const socket = dgram.createSocket('udp4');
    this.#closers.push(() => socket.close());
    socket.on('error', () => undefined);
    socket.on('message', async (bytes, from) => {
      const answer = await answerer(parseDnsQuery(bytes));
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => undefined);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return socket.address().port;
  }

  /** TCP, or TLS for proxy.test. `onConnection` may take the connection over. */
  async stream(
    answerer: Answerer,
    options: { readonly tls?: boolean; readonly onConnection?: (stream: Duplex) => boolean } = {},
  ): Promise<number> {
    const serve = (stream: Duplex) => {
      this.connections++;
      stream.on('error', () => stream.destroy());
      if (options.onConnection?.(stream) === true) return;
      serveFrames(stream, answerer);
    };
    const server =
      options.tls === true
        ? tls.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, serve)
        : net.createServer(serve);
    return this.#listen(server);
  }

  /** DoH; without `http2` only HTTP/1.1 is offered, without `tls` there is no TLS either. */
  async https(
    answerer: Answerer,
    options: { readonly http2?: boolean; readonly tls?: boolean; readonly status?: number } = {},
    onRequest: (path: string, headers: Readonly<Record<string, unknown>>) => void = () => undefined,
  ): Promise<number> {
    const answer = async (
      request: http.IncomingMessage | http2.Http2ServerRequest,
      response: http.ServerResponse | http2.Http2ServerResponse,
    ) => {
      const url = new URL(request.url ?? '/', 'https://x');
      onRequest(url.pathname, request.headers);
      const query = parseDnsQuery(Buffer.from(url.searchParams.get('dns') ?? '', 'base64url'));
      const bytes = await answerer(query);
      if (bytes === undefined) return;
      response.statusCode = options.status ?? 200;
      response.setHeader('content-type', 'application/dns-message');
      (response as http.ServerResponse).end(bytes);
    };
    const identity = { cert: TEST_CERTIFICATE, key: TEST_KEY };
    if (options.tls === false) return this.#listen(http.createServer(answer));
    if (options.http2 === false) {
      const plain = http.createServer(answer);
      const server = tls.createServer(identity, (socket) => {
        this.connections++;
        socket.on('error', () => socket.destroy());
        plain.emit('connection', socket);
      });
      return this.#listen(server);
    }
    const server = http2.createSecureServer(identity, answer);
    server.on('session', (session) => {
      this.connections++;
      this.#closers.push(() => session.destroy());
    });
    return this.#listen(server);
  }

  async #listen(server: net.Server | http2.Http2SecureServer): Promise<number> {
    const open = new Set<net.Socket>();
    server.on('connection', (socket: net.Socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
    });
    this.#closers.push(() => {
      server.close();
      for (const socket of open) socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
}

function serveFrames(stream: Duplex, answerer: Answerer): void {
  let unread = Buffer.alloc(0);
  stream.on('data', async (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      const query = parseDnsQuery(unread.subarray(2, 2 + unread.readUInt16BE(0)));
      unread = unread.subarray(2 + query.bytes.length);
      const answer = await answerer(query);
      if (answer !== undefined && !stream.destroyed) stream.write(framed(answer));
    }
  });
}

/** A message with its length in front. */
export function framed(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}
