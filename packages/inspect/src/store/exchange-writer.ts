import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from '@sluice/core/store/transaction';
import { CounterDeltas, CounterTables, type StoreTotals } from './counters.ts';
import { readLayout, readSummary } from './exchange-record.ts';
import { listSegmentFiles, removeSegment, SegmentAppender } from './segment-files.ts';

const HOST_CACHE_SIZE = 10_000;
const EXCHANGE_COLUMNS = 23;

export type ExchangeWriterOptions = {
  /** Directory of the segment files. */
  readonly directory: string;
  /** A segment that has reached this length is followed by a new one. */
  readonly segmentBytes: number;
};

/** Appends records and their list rows. One per store: it owns the newest segment, the counters and a cache of host ids. */
export class ExchangeWriter {
  readonly database: DatabaseSync;
  readonly counters: CounterTables;
  readonly directory: string;
  readonly #segmentBytes: number;
  readonly #hostIds = new Map<string, number>();
  readonly #segment: SegmentAppender;
  readonly #findHost: StatementSync;
  readonly #addHost: StatementSync;
  readonly #addExchange: StatementSync;
  readonly #addLive: StatementSync;

  constructor(database: DatabaseSync, options: ExchangeWriterOptions) {
    this.database = database;
    this.directory = options.directory;
    this.#segmentBytes = options.segmentBytes;
    this.counters = new CounterTables(database);
    this.#findHost = database.prepare('SELECT id FROM host WHERE name = ?');
    this.#addHost = database.prepare(
      'INSERT INTO host (name, requests, responses, modified) VALUES (?, 0, 0, 0)',
    );
    // A batch is sent again when the writer died before acknowledging it; rows that were committed are left as they are.
    this.#addExchange = database.prepare(
      `INSERT OR IGNORE INTO exchange VALUES (${'?, '.repeat(EXCHANGE_COLUMNS - 1)}?)`,
    );
    this.#addLive = database.prepare(
      'INSERT INTO segment VALUES (?, ?) ON CONFLICT DO UPDATE SET live_records = live_records + excluded.live_records',
    );
    const newest = database.prepare('SELECT max(id) AS id FROM segment').get()?.['id'];
    this.#segment = new SegmentAppender(
      options.directory,
      typeof newest === 'number' ? newest : this.#nextSegmentId(),
    );
    this.#removeStrayFiles();
  }

  /** The segment that is being appended to; it must not be removed. */
  get currentSegment(): number {
    return this.#segment.id;
  }

  /** To be called when rows of `host` may have been deleted. */
  forgetHosts(): void {
    this.#hostIds.clear();
  }

  /** Goes on in a new segment, so that the current one can be removed. */
  rotate(): void {
    if (this.#segment.lengthBytes > 0) this.#segment.rotate(this.#nextSegmentId());
  }

  /** Stores the first `count` records of a batch in one transaction, and returns the totals after it. */
  insert(batch: Buffer, lengthBytes: number, count: number): StoreTotals {
    if (this.#segment.lengthBytes >= this.#segmentBytes) this.rotate();
    const base = this.#segment.append(batch.subarray(0, lengthBytes));
    const deltas = new CounterDeltas();
    const last = { sequence: 0, key: 0 };
    try {
      return inTransaction(this.database, () => {
        let added = 0;
        let offset = 0;
        for (let index = 0; index < count; index++) {
          const { recordBytes, stamp, isNew } = this.#insertRow(batch, offset, base, deltas);
          offset += recordBytes;
          added += isNew ? 1 : 0;
          last.sequence = Math.max(last.sequence, stamp.sequence);
          last.key = Math.max(last.key, stamp.key);
        }
        if (added > 0) this.#addLive.run(this.#segment.id, added);
        this.counters.add(deltas, last);
        return this.counters.read();
      });
    } catch (error) {
      this.forgetHosts();
      throw error;
    }
  }

  close(): void {
    this.#segment.close();
  }

  #insertRow(batch: Buffer, offset: number, base: number, deltas: CounterDeltas) {
    const layout = readLayout(batch, offset);
    const summary = readSummary(batch, offset, layout);
    const counted = {
      hostId: this.#hostId(summary.host),
      method: summary.method,
      flags: summary.flags,
      storedMs: Math.round(summary.storedMs),
      requestCost: layout.summaryBytes + layout.requestBytes,
      responseCost: layout.responseBytes,
      modifiedCost: layout.modifiedBytes,
    };
    const added = this.#addExchange.run(
      summary.sequence,
      summary.flags,
      summary.status,
      summary.method,
      summary.url,
      counted.hostId,
      counted.storedMs,
      Math.round(summary.startedMs),
      Math.max(0, Math.round(summary.durationMs)),
      summary.requestBodyBytes,
      summary.responseBodyBytes,
      counted.requestCost,
      counted.responseCost,
      counted.modifiedCost,
      this.#segment.id,
      base + offset,
      summary.contentType,
      summary.clientIp,
      summary.error,
      summary.ruleId,
      summary.flowId,
      summary.key,
      summary.id,
    );
    const isNew = Number(added.changes) > 0;
    if (isNew) deltas.count(counted, 1);
    return { recordBytes: layout.recordBytes, stamp: summary, isNew };
  }

  #hostId(name: string): number {
    const known = this.#hostIds.get(name);
    if (known !== undefined) return known;
    const row = this.#findHost.get(name);
    const id = Number(row === undefined ? this.#addHost.run(name).lastInsertRowid : row['id']);
    if (this.#hostIds.size >= HOST_CACHE_SIZE) this.#hostIds.clear();
    this.#hostIds.set(name, id);
    return id;
  }

  // Sequence numbers never come back, so neither does a segment's name, even after everything was deleted.
  #nextSegmentId(): number {
    return this.counters.read().lastSequence + 1;
  }

  // Left behind by a process that ended between a commit and the removal, or between an append and its commit.
  #removeStrayFiles(): void {
    const known = new Set(
      this.database
        .prepare('SELECT id FROM segment')
        .all()
        .map((row) => Number(row['id'])),
    );
    for (const id of listSegmentFiles(this.directory)) {
      if (id !== this.#segment.id && !known.has(id)) removeSegment(this.directory, id);
    }
  }
}
