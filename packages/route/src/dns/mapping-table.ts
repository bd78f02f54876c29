import { LruMap } from './lru-map.ts';

const CAPACITY = 4_096;

/**
 * The names behind the addresses that clients were told. Entries outlive the TTL of their records, because clients go on
 * using addresses past it; an address that is told for another name changes hands.
 */
export class MappingTable {
  readonly #names = new LruMap<string, string>(CAPACITY);

  remember(ip: string, name: string): void {
    this.#names.set(ip, name);
  }

  nameOf(ip: string): string | undefined {
    return this.#names.get(ip);
  }
}
