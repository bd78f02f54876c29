import type { CapturedExchange } from '../exchange/exchange.ts';
import { type ExchangeStamp, encodeRecord } from './exchange-record.ts';

/** Records of exchanges in one piece of shared memory, so that handing them to the writer thread costs no clone. */
export class ExchangeBatch {
  readonly memory: SharedArrayBuffer;
  readonly #buffer: Buffer;
  readonly #ids: string[] = [];
  #length = 0;
  #firstSequence = Number.POSITIVE_INFINITY;

  constructor(capacityBytes: number) {
    this.memory = new SharedArrayBuffer(capacityBytes);
    this.#buffer = Buffer.from(this.memory);
  }

  /** Ids of the exchanges within, in order. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** The sequence number of the first exchange within. */
  get firstSequence(): number {
    return this.#firstSequence;
  }

  get lengthBytes(): number {
    return this.#length;
  }

  get capacityBytes(): number {
    return this.#buffer.length;
  }

  fits(boundBytes: number): boolean {
    return this.#length + boundBytes <= this.#buffer.length;
  }

  clear(): void {
    this.#ids.length = 0;
    this.#length = 0;
    this.#firstSequence = Number.POSITIVE_INFINITY;
  }

  /** Appends one exchange; the caller has made sure that it fits. */
  add(exchange: CapturedExchange, stamp: ExchangeStamp, withBodies: boolean): void {
    this.#length = encodeRecord(this.#buffer, this.#length, exchange, stamp, withBodies);
    this.#ids.push(exchange.id);
    this.#firstSequence = Math.min(this.#firstSequence, stamp.sequence);
  }
}
