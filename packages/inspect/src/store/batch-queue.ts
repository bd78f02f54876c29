import type { CapturedExchange } from '../exchange/exchange.ts';
import { ExchangeBatch } from './exchange-batch.ts';
import { type ExchangeStamp, exchangeBodyBytes, recordBound } from './exchange-record.ts';

export type QueueLimits = {
  /** Beyond this many waiting exchanges or bytes, exchanges are taken without their bodies. */
  readonly maxExchanges: number;
  readonly maxBytes: number;
  /** Beyond this many waiting exchanges, new ones are lost. */
  readonly hardMaxExchanges: number;
};

/** What happened to an exchange that was put in the queue. */
export type Queued = 'whole' | 'without-bodies' | 'lost';

const BATCH_BYTES = 1024 * 1024;
const BATCH_EXCHANGES = 1_000;
const SPARE_BATCHES = 8;

/** Exchanges on their way to the writer: one batch being filled, sealed ones in order, and a few spare ones for reuse. */
export class BatchQueue {
  readonly #limits: QueueLimits;
  readonly #sealed: ExchangeBatch[] = [];
  readonly #spare: ExchangeBatch[] = [];
  readonly #waiting = new Set<ExchangeBatch>();
  #filling: ExchangeBatch | undefined;
  #exchanges = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Exchanges that were not released yet. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The lowest sequence number that was not released yet, infinite when nothing waits. */
  get oldestSequence(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const batch of this.#waiting) oldest = Math.min(oldest, batch.firstSequence);
    return oldest;
  }

  /** True when a full batch waits to be taken. */
  get hasSealed(): boolean {
    return this.#sealed.length > 0;
  }

  put(exchange: CapturedExchange, stamp: ExchangeStamp, wantBodies: boolean): Queued {
    if (this.#exchanges >= this.#limits.hardMaxExchanges) return 'lost';
    const bodyBytes = exchangeBodyBytes(exchange);
    // One exchange alone may be larger than the bound, or a generous body limit would never be reached.
    const isOver =
      this.#exchanges >= this.#limits.maxExchanges ||
      (this.#exchanges > 0 && this.#bytes + bodyBytes > this.#limits.maxBytes);
    const withBodies = wantBodies && !isOver;
    const batch = this.#room(recordBound(exchange) + (withBodies ? bodyBytes : 0));
    const before = batch.lengthBytes;
    batch.add(exchange, stamp, withBodies);
    this.#exchanges++;
    this.#bytes += batch.lengthBytes - before;
    if (batch.ids.length >= BATCH_EXCHANGES) this.#seal();
    return withBodies || bodyBytes === 0 ? 'whole' : 'without-bodies';
  }

  /** The oldest batch, full or not; `undefined` when nothing waits. It counts until it is released. */
  take(): ExchangeBatch | undefined {
    if (this.#sealed.length === 0) this.#seal();
    return this.#sealed.shift();
  }

  /** The batch was stored or given up. */
  release(batch: ExchangeBatch): void {
    this.#exchanges -= batch.ids.length;
    this.#bytes -= batch.lengthBytes;
    batch.clear();
    this.#waiting.delete(batch);
    if (batch.capacityBytes === BATCH_BYTES && this.#spare.length < SPARE_BATCHES) this.#spare.push(batch);
  }

  #room(boundBytes: number): ExchangeBatch {
    if (this.#filling !== undefined && !this.#filling.fits(boundBytes)) this.#seal();
    this.#filling ??=
      boundBytes > BATCH_BYTES
        ? new ExchangeBatch(boundBytes)
        : (this.#spare.pop() ?? new ExchangeBatch(BATCH_BYTES));
    this.#waiting.add(this.#filling);
    return this.#filling;
  }

  #seal(): void {
    if (this.#filling === undefined) return;
    this.#sealed.push(this.#filling);
    this.#filling = undefined;
  }
}
