import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { HAS_MODIFIED, HAS_REQUEST, HAS_RESPONSE } from './schema.ts';

/** What the store as a whole holds; the one row of `totals`. */
export type StoreTotals = {
  readonly lastSequence: number;
  readonly lastKey: number;
  readonly requests: number;
  readonly requestBytes: number;
  readonly responses: number;
  readonly responseBytes: number;
  readonly modified: number;
  readonly modifiedBytes: number;
};

/** The part of an exchange row that counts. */
export type CountedRow = {
  readonly hostId: number;
  readonly method: string;
  readonly flags: number;
  readonly storedMs: number;
  readonly requestCost: number;
  readonly responseCost: number;
  readonly modifiedCost: number;
};

export const HOUR_MS = 3_600_000;

type HostDelta = {
  requests: number;
  responses: number;
  modified: number;
  methods: Map<string, number>;
  hours: Map<number, HourDelta>;
};
type HourDelta = { responses: number; lastMs: number };

/** Collects what one transaction changes, so that each counter row is written once. */
export class CounterDeltas {
  readonly #hosts = new Map<number, HostDelta>();
  #totals = { requests: 0, requestBytes: 0, responses: 0, responseBytes: 0, modified: 0, modifiedBytes: 0 };

  get totals(): Readonly<Omit<StoreTotals, 'lastSequence' | 'lastKey'>> {
    return this.#totals;
  }

  get hosts(): ReadonlyMap<number, Readonly<HostDelta>> {
    return this.#hosts;
  }

  /** Counts the messages in `flags` of a row in (`sign` 1) or out (-1). `methodCounts` is false when the row stays with another message. */
  count(row: CountedRow, sign: 1 | -1, methodCounts = true): void {
    const host = this.#host(row.hostId);
    const totals = this.#totals;
    if ((row.flags & HAS_REQUEST) !== 0) {
      host.requests += sign;
      totals.requests += sign;
      totals.requestBytes += sign * row.requestCost;
    }
    if ((row.flags & HAS_RESPONSE) !== 0) {
      host.responses += sign;
      totals.responses += sign;
      totals.responseBytes += sign * row.responseCost;
      const hour = Math.floor(row.storedMs / HOUR_MS);
      const delta = host.hours.get(hour) ?? { responses: 0, lastMs: 0 };
      delta.responses += sign;
      delta.lastMs = Math.max(delta.lastMs, row.storedMs);
      host.hours.set(hour, delta);
    }
    if ((row.flags & HAS_MODIFIED) !== 0) {
      host.modified += sign;
      totals.modified += sign;
      totals.modifiedBytes += sign * row.modifiedCost;
    }
    if (methodCounts && (row.flags & (HAS_REQUEST | HAS_RESPONSE)) !== 0) {
      host.methods.set(row.method, (host.methods.get(row.method) ?? 0) + sign);
    }
  }

  #host(id: number): HostDelta {
    const known = this.#hosts.get(id);
    if (known !== undefined) return known;
    const delta: HostDelta = { requests: 0, responses: 0, modified: 0, methods: new Map(), hours: new Map() };
    this.#hosts.set(id, delta);
    return delta;
  }
}

/** Writes counter changes; the caller holds the transaction. */
export class CounterTables {
  readonly #readTotals: StatementSync;
  readonly #host: StatementSync;
  readonly #method: StatementSync;
  readonly #hour: StatementSync;
  readonly #hourLast: StatementSync;
  readonly #totals: StatementSync;
  readonly #sweep: readonly StatementSync[];

  constructor(database: DatabaseSync) {
    this.#readTotals = database.prepare('SELECT * FROM totals');
    this.#host = database.prepare(
      'UPDATE host SET requests = requests + ?, responses = responses + ?, modified = modified + ? WHERE id = ?',
    );
    this.#method = database.prepare(
      'INSERT INTO host_method VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
    );
    this.#hour = database.prepare(`
      INSERT INTO host_hour VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET responses = responses + excluded.responses, last_ms = max(last_ms, excluded.last_ms)`);
    // The newest response left in that hour; rows are stored in time order, so the search starts at the newest row.
    this.#hourLast = database.prepare(`
      UPDATE host_hour SET last_ms = coalesce((
        SELECT stored_ms FROM exchange
        WHERE host_id = :host AND flags & ${HAS_RESPONSE} AND stored_ms BETWEEN :hour * ${HOUR_MS} AND :hour * ${HOUR_MS} + ${HOUR_MS - 1}
        ORDER BY seq DESC LIMIT 1), last_ms)
      WHERE hour = :hour AND host_id = :host AND responses > 0 AND last_ms <= :lastMs`);
    this.#totals = database.prepare(`
      UPDATE totals SET last_seq = max(last_seq, ?), last_key = max(last_key, ?),
        requests = requests + ?, request_bytes = request_bytes + ?,
        responses = responses + ?, response_bytes = response_bytes + ?,
        modified = modified + ?, modified_bytes = modified_bytes + ?`);
    this.#sweep = [
      database.prepare('DELETE FROM host_method WHERE host_id = ? AND count <= 0'),
      database.prepare('DELETE FROM host_hour WHERE host_id = ? AND responses <= 0'),
      database.prepare(
        'DELETE FROM host WHERE id = ? AND requests <= 0 AND responses <= 0 AND modified <= 0',
      ),
    ];
  }

  read(): StoreTotals {
    return toTotals(this.#readTotals.get());
  }

  /** Adds `deltas`; `last` moves the end marks of the list after an insert. */
  add(
    deltas: CounterDeltas,
    last: { readonly sequence: number; readonly key: number } = { sequence: 0, key: 0 },
  ): void {
    for (const [hostId, host] of deltas.hosts) {
      this.#host.run(host.requests, host.responses, host.modified, hostId);
      for (const [method, count] of host.methods) this.#method.run(hostId, method, count);
      for (const [hour, delta] of host.hours) this.#hour.run(hour, hostId, delta.responses, delta.lastMs);
    }
    const { requests, requestBytes, responses, responseBytes, modified, modifiedBytes } = deltas.totals;
    this.#totals.run(
      last.sequence,
      last.key,
      requests,
      requestBytes,
      responses,
      responseBytes,
      modified,
      modifiedBytes,
    );
  }

  /** After rows were deleted: corrects `last_ms` and removes counter rows that reached zero. */
  settle(deltas: CounterDeltas): void {
    for (const [hostId, host] of deltas.hosts) {
      for (const [hour, delta] of host.hours)
        this.#hourLast.run({ host: hostId, hour, lastMs: delta.lastMs });
      for (const statement of this.#sweep) statement.run(hostId);
    }
  }
}

/** The totals as last committed. */
export function readTotals(database: DatabaseSync): StoreTotals {
  return toTotals(database.prepare('SELECT * FROM totals').get());
}

function toTotals(row: Readonly<Record<string, SQLOutputValue>> = {}): StoreTotals {
  return {
    lastSequence: Number(row['last_seq'] ?? 0),
    lastKey: Number(row['last_key'] ?? 0),
    requests: Number(row['requests'] ?? 0),
    requestBytes: Number(row['request_bytes'] ?? 0),
    responses: Number(row['responses'] ?? 0),
    responseBytes: Number(row['response_bytes'] ?? 0),
    modified: Number(row['modified'] ?? 0),
    modifiedBytes: Number(row['modified_bytes'] ?? 0),
  };
}
