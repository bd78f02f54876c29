import type { Migration } from '@sluice/core/store/database';

/** Bits of `exchange.flags`: which messages a row still has, its scheme, and bodies that a search must decode to read. */
export const HAS_REQUEST = 1;
export const HAS_RESPONSE = 2;
export const HAS_MODIFIED = 4;
export const IS_HTTPS = 8;
export const REQUEST_CODED = 16;
export const RESPONSE_CODED = 32;

/**
 * The capture store. `exchange` is narrow, so that lists and URL searches read little; headers and bodies are in the record
 * at `offset` of segment file `segment`. Rows, and the entries of the indices on `key` and `id`, are only ever added at the
 * high end. `host`, `host_method`, `host_hour` and `totals` are counters kept in the transaction that changes the rows.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'exchanges',
    sql: `
      CREATE TABLE totals (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        last_seq INTEGER NOT NULL, last_key INTEGER NOT NULL,
        requests INTEGER NOT NULL, request_bytes INTEGER NOT NULL,
        responses INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
        modified INTEGER NOT NULL, modified_bytes INTEGER NOT NULL
      ) STRICT;
      INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);

      CREATE TABLE host (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        requests INTEGER NOT NULL, responses INTEGER NOT NULL, modified INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE host_method (
        host_id INTEGER NOT NULL, method TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (host_id, method)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE host_hour (
        hour INTEGER NOT NULL, host_id INTEGER NOT NULL, responses INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        PRIMARY KEY (hour, host_id)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE segment (id INTEGER PRIMARY KEY, live_records INTEGER NOT NULL) STRICT;

      CREATE TABLE exchange (
        seq INTEGER PRIMARY KEY,
        flags INTEGER NOT NULL, status INTEGER NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL,
        host_id INTEGER NOT NULL, stored_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
        request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
        request_cost INTEGER NOT NULL, response_cost INTEGER NOT NULL, modified_cost INTEGER NOT NULL,
        segment INTEGER NOT NULL, offset INTEGER NOT NULL,
        content_type TEXT NOT NULL, client_ip TEXT NOT NULL, error TEXT NOT NULL, rule_id TEXT NOT NULL,
        flow_id TEXT NOT NULL, key INTEGER NOT NULL, id TEXT NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX exchange_key ON exchange (key);
      CREATE INDEX exchange_id ON exchange (id);
      CREATE INDEX exchange_host ON exchange (host_id);
    `,
  },
];
