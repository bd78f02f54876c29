import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock, Timer } from '@sluice/base/clock';
import { inTransaction } from '@sluice/core/store/transaction';
import type { StatisticsControl, StatisticsQuery, StatisticsRow } from '../port.ts';
import type { WriteGuard } from '../store/write-guard.ts';
import type { ClosedFlow } from './flow-record.ts';

const HOUR_MS = 3_600_000;
const FLUSH_MS = 15_000;
const RETENTION_HOURS = 24 * 90;
/** Beyond this many names in one hour, further ones are summed up under one. */
const KEYS_PER_HOUR = 5_000;
const OTHER_KEY = '(other)';
const MAX_KEY_LENGTH = 255;
const MAX_ROWS = 1_000;

const KINDS = ['client', 'host', 'rule', 'outbound', 'total'] as const;
type Kind = (typeof KINDS)[number];

type Sum = { connections: number; upload: number; download: number };

/** Sums of one kind in the hour that is being written, by name; added to the disk by every flush. */
type Pending = Map<string, Sum>;

/**
 * Bytes and connections of closed flows by client, host, rule and outbound, an hour a row. What closes is summed up in memory
 * and added to the database every few seconds; rows are kept for 90 days.
 */
export class StatisticsStore implements StatisticsControl {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #guard: WriteGuard;
  readonly #add: StatementSync;
  readonly #pending: Readonly<Record<Kind, Pending>> = {
    client: new Map(),
    host: new Map(),
    rule: new Map(),
    outbound: new Map(),
    total: new Map(),
  };
  /** Names already on disk in the hour that is being written. */
  readonly #known: Readonly<Record<Kind, Set<string>>> = {
    client: new Set(),
    host: new Set(),
    rule: new Set(),
    outbound: new Set(),
    total: new Set(),
  };
  #hour = 0;
  #isStopped = false;
  #timer: Timer | undefined;

  /** `database` has the table `statistics(hour, kind, key, connections, upload, download)`; it stays open. */
  constructor(database: DatabaseSync, clock: Clock, guard: WriteGuard) {
    this.#database = database;
    this.#guard = guard;
    this.#clock = clock;
    this.#add = database.prepare(`
      INSERT INTO statistics (hour, kind, key, connections, upload, download) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (hour, kind, key) DO UPDATE SET
        connections = connections + excluded.connections,
        upload = upload + excluded.upload,
        download = download + excluded.download`);
  }

  start(): void {
    this.#timer ??= this.#clock.every(FLUSH_MS, () => this.flush());
  }

  /** What closes afterwards is not recorded. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.flush();
    this.#isStopped = true;
  }

  record(flow: ClosedFlow): void {
    if (this.#isStopped) return;
    const hour = Math.floor(flow.closedAtMs / HOUR_MS);
    if (hour !== this.#hour) this.#turnTo(hour);
    this.#sum('client', flow.client, flow);
    this.#sum('host', flow.host, flow);
    this.#sum('rule', flow.rule, flow);
    this.#sum('outbound', flow.outbound, flow);
    this.#sum('total', '', flow);
  }

  /** Adds what has been summed up to the database. */
  flush(): void {
    if (this.#pending.total.size === 0) return;
    const isWritten = this.#guard.run('statistics', () => inTransaction(this.#database, () => this.#write()));
    // What could not be written waits for the next attempt.
    if (!isWritten) return;
    for (const kind of KINDS) {
      for (const key of this.#pending[kind].keys()) this.#known[kind].add(key);
      this.#pending[kind].clear();
    }
  }

  top({ by, fromMs, toMs, limit }: StatisticsQuery): readonly StatisticsRow[] {
    this.flush();
    return this.#rows(
      `SELECT key, sum(connections) AS connections, sum(upload) AS upload, sum(download) AS download
       FROM statistics WHERE kind = ? AND hour BETWEEN ? AND ?
       GROUP BY key ORDER BY sum(upload) + sum(download) DESC, key LIMIT ?`,
      [by, hourOf(fromMs), hourOf(toMs), Math.min(Math.max(1, limit), MAX_ROWS)],
    );
  }

  timeline(fromMs: number, toMs: number): readonly StatisticsRow[] {
    this.flush();
    return this.#rows(
      `SELECT hour * ${HOUR_MS} AS key, connections, upload, download
       FROM statistics WHERE kind = 'total' AND hour BETWEEN ? AND ? ORDER BY hour`,
      [hourOf(fromMs), hourOf(toMs)],
    );
  }

  clear(): void {
    for (const kind of KINDS) {
      this.#pending[kind].clear();
      this.#known[kind].clear();
    }
    this.#database.exec('DELETE FROM statistics');
  }

  #write(): void {
    for (const kind of KINDS) {
      for (const [key, { connections, upload, download }] of this.#pending[kind])
        this.#add.run(this.#hour, kind, key, connections, upload, download);
    }
  }

  #rows(sql: string, values: readonly (string | number)[]): readonly StatisticsRow[] {
    return this.#database
      .prepare(sql)
      .all(...values)
      .map((row) => ({
        key: String(row['key']),
        connections: Number(row['connections']),
        upload: Number(row['upload']),
        download: Number(row['download']),
      }));
  }

  #turnTo(hour: number): void {
    this.flush();
    this.#hour = hour;
    for (const kind of KINDS) {
      this.#known[kind].clear();
      this.#pending[kind].clear();
    }
    this.#guard.run('statistics', () =>
      this.#database.prepare('DELETE FROM statistics WHERE hour < ?').run(hour - RETENTION_HOURS),
    );
  }

  #sum(kind: Kind, name: string, { upload, download }: ClosedFlow): void {
    const pending = this.#pending[kind];
    const known = this.#known[kind];
    let key = name.length > MAX_KEY_LENGTH ? name.slice(0, MAX_KEY_LENGTH) : name;
    let sum = pending.get(key);
    if (sum === undefined && !known.has(key) && known.size + pending.size >= KEYS_PER_HOUR) {
      key = OTHER_KEY;
      sum = pending.get(key);
    }
    if (sum === undefined) {
      pending.set(key, { connections: 1, upload, download });
      return;
    }
    sum.connections += 1;
    sum.upload += upload;
    sum.download += download;
  }
}

function hourOf(timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS);
}
