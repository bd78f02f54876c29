import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { WriteGuard } from '../store/write-guard.ts';

/** What a download had: its entity tag (RFC 9110 §8.8.3) and the hash of its content. */
export type EtagRecord = { readonly contentHash: string; readonly etag: string };

const MAX_RECORDS = 4096;
const MAX_ETAG_LENGTH = 1024;

/** Entity tags of downloads by URL, over restarts; the oldest make room. */
export class EtagStore {
  readonly #read: StatementSync;
  readonly #write: StatementSync;
  readonly #guard: WriteGuard;
  readonly #trim: StatementSync;

  /** `database` is an open route database; it stays open. */
  constructor(database: DatabaseSync, guard: WriteGuard) {
    this.#guard = guard;
    this.#read = database.prepare('SELECT content_hash, etag FROM etag WHERE url = ?');
    this.#write = database.prepare('INSERT OR REPLACE INTO etag VALUES (?, ?, ?, ?)');
    this.#trim = database.prepare(
      `DELETE FROM etag WHERE url IN (SELECT url FROM etag ORDER BY time_ms DESC LIMIT -1 OFFSET ${MAX_RECORDS})`,
    );
  }

  find(url: string): EtagRecord | undefined {
    const row = this.#read.get(url);
    if (row === undefined) return undefined;
    return { contentHash: String(row['content_hash']), etag: String(row['etag']) };
  }

  save(url: string, { contentHash, etag }: EtagRecord, timeMs: number): void {
    if (etag.length > MAX_ETAG_LENGTH) return;
    this.#guard.run('entity tags of downloads', () => {
      this.#write.run(url, contentHash, etag, Math.trunc(timeMs));
      this.#trim.run();
    });
  }
}
