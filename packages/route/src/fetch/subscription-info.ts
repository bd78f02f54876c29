import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SubscriptionInfo } from '../port.ts';
import type { WriteGuard } from '../store/write-guard.ts';

const MAX_HEADER_LENGTH = 1024;

/** The value of a `subscription-userinfo` header: `upload=1; download=2; total=3; expire=4`, whole numbers or not. */
export function parseSubscriptionInfo(header: string): SubscriptionInfo {
  const fields = new Map<string, number>();
  for (const part of header.slice(0, MAX_HEADER_LENGTH).toLowerCase().replaceAll(/\s/g, '').split(';')) {
    const [name = '', value = ''] = part.split('=');
    const number = value === '' ? Number.NaN : Math.trunc(Number(value));
    if (Number.isSafeInteger(number)) fields.set(name, number);
  }
  const field = (name: string) => fields.get(name) ?? 0;
  return {
    upload: field('upload'),
    download: field('download'),
    total: field('total'),
    expire: field('expire'),
  };
}

/** The last `subscription-userinfo` header of each proxy provider, over restarts. */
export class SubscriptionInfoStore {
  readonly #read: StatementSync;
  readonly #write: StatementSync;
  readonly #guard: WriteGuard;

  /** `database` is an open route database; it stays open. */
  constructor(database: DatabaseSync, guard: WriteGuard) {
    this.#guard = guard;
    this.#read = database.prepare('SELECT header FROM subscription WHERE provider = ?');
    this.#write = database.prepare('INSERT OR REPLACE INTO subscription VALUES (?, ?)');
  }

  find(provider: string): string | undefined {
    const header = this.#read.get(provider)?.['header'];
    return typeof header === 'string' ? header : undefined;
  }

  save(provider: string, header: string): void {
    if (header.length > MAX_HEADER_LENGTH) return;
    this.#guard.run('subscription usage', () => this.#write.run(provider, header));
  }
}
