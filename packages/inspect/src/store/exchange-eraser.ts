import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inTransaction } from '@sluice/core/store/transaction';
import type { DeletionResult } from '../port.ts';
import { CounterDeltas } from './counters.ts';
import type { ExchangeWriter } from './exchange-writer.ts';
import { formatRecordId, parseRecordId } from './record-id.ts';
import { HAS_MODIFIED, HAS_REQUEST, HAS_RESPONSE } from './schema.ts';
import { eraseRange, removeSegment } from './segment-files.ts';

export type RetentionLimits = {
  readonly maxAgeMs: number;
  readonly maxExchanges: number;
  /** Headers and bodies of all exchanges together. */
  readonly maxBytes: number;
};

type DoomedRow = {
  readonly seq: number;
  readonly key: number;
  readonly flags: number;
  readonly method: string;
  readonly hostId: number;
  readonly storedMs: number;
  readonly requestCost: number;
  readonly responseCost: number;
  readonly modifiedCost: number;
  readonly segment: number;
  readonly offset: number;
};

const SLICE_ROWS = 500;
const RECORD_HEAD_BYTES = 20;
const VACUUM_PAGES = 1_000;
const SELECT_DOOMED = `
  SELECT seq, key, flags, method, host_id, stored_ms, request_cost, response_cost, modified_cost, segment, offset FROM exchange`;
const MESSAGES = HAS_REQUEST | HAS_RESPONSE | HAS_MODIFIED;

/** Deletes exchanges and single responses, by wish or by age; long deletions let inserts through between slices. */
export class ExchangeEraser {
  readonly #writer: ExchangeWriter;
  readonly #deleteRow: StatementSync;
  readonly #clearResponse: StatementSync;
  readonly #dropLive: StatementSync;
  readonly #deadSegments: StatementSync;

