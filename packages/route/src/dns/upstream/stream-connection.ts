import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ByteQueue } from '@sluice/base/bytes';
import type { Clock, Timer } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { setU16, u16At } from '@sluice/codec/dns/header';
import type { DnsQuery } from '@sluice/codec/dns/message';
import { isResponseTo } from './upstream.ts';

type Pending = {
  readonly query: DnsQuery;
  readonly sentAtMs: number;
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
};

const LENGTH_BYTES = 2;
/** More than one message and one read of a socket. */
const MAX_UNREAD_BYTES = 2 << 20;
const MAX_PENDING = 64;
/** A connection that was silent for so long while a query waited is taken for dead when the query is given up. */
const DEAD_AFTER_MS = 3_000;

/** An open stream to a DNS server (RFC 1035 §4.2.2, RFC 7766): queries are sent without waiting for the answers before. */
export class StreamConnection {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #queue = new ByteQueue(MAX_UNREAD_BYTES);
  readonly #onClosed: () => void;
  #idleTimer: Timer | undefined;
  #heardAtMs = 0;
  #closed = false;

  /** `stream` becomes this object's own; `onClosed` is called once. */
  constructor(stream: Duplex, clock: Clock, idleMs: number, onClosed: () => void) {
    this.#stream = stream;
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#onClosed = onClosed;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.#end(error));
    stream.on('end', () => this.#end(closedByServer()));
    stream.on('close', () => this.#end(closedByServer()));
    this.#restIfIdle();
    stream.resume();
  }

  /** Whether another query may be sent. */
  get isFree(): boolean {
    return !this.#closed && this.#pending.size < MAX_PENDING;
  }

  /** @throws GatewayError `dns.closed` when the server closes the connection, the socket's error, or the signal's reason */
  exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(closedByServer());
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const id = this.#freeId();
      const onAbort = () => {
        const sentAtMs = this.#pending.get(id)?.sentAtMs ?? 0;
        this.#settle(id);
        reject(signal.reason);
        if (this.#heardAtMs < sentAtMs && this.#clock.monotonicMs() - sentAtMs >= DEAD_AFTER_MS) this.close();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#idleTimer?.cancel();
      this.#pending.set(id, {
        query,
        sentAtMs: this.#clock.monotonicMs(),
        resolve: (response) => {
          signal.removeEventListener('abort', onAbort);
          resolve(response);
        },
        reject: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      });
      const { bytes } = query;
      const framed = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
      setU16(framed, 0, bytes.length);
      framed.set(bytes, LENGTH_BYTES);
      setU16(framed, LENGTH_BYTES, id);
      this.#stream.write(framed);
    });
  }

  close(): void {
    this.#end(new GatewayError('unavailable', 'dns.closed', 'connection closed'));
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(65_536);
      if (!this.#pending.has(id)) return id;
    }
  }

  #receive(chunk: Buffer): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    if (this.#queue.length + chunk.length > MAX_UNREAD_BYTES) {
      this.#end(new GatewayError('unavailable', 'dns.closed', 'server sent too much'));
      return;
    }
    this.#queue.push(chunk);
    for (;;) {
      const prefix = this.#queue.peek(LENGTH_BYTES);
      if (prefix === undefined) return;
      const framed = this.#queue.take(LENGTH_BYTES + u16At(prefix, 0));
      if (framed === undefined) return;
      this.#answer(framed.subarray(LENGTH_BYTES));
    }
  }

  #answer(bytes: Uint8Array): void {
    const id = u16At(bytes, 0);
    const pending = this.#pending.get(id);
    if (pending === undefined || !isResponseTo(pending.query, id, bytes)) return;
    this.#settle(id);
    const response = Buffer.from(bytes);
    setU16(response, 0, pending.query.id);
    pending.resolve(response);
  }

  #settle(id: number): void {
    this.#pending.delete(id);
    this.#restIfIdle();
  }

  #restIfIdle(): void {
    if (this.#pending.size > 0 || this.#closed) return;
    this.#idleTimer?.cancel();
    this.#idleTimer = this.#clock.after(this.#idleMs, () => this.close());
  }

  #end(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idleTimer?.cancel();
    this.#stream.destroy();
    this.#onClosed();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(error);
  }
}

function closedByServer(): GatewayError {
  return new GatewayError('unavailable', 'dns.closed', 'connection closed by the server');
}
