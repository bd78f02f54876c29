import http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { BodyCollector, type HttpAsk, tooLong, unexpectedStatus } from './http-ask.ts';

const PING_MS = 30_000;
/** A connection that was silent for so long while a request waited is taken for dead when the request is given up. */
const DEAD_AFTER_MS = 3_000;

/** One HTTP/2 connection to a DoH server; kept alive with pings while it is open. */
export class Http2Session implements HttpAsk {
  readonly #session: http2.ClientHttp2Session;
  readonly #pings: Timer;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  #open = true;
  #pingUnanswered = false;
  #heardAtMs = 0;

  /** `authority` is the URL's origin; `stream` becomes this object's own; `onClosed` is called once. */
  constructor(authority: string, stream: Duplex, clock: Clock, onClosed: () => void) {
    this.#clock = clock;
    this.#onClosed = onClosed;
    this.#session = http2.connect(authority, {
      createConnection: () => stream,
      settings: { enablePush: false },
    });
    this.#session.on('error', () => this.close());
    this.#session.on('goaway', () => this.#retire());
    this.#session.on('close', () => this.close());
    this.#pings = clock.every(PING_MS, () => this.#ping());
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get(path: string, signal: AbortSignal): Promise<Uint8Array> {
    if (!this.#open) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({ ':path': path, accept: 'application/dns-message' });
      const body = new BodyCollector();
      const sentAtMs = this.#clock.monotonicMs();
      let status = 0;
      const onAbort = () => {
        stream.close(http2.constants.NGHTTP2_CANCEL);
        reject(signal.reason);
        if (this.#heardAtMs < sentAtMs && this.#clock.monotonicMs() - sentAtMs >= DEAD_AFTER_MS) this.close();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      stream.once('response', (headers) => {
        this.#heardAtMs = this.#clock.monotonicMs();
        status = headers[':status'] ?? 0;
      });
      stream.on('data', (chunk: Buffer) => {
        if (body.add(chunk)) return;
        reject(tooLong());
        stream.close(http2.constants.NGHTTP2_CANCEL);
      });
      stream.on('error', reject);
      stream.once('close', () => {
        signal.removeEventListener('abort', onAbort);
        if (!stream.readableEnded || status === 0) reject(closed());
        else if (status !== 200) reject(unexpectedStatus(status));
        else resolve(body.finish());
      });
      if (signal.aborted) onAbort();
      stream.end();
    });
  }

  close(): void {
    this.#retire();
    this.#session.destroy();
  }

  /** No further requests; those under way may finish. */
  #retire(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pings.cancel();
    this.#onClosed();
  }

  #ping(): void {
    if (this.#pingUnanswered) {
      this.close();
      return;
    }
    this.#pingUnanswered = true;
    this.#session.ping(() => {
      this.#pingUnanswered = false;
    });
  }
}

function closed(): GatewayError {
  return new GatewayError('unavailable', 'dns.closed', 'connection closed by the server');
}