  constructor(writer: ExchangeWriter) {
    this.#writer = writer;
    const { database } = writer;
    this.#deleteRow = database.prepare('DELETE FROM exchange WHERE seq = ?');
    this.#clearResponse = database.prepare(
      `UPDATE exchange SET flags = flags & ~${HAS_RESPONSE} WHERE seq = ?`,
    );
    this.#dropLive = database.prepare('UPDATE segment SET live_records = live_records - ? WHERE id = ?');
    this.#deadSegments = database.prepare(
      'DELETE FROM segment WHERE live_records <= 0 AND id <> ? RETURNING id',
    );
  }

  /** Deletes a request with everything that hangs off it. */
  async deleteRequest(id: string): Promise<DeletionResult> {
    return await this.#deleteWhere(`key = ${parseRecordId('req', id) ?? -1} AND flags & ${HAS_REQUEST}`);
  }

  async deleteHostRequests(host: string): Promise<DeletionResult> {
    return await this.#deleteWhere(`host_id = ${this.#hostId(host)} AND flags & ${HAS_REQUEST}`);
  }

  async #deleteWhere(condition: string): Promise<DeletionResult> {
    const ids: string[] = [];
    for await (const rows of this.#slices(condition)) {
      this.#deleteRows(rows);
      for (const row of rows) {
        ids.push(formatRecordId('req', row.key));
        this.#erase(row, 0, RECORD_HEAD_BYTES + row.requestCost + row.responseCost + row.modifiedCost);
      }
    }
    return { count: ids.length, ids };
  }

  /** Deletes the response with this id, or the responses of the request with this id. */
  async deleteResponse(id: string): Promise<DeletionResult> {
    const key = parseRecordId('res', id) ?? parseRecordId('req', id) ?? -1;
    return await this.#deleteResponsesWhere(`key = ${key} AND flags & ${HAS_RESPONSE}`);
  }

  async deleteHostResponses(host: string): Promise<DeletionResult> {
    return await this.#deleteResponsesWhere(`host_id = ${this.#hostId(host)} AND flags & ${HAS_RESPONSE}`);
  }

  async #deleteResponsesWhere(condition: string): Promise<DeletionResult> {
    const ids: string[] = [];
    for await (const rows of this.#slices(condition)) {
      const deltas = new CounterDeltas();
      inTransaction(this.#writer.database, () => {
        for (const row of rows) {
          // The row stays for its request, which keeps its method counted.
          deltas.count({ ...row, flags: row.flags & HAS_RESPONSE }, -1, false);
          this.#clearResponse.run(row.seq);
        }
        this.#writer.counters.add(deltas);
        this.#writer.counters.settle(deltas);
      });
      for (const row of rows) {
        ids.push(formatRecordId('res', row.key));
        this.#erase(row, RECORD_HEAD_BYTES + row.requestCost, row.responseCost);
      }
    }
    return { count: ids.length, ids };
  }

  /** Deletes every exchange and gives the space back. */
  async deleteAll(): Promise<void> {
    const { database } = this.#writer;
    this.#writer.rotate();
    const segments = database
      .prepare('SELECT id FROM segment')
      .all()
      .map((row) => Number(row['id']));
    inTransaction(database, () => {
      for (const table of ['exchange', 'host', 'host_method', 'host_hour', 'segment'])
        database.exec(`DELETE FROM ${table}`);
      database.exec(
        'UPDATE totals SET requests = 0, request_bytes = 0, responses = 0, response_bytes = 0, modified = 0, modified_bytes = 0',
      );
    });
    this.#writer.forgetHosts();
    for (const id of segments)
      if (id !== this.#writer.currentSegment) removeSegment(this.#writer.directory, id);
    await this.#vacuum();
  }

  async #vacuum(): Promise<void> {
    const { database } = this.#writer;
    const freePages = database.prepare('PRAGMA freelist_count');
    while (Number(freePages.get()?.['freelist_count'] ?? 0) > 0) {
      database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
      await nextTurn();
    }
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Deletes the oldest exchanges beyond the limits, at most one slice; true when there may be more to delete. */
  retainOnce(limits: RetentionLimits, nowMs: number): boolean {
    const totals = this.#writer.counters.read();
    const excess = Math.max(0, totals.requests - limits.maxExchanges);
    let excessBytes = totals.requestBytes + totals.responseBytes + totals.modifiedBytes - limits.maxBytes;
    const oldest = this.#doomed('1 ORDER BY seq LIMIT ?', SLICE_ROWS);
    const rows: DoomedRow[] = [];
    for (const row of oldest) {
      const isOverdue = row.storedMs < nowMs - limits.maxAgeMs;
      if (!isOverdue && rows.length >= excess && excessBytes <= 0) break;
      excessBytes -= row.requestCost + row.responseCost + row.modifiedCost;
      rows.push(row);
    }
    if (rows.length > 0) this.#deleteRows(rows);
    return rows.length === SLICE_ROWS;
  }

  #deleteRows(rows: readonly DoomedRow[]): void {
    const deltas = new CounterDeltas();
    const perSegment = new Map<number, number>();
    const dead = inTransaction(this.#writer.database, () => {
      for (const row of rows) {
        deltas.count({ ...row, flags: row.flags & MESSAGES }, -1);
        perSegment.set(row.segment, (perSegment.get(row.segment) ?? 0) + 1);
        this.#deleteRow.run(row.seq);
      }
      for (const [segment, count] of perSegment) this.#dropLive.run(count, segment);
      this.#writer.counters.add(deltas);
      this.#writer.counters.settle(deltas);
      return this.#deadSegments.all(this.#writer.currentSegment);
    });
    this.#writer.forgetHosts();
    for (const row of dead) removeSegment(this.#writer.directory, Number(row['id']));
  }

  async *#slices(condition: string): AsyncGenerator<readonly DoomedRow[]> {
    // What is stored while this runs is not part of the wish.
    const last = this.#writer.counters.read().lastSequence;
    for (;;) {
      const rows = this.#doomed(`${condition} AND seq <= ? ORDER BY seq LIMIT ${SLICE_ROWS}`, last);
      if (rows.length === 0) return;
      yield rows;
      await nextTurn();
    }
  }

  #doomed(condition: string, value: number): DoomedRow[] {
    const statement = this.#writer.database.prepare(`${SELECT_DOOMED} WHERE ${condition}`);
    statement.setReturnArrays(true);
    return (statement.all(value) as unknown as SQLOutputValue[][]).map(toDoomedRow);
  }

  #hostId(name: string): number {
    return Number(
      this.#writer.database.prepare('SELECT id FROM host WHERE name = ?').get(name)?.['id'] ?? -1,
    );
  }

  // A segment whose last record this was is gone already.
  #erase(row: DoomedRow, from: number, bytes: number): void {
    eraseRange(this.#writer.directory, row.segment, row.offset + from, bytes);
  }
}

function toDoomedRow(columns: readonly SQLOutputValue[]): DoomedRow {
  const number = (index: number): number => Number(columns[index]);
  return {
    seq: number(0),
    key: number(1),
    flags: number(2),
    method: String(columns[3]),
    hostId: number(4),
    storedMs: number(5),
    requestCost: number(6),
    responseCost: number(7),
    modifiedCost: number(8),
    segment: number(9),
    offset: number(10),
  };
}
