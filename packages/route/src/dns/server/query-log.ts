import { formatEndpoint } from '@sluice/base/address';
import { Ring } from '@sluice/base/ring';
import { messageRcode } from '@sluice/codec/dns/header';
import { SECTION, scanMessage } from '@sluice/codec/dns/message';
import { presentData } from '@sluice/codec/dns/presentation';
import { rcodeName, typeName } from '@sluice/codec/dns/types';
import type { DnsLogEntry } from '../../port.ts';

const KEPT_QUERIES = 2_000;
/** Of longer responses only the status is kept, so that the log stays small. */
const MAX_KEPT_BYTES = 4_096;
const MAX_SHOWN_ANSWERS = 16;

/** One question and how it was answered, as it is noted on the way; nothing is formatted before somebody looks. */
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
  /** The response, `undefined` when no upstream answered. */
  readonly reply: Uint8Array | undefined;
  readonly durationMs: number;
};

/** The latest questions. */
export class QueryLog {
  readonly #records = new Ring<QueryRecord>(KEPT_QUERIES);
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

  add(record: QueryRecord): void {
    const { reply, via } = record;
    this.#total++;
    if (via === 'cache') this.#cacheHits++;
    const isLong = reply !== undefined && reply.length > MAX_KEPT_BYTES;
    this.#records.push(isLong ? { ...record, reply: headerOf(reply) } : record);
  }

  /** At most `limit` entries, newest first. */
  entries(limit: number): readonly DnsLogEntry[] {
    return this.#records.toArray().reverse().slice(0, Math.max(0, limit)).map(viewOf);
  }
}

/** The header alone, with no records announced; a copy, so that the whole response is let go. */
function headerOf(reply: Uint8Array): Uint8Array {
  const header = Buffer.from(reply.subarray(0, 12));
  return header.fill(0, 4);
}

function viewOf(record: QueryRecord): DnsLogEntry {
  const { timeMs, name, type, client, clientPort, via, server, reply, durationMs } = record;
  return {
    timeMs,
    name,
    type: typeName(type),
    client: clientPort === 0 ? client : formatEndpoint(client, clientPort),
    via,
    server,
    status: reply === undefined ? 'ERROR' : rcodeName(messageRcode(reply)),
    answers: reply === undefined ? [] : answersOf(reply),
    durationMs,
  };
}

function answersOf(reply: Uint8Array): readonly string[] {
  return scanMessage(reply)
    .records.filter((record) => record.section === SECTION.ANSWER)
    .slice(0, MAX_SHOWN_ANSWERS)
    .map((record) => presentData(reply, record));
}
