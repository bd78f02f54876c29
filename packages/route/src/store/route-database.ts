import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '@sluice/core/log/logger';
import { type Migration, openDatabase, openDatabaseOrMemory } from '@sluice/core/store/database';

/** Everything the route plane keeps over restarts; the steps are shared, so that one file serves every store. */
const MIGRATIONS: readonly Migration[] = [
  {
    name: 'selected members of groups',
    sql: 'CREATE TABLE selected (group_name TEXT PRIMARY KEY, member TEXT NOT NULL) STRICT, WITHOUT ROWID',
  },
  {
    name: 'entity tags of downloads',
    sql: `CREATE TABLE etag (
      url TEXT PRIMARY KEY, content_hash TEXT NOT NULL, etag TEXT NOT NULL, time_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    name: 'subscription headers of proxy providers',
    sql: 'CREATE TABLE subscription (provider TEXT PRIMARY KEY, header TEXT NOT NULL) STRICT, WITHOUT ROWID',
  },
  {
    name: 'values that web interfaces share',
    sql: `CREATE TABLE storage (
      key TEXT PRIMARY KEY, value BLOB NOT NULL, sequence INTEGER NOT NULL UNIQUE
    ) STRICT`,
  },
  {
    name: 'traffic of closed flows by the hour',
    sql: `CREATE TABLE statistics (
      hour INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
      connections INTEGER NOT NULL, upload INTEGER NOT NULL, download INTEGER NOT NULL,
      PRIMARY KEY (hour, kind, key)
    ) STRICT, WITHOUT ROWID`,
  },
  {
    name: 'fake addresses of names',
    sql: `CREATE TABLE fake_ip (
      family INTEGER NOT NULL, name TEXT NOT NULL, slot INTEGER NOT NULL,
      PRIMARY KEY (family, name), UNIQUE (family, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE fake_ip_state (
      family INTEGER PRIMARY KEY, range TEXT NOT NULL, slot INTEGER NOT NULL, cycled INTEGER NOT NULL
    ) STRICT`,
  },
];

/** Opens the route plane's database: an SQLite file or `:memory:`; its stores share it and whoever opened it closes it. */
export function openRouteDatabase(path: string): DatabaseSync {
  return openDatabase(path, MIGRATIONS);
}

/** The same; memory takes the place of a file that cannot be used, which is logged. */
export function openRouteDatabaseOrMemory(path: string, log: Logger): DatabaseSync {
  return openDatabaseOrMemory(path, MIGRATIONS, log);
}
