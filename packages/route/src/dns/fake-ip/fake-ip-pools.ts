import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';
import { WriteGuard } from '../../store/write-guard.ts';
import type { FakeIpConfig } from '../config/resolved-dns.ts';
import { FakeIpPool } from './fake-ip-pool.ts';
import type { FakeIpRange } from './fake-ip-range.ts';
import { MemoryFakeIpTable } from './fake-ip-table.ts';
import { StoredFakeIpTable } from './stored-fake-ip-table.ts';

type OpenPool = { readonly pool: FakeIpPool; readonly isStored: boolean };

/** The pools of both families over reloads: one whose range and way of storing stay the same keeps its names. */
export class FakeIpPools {
  readonly #database: DatabaseSync;
  readonly #writes: WriteGuard;
  #open = new Map<4 | 6, OpenPool>();

  constructor(database: DatabaseSync, log: Logger, clock: Clock) {
    this.#database = database;
    this.#writes = new WriteGuard(log, clock);
  }

  /** Opens the pools of a configuration, or closes all when there is none. */
  configure(config: FakeIpConfig | undefined): void {
    this.flush();
    const ranges =
      config === undefined ? [] : [config.range, config.range6].filter((each) => each !== undefined);
    this.#open = new Map(
      ranges.map((range) => [range.family, this.#openPool(range, config?.isStored === true)] as const),
    );
  }

  pool(family: 4 | 6): FakeIpPool | undefined {
    return this.#open.get(family)?.pool;
  }

  get size(): number {
    return (this.pool(4)?.size ?? 0) + (this.pool(6)?.size ?? 0);
  }

  nameOf(ip: string): string | undefined {
    return this.pool(ip.includes(':') ? 6 : 4)?.nameOf(ip);
  }

  isFake(ip: string): boolean {
    return this.pool(ip.includes(':') ? 6 : 4)?.range.isFake(ip) ?? false;
  }

  clear(): void {
    for (const { pool } of this.#open.values()) pool.clear();
  }

  /** Writes what is not on disk yet. */
  flush(): void {
    for (const { pool } of this.#open.values()) pool.flush();
  }

  #openPool(range: FakeIpRange, isStored: boolean): OpenPool {
    const old = this.#open.get(range.family);
    if (old?.isStored === isStored && old.pool.range.text === range.text) return old;
    const table = isStored
      ? new StoredFakeIpTable(this.#database, range, (error) => this.#writes.report('fake addresses', error))
      : new MemoryFakeIpTable();
    return { pool: new FakeIpPool(range, table), isStored };
  }
}
