import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { HttpDialect } from '@sluice/core/http/dialect';
import { createHttpListener, type HttpListener } from '@sluice/core/http/http-listener';
import type { Logger } from '@sluice/core/log/logger';
import { WebSocket } from 'ws';

export const silentLogger: Logger = {
  enabled: () => false,
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: () => {},
  child: () => silentLogger,
};

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Name and value alternating, as on the wire. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly bytes: Buffer;
};

export type CallOptions = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For several calls on one connection. */
  readonly agent?: Agent;
};

/** A listener on a free loopback port that carries the given dialects. */
export async function listen(...dialects: readonly HttpDialect[]): Promise<HttpListener> {
  const listener = createHttpListener({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    log: silentLogger,
    dialects,
  });
  await listener.start();
  return listener;
}

export function stop(listener: HttpListener): Promise<void> {
  return listener.stop(AbortSignal.timeout(2_000));
}

/** One request on a connection of its own; rejects when the server closes without an answer. */
export function call(
  listener: HttpListener,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  // Node frames a body by itself only for methods that usually have one.
  const framing =
    options.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(options.body)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port: listener.address.port,
        agent: options.agent ?? false,
        method,
        path,
        headers: { ...framing, ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: bytes.toString('utf8'),
            bytes,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

/** An open WebSocket whose messages can be awaited in order. */
export type Feed = {
  readonly socket: WebSocket;
  next(): Promise<string>;
  readonly closed: Promise<void>;
};

/** Opens a WebSocket; rejects with the HTTP status when the handshake fails. */
export function openFeed(
  listener: HttpListener,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Feed> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${listener.address.port}${path}`, { headers });
    const waiting: ((text: string) => void)[] = [];
    const received: string[] = [];
    socket.on('message', (message) => {
      const take = waiting.shift();
      if (take === undefined) received.push(String(message));
      else take(String(message));
    });
    const closed = new Promise<void>((done) => socket.on('close', () => done()));
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      reject(new Error(`handshake refused with ${response.statusCode}`));
      socket.terminate();
    });
    socket.on('error', reject);
    socket.on('open', () => {
      resolve({
        socket,
        closed,
        next: () => {
          const text = received.shift();
          return text === undefined ? new Promise((take) => waiting.push(take)) : Promise.resolve(text);
        },
      });
    });
  });
}
