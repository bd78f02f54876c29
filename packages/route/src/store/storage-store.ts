import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from '@sluice/core/store/transaction';
import type { StorageControl } from '../port.ts';

const KEY_LIMIT_BYTES = 64;
const VALUES_LIMIT_BYTES = 1 << 20;
const ENTRIES_LIMIT = 16_384;

/** The JSON values that web interfaces share, on disk; the entries written longest ago make room for new ones. */
export class StorageStore implements StorageControl {
  readonly #database: DatabaseSync;
  readonly #read: StatementSync;
  readonly #write: StatementSync;
  readonly #remove: StatementSync;
  readonly #oldest: StatementSync;
  #entries = 0;
  #sizeBytes = 0;
  #sequence = 0;

  /** `database` is an open route database; it stays open. */
  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#read = database.prepare('SELECT value FROM storage WHERE key = ?');
    this.#write = database.prepare('INSERT INTO storage (key, value, sequence) VALUES (?, ?, ?)');
    this.#remove = database.prepare('DELETE FROM storage WHERE key = ? RETURNING length(value) AS size');
    this.#oldest = database.prepare('SELECT key FROM storage ORDER BY sequence LIMIT 1');
    this.#count();
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#read.get(key)?.['value'];
    return value instanceof Uint8Array ? value : undefined;
  }

  put(key: string, value: Uint8Array): void {
    if (Buffer.byteLength(key) > KEY_LIMIT_BYTES || value.length > VALUES_LIMIT_BYTES) return;
    this.#inTransaction(() => {
      this.delete(key);
      while (this.#entries + 1 > ENTRIES_LIMIT || this.#sizeBytes + value.length > VALUES_LIMIT_BYTES) {
        this.delete(String(this.#oldest.get()?.['key']));
      }
      this.#write.run(key, value, ++this.#sequence);
      this.#entries += 1;
      this.#sizeBytes += value.length;
    });
  }

  delete(key: string): void {
    const removed = this.#remove.get(key);
    if (removed === undefined) return;
    this.#entries -= 1;
    this.#sizeBytes -= Number(removed['size']);
  }

  #count(): void {
    const totals = this.#database
      .prepare(
        'SELECT count(*) AS entries, coalesce(sum(length(value)), 0) AS size, coalesce(max(sequence), 0) AS last FROM storage',
      )
      .get();
    this.#entries = Number(totals?.['entries']);
    this.#sizeBytes = Number(totals?.['size']);
    this.#sequence = Number(totals?.['last']);
  }

  #inTransaction(work: () => void): void {
    try {
      inTransaction(this.#database, work);
    } catch (error) {
      this.#count();
      throw error;
    }
  }
}
