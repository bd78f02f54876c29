import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Logger } from '../log/logger.ts';
import { inTransaction } from './transaction.ts';

/** One step of a schema's history; the list's order is the version number, starting at 1. Never change a released step. */
export type Migration = { readonly name: string; readonly sql: string };

const PAGE_SIZE_BYTES = 16_384;

/**
 * Opens (or creates) an SQLite file in WAL mode with 16 KiB pages and brings its schema up to date in one transaction per step.
 * @throws GatewayError `store.newer-schema` when the file was written by a later version
 */
export function openDatabase(path: string, migrations: readonly Migration[]): DatabaseSync {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path);
  try {
    // page_size and auto_vacuum only take effect while the file is empty, so they come before journal_mode.
    database.exec(`
      PRAGMA page_size = ${PAGE_SIZE_BYTES};
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA foreign_keys = ON;
      PRAGMA busy_timeout = 5000;
    `);
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * As `openDatabase`, but a file that cannot be used (a full or read-only disk, damage) is replaced by memory, which is logged:
 * what is only remembered must not keep the gateway from starting.
 * @throws GatewayError `store.newer-schema`
 */
export function openDatabaseOrMemory(
  path: string,
  migrations: readonly Migration[],
  log: Logger,
): DatabaseSync {
  try {
    return openDatabase(path, migrations);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'store.newer-schema') throw error;
    log.error(`${path} cannot be used, so nothing is remembered over a restart: ${errorText(error)}`);
    return openDatabase(':memory:', migrations);
  }
}

/** The number of migrations applied to an open database. */
export function schemaVersion(database: DatabaseSync): number {
  const row = database.prepare('PRAGMA user_version').get();
  return Number(row?.['user_version'] ?? 0);
}

function migrate(database: DatabaseSync, path: string, migrations: readonly Migration[]): void {
  const applied = schemaVersion(database);
  if (applied > migrations.length) {
    throw new GatewayError(
      'unavailable',
      'store.newer-schema',
      `${path} was written by a newer version (schema ${applied}, this version knows ${migrations.length})`,
    );
  }
  for (const [index, migration] of migrations.slice(applied).entries()) {
    try {
      inTransaction(database, () => {
        database.exec(migration.sql);
        database.exec(`PRAGMA user_version = ${applied + index + 1}`);
      });
    } catch (error) {
      throw new GatewayError(
        'internal',
        'store.migration',
        `migration "${migration.name}" of ${path} failed: ${errorText(error)}`,
        { cause: error },
      );
    }
  }
}
