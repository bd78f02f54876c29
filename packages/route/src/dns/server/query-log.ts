import { formatEndpoint } from '@sluice/base/address';
import { messageRcode } from '@sluice/codec/dns/header';
import { SECTION, scanMessage } from '@sluice/codec/dns/message';
import { presentData } from '@sluice/codec/dns/presentation';
import { truncateTo } from '@sluice/codec/dns/rewrite';
import { rcodeName, typeName } from '@sluice/codec/dns/types';
import type { DnsLogEntry } from '../../port.ts';

const KEPT_QUERIES = 2_000;
/** What is kept of a response; longer ones lose their last records. */
const KEPT_BYTES = 512;
const MAX_SHOWN_ANSWERS = 16;

/** One question and how it was answered. */
export type QueryRecord = {
  readonly timeMs: number;
  /** Lower case, without a trailing dot. */
  readonly name: string;
  readonly type: number;
  /** An address, or what inside the gateway asked; then the port is 0. */
  readonly client: string;
  readonly clientPort: number;
  readonly via: string;
  readonly server: string;
  readonly durationMs: number;
};

/** The latest questions. Nothing is formatted before somebody looks. */
export class QueryLog {
  readonly #records: QueryRecord[] = [];
  /** The responses, copied: a response is part of a larger buffer, which would be kept alive. */
  readonly #replies = Buffer.alloc(KEPT_QUERIES * KEPT_BYTES);
  readonly #replyBytes = new Uint16Array(KEPT_QUERIES);
  #total = 0;
  #cacheHits = 0;

  /** Questions since the start. */
  get total(): number {
    return this.#total;
  }

  /** Those that the cache could answer. */
  get cacheHits(): number {
    return this.#cacheHits;
  }

  /** `reply` is `undefined` when no upstream answered. */
  add(record: QueryRecord, reply: Uint8Array | undefined): void {
    const slot = this.#total++ % KEPT_QUERIES;
    if (record.via === 'cache') this.#cacheHits++;
    this.#records[slot] = record;
    const kept = reply === undefined ? undefined : truncateTo(reply, KEPT_BYTES);
    this.#replyBytes[slot] = kept?.length ?? 0;
    if (kept !== undefined) this.#replies.set(kept, slot * KEPT_BYTES);
  }

  /** At most `limit` entries, newest first. */
  entries(limit: number): readonly DnsLogEntry[] {
    const count = Math.max(0, Math.min(limit, this.#records.length));
    return Array.from({ length: count }, (_, index) => this.#entry((this.#total - 1 - index) % KEPT_QUERIES));
  }

  #entry(slot: number): DnsLogEntry {
    const { timeMs, name, type, client, clientPort, via, server, durationMs } = this.#records[
      slot
    ] as QueryRecord;
    const start = slot * KEPT_BYTES;
    const reply = this.#replies.subarray(start, start + (this.#replyBytes[slot] ?? 0));
    return {
      timeMs,
      name,
      type: typeName(type),
      client: clientPort === 0 ? client : formatEndpoint(client, clientPort),
      via,
      server,
      status: reply.length === 0 ? 'ERROR' : rcodeName(messageRcode(reply)),
      answers: reply.length === 0 ? [] : answersOf(reply),
      durationMs,
    };
  }
}

function answersOf(reply: Uint8Array): readonly string[] {
  return scanMessage(reply)
    .records.filter((record) => record.section === SECTION.ANSWER)
    .slice(0, MAX_SHOWN_ANSWERS)
    .map((record) => presentData(reply, record));
}
