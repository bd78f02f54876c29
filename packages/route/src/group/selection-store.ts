import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Migration, openDatabase } from '@sluice/core/store/database';

const MIGRATIONS: readonly Migration[] = [
  {
    name: 'selected members of groups',
    sql: 'CREATE TABLE selected (group_name TEXT PRIMARY KEY, member TEXT NOT NULL) STRICT, WITHOUT ROWID',
  },
];

/** Remembers which member of each group was chosen, over restarts. */
export class SelectionStore {
  readonly #database: DatabaseSync;
  readonly #write: StatementSync;

  /** `path` is an SQLite file or `:memory:`. */
  constructor(path: string) {
    this.#database = openDatabase(path, MIGRATIONS);
    this.#write = this.#database.prepare(
      'INSERT INTO selected VALUES (?, ?) ON CONFLICT (group_name) DO UPDATE SET member = excluded.member',
    );
  }

  save(group: string, member: string): void {
    this.#write.run(group, member);
  }

  /** Group → member. */
  load(): ReadonlyMap<string, string> {
    const rows = this.#database.prepare('SELECT group_name, member FROM selected').all();
    return new Map(rows.map((row) => [String(row['group_name']), String(row['member'])]));
  }

  close(): void {
    this.#database.close();
  }
}
