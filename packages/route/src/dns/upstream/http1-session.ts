import http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { errorText, GatewayError } from '@sluice/base/errors';
import { BodyCollector, type HttpAsk, tooLong, unexpectedStatus } from './http-ask.ts';

const MAX_CONNECTIONS = 8;

/** HTTP/1.1 to a DoH server, over a few kept connections. */
export class Http1Session implements HttpAsk {
  readonly #agent: ConnectingAgent;
  readonly #host: string;
  #open = true;

  /** `host` is what the Host header says; `connect` opens a connection. */
  constructor(host: string, connect: () => Promise<Duplex>) {
    this.#agent = new ConnectingAgent(connect);
    this.#host = host;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get(path: string, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const request = http.request({
        agent: this.#agent,
        path,
        headers: { host: this.#host, accept: 'application/dns-message' },
      });
      const onAbort = () => {
        reject(signal.reason);
        request.destroy();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      let settle: (() => void) | undefined;
      // Only now is the connection free for the next request.
      request.once('close', () => {
        signal.removeEventListener('abort', onAbort);
        settle?.();
        reject(new GatewayError('unavailable', 'dns.closed', 'connection closed by the server'));
      });
      request.on('error', reject);
      request.once('response', (response) => {
        const body = new BodyCollector();
        response.on('data', (chunk: Buffer) => {
          if (body.add(chunk)) return;
          reject(tooLong());
          request.destroy();
        });
        response.on('error', reject);
        response.once('end', () => {
          settle = () =>
            response.statusCode === 200
              ? resolve(body.finish())
              : reject(unexpectedStatus(response.statusCode ?? 0));
        });
      });
      request.end();
    });
  }

  close(): void {
    this.#open = false;
    this.#agent.destroy();
  }
}

/** An agent whose connections come from elsewhere. */
class ConnectingAgent extends http.Agent {
  readonly #connect: () => Promise<Duplex>;

  constructor(connect: () => Promise<Duplex>) {
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_CONNECTIONS });
    this.#connect = connect;
  }

  override createConnection(
    _options: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#connect().then(
      (stream) => {
        // Node's HTTP does not wake a stream that was paused before; the server speaks second.
        stream.resume();
        callback?.(null, asSocket(stream));
      },
      (error: unknown) => {
        const reported = error instanceof Error ? error : new Error(errorText(error));
        // With an error Node looks at nothing else.
        callback?.(reported, undefined as unknown as Duplex);
      },
    );
    return undefined;
  }
}

/** An agent calls methods of sockets on its connections while they are idle; streams through outbounds need not have them. */
function asSocket(stream: Duplex): Duplex {
  if (stream instanceof net.Socket) return stream;
  const nothing = (): Duplex => stream;
  return Object.assign(stream, { ref: nothing, unref: nothing, setKeepAlive: nothing, setTimeout: nothing });
}
