import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from '@sluice/core/store/transaction';
import { LruMap } from '../lru-map.ts';
import type { FakeIpRange } from './fake-ip-range.ts';
import type { FakeIpState, FakeIpTable } from './fake-ip-table.ts';

/** Pairs kept in memory besides those that wait to be written. */
const CACHED_PAIRS = 16_384;
/** So many unwritten changes are written at once instead of at the next flush. */
const BATCH = 512;
/** Changes kept while the database refuses them; beyond this they are given up. */
const MAX_PENDING = 65_536;

/**
 * A table on disk, bounded only by the range. Writes are collected and go to the database in batches, so that no DNS answer
 * waits for one; reads go through a cache. A table that was written for another range begins anew.
 */
export class StoredFakeIpTable implements FakeIpTable {
  readonly #database: DatabaseSync;
  readonly #family: number;
  readonly #range: string;
  readonly #onError: (error: unknown) => void;
  readonly #statements: Statements;
  readonly #slots: LruMap<string, number>;
  readonly #names = new Map<number, string>();
  /** Slot → its new name, `''` for none. */
  readonly #pending = new Map<number, string>();
  /** The same by name: the new slot, -1 for none. */
  readonly #pendingNames = new Map<string, number>();
  /** How many unwritten changes are written at once; more while the database refuses them. */
  #flushAt = BATCH;
  #size: number;
  #state: FakeIpState | undefined;

  /** `database` is an open route database, which stays open; `onError` hears of batches that could not be written. */
  constructor(database: DatabaseSync, range: FakeIpRange, onError: (error: unknown) => void) {
    this.#database = database;
    this.#family = range.family;
    this.#range = range.text;
    this.#onError = onError;
    this.#statements = prepareStatements(database);
    this.#slots = new LruMap(CACHED_PAIRS, (_name, slot) => this.#names.delete(slot));
    const row = this.#statements.state.get(this.#family);
    if (row !== undefined && row['range'] === this.#range)
      this.#state = { slot: Number(row['slot']), cycled: row['cycled'] !== 0 };
    this.#size = Number(this.#statements.count.get(this.#family)?.['count'] ?? 0);
  }

  get size(): number {
    return this.#size;
  }

  slotOf(name: string): number | undefined {
    const cached = this.#slots.get(name);
    if (cached !== undefined) return cached;
    const pending = this.#pendingNames.get(name);
    if (pending !== undefined) return pending < 0 ? undefined : pending;
    const row = this.#statements.byName.get(this.#family, name);
    if (row === undefined) return undefined;
    const slot = Number(row['slot']);
    this.#cache(slot, name);
    return slot;
  }

  nameOf(slot: number): string | undefined {
    const cached = this.#names.get(slot);
    if (cached !== undefined) {
      this.#slots.get(cached);
      return cached;
    }
    const pending = this.#pending.get(slot);
    if (pending !== undefined) return pending === '' ? undefined : pending;
    const row = this.#statements.bySlot.get(this.#family, slot);
    if (row === undefined) return undefined;
    const name = String(row['name']);
    this.#cache(slot, name);
    return name;
  }

  put(slot: number, name: string, state: FakeIpState): void {
    this.#state = state;
    this.#size++;
    this.#pending.set(slot, name);
    this.#pendingNames.set(name, slot);
    this.#cache(slot, name);
    if (this.#pending.size >= this.#flushAt) this.flush();
  }

  delete(slot: number): void {
    const name = this.nameOf(slot);
    if (name === undefined) return;
    this.#size--;
    this.#slots.delete(name);
    this.#names.delete(slot);
    this.#pending.set(slot, '');
    this.#pendingNames.set(name, -1);
  }

  clear(): void {
    this.#forget();
    this.#slots.clear();
    this.#names.clear();
    this.#size = 0;
    this.#state = undefined;
    this.#statements.clear.run(this.#family);
    this.#statements.clearState.run(this.#family);
  }

  state(): FakeIpState | undefined {
    return this.#state;
  }

  flush(): void {
    if (this.#pending.size === 0) return;
    try {
      inTransaction(this.#database, () => this.#write());
      this.#forget();
    } catch (error) {
      if (this.#pending.size >= MAX_PENDING) this.#forget();
      this.#flushAt = this.#pending.size + BATCH;
      this.#onError(error);
    }
  }

  #write(): void {
    const { remove, insert, saveState } = this.#statements;
    for (const slot of this.#pending.keys()) remove.run(this.#family, slot);
    for (const [slot, name] of this.#pending) {
      if (name !== '') insert.run(this.#family, name, slot);
    }
    if (this.#state !== undefined)
      saveState.run(this.#family, this.#range, this.#state.slot, this.#state.cycled ? 1 : 0);
  }

  #forget(): void {
    this.#pending.clear();
    this.#pendingNames.clear();
    this.#flushAt = BATCH;
  }

  #cache(slot: number, name: string): void {
    this.#names.set(slot, name);
    this.#slots.set(name, slot);
  }
}

type Statements = Readonly<
  Record<
    'state' | 'count' | 'byName' | 'bySlot' | 'remove' | 'insert' | 'saveState' | 'clear' | 'clearState',
    StatementSync
  >
>;

function prepareStatements(database: DatabaseSync): Statements {
  return {
    state: database.prepare('SELECT range, slot, cycled FROM fake_ip_state WHERE family = ?'),
    count: database.prepare('SELECT count(*) AS count FROM fake_ip WHERE family = ?'),
    byName: database.prepare('SELECT slot FROM fake_ip WHERE family = ? AND name = ?'),
    bySlot: database.prepare('SELECT name FROM fake_ip WHERE family = ? AND slot = ?'),
    remove: database.prepare('DELETE FROM fake_ip WHERE family = ? AND slot = ?'),
    insert: database.prepare('INSERT OR REPLACE INTO fake_ip (family, name, slot) VALUES (?, ?, ?)'),
    saveState: database.prepare(
      'INSERT OR REPLACE INTO fake_ip_state (family, range, slot, cycled) VALUES (?, ?, ?, ?)',
    ),
    clear: database.prepare('DELETE FROM fake_ip WHERE family = ?'),
    clearState: database.prepare('DELETE FROM fake_ip_state WHERE family = ?'),
  };
}
