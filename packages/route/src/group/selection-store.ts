import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { WriteGuard } from '../store/write-guard.ts';

/** Remembers which member of each group was chosen, over restarts. */
export class SelectionStore {
  readonly #database: DatabaseSync;
  readonly #write: StatementSync;
  readonly #guard: WriteGuard;

  /** The database is one of `openRouteDatabase`. */
  constructor(database: DatabaseSync, guard: WriteGuard) {
    this.#guard = guard;
    this.#database = database;
    this.#write = database.prepare(
      'INSERT INTO selected VALUES (?, ?) ON CONFLICT (group_name) DO UPDATE SET member = excluded.member',
    );
  }

  /** `member` is `''` when a choice was taken back. */
  save(group: string, member: string): void {
    this.#guard.run('choices of groups', () => this.#write.run(group, member));
  }

  /** Group → member, `''` for a choice that was taken back. */
  load(): ReadonlyMap<string, string> {
    const rows = this.#database.prepare('SELECT group_name, member FROM selected').all();
    return new Map(rows.map((row) => [String(row['group_name']), String(row['member'])]));
  }
}
