import type { DomainPatterns } from './domain-patterns.ts';
import { FNV_PRIME, spread } from './domain-table.ts';

/** What a stored name covers: itself, every depth below it, exactly one label below it. */
export const COVERS_SELF = 1;
export const COVERS_BELOW = 2;
export const COVERS_CHILD = 4;

/** A slot is 0 when free, else 8 bits of the hash above the number of the name plus one. */
export const NUMBER_BITS = 24;
export const NUMBER_MASK = 2 ** NUMBER_BITS - 1;

/** Where hashes start; another in every process, so that nobody can write a list of names that share one. */
export const HASH_SEED = Math.floor(Math.random() * 2 ** 32);

const DOT = 46;
const LAST_ASCII = 127;

/** Names by hash: FNV-1a over the UTF-8 bytes from the last to the first. */
export type DomainSetTable = {
  /** A power of two in size and never full. */
  readonly slots: Uint32Array<ArrayBuffer>;
  /** Name → where it ends in the text, where the next one starts. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** Name → what it covers. */
  readonly covers: Uint8Array<ArrayBuffer>;
  /** All names in UTF-8, one after the other. */
  readonly text: Uint8Array<ArrayBuffer>;
  /** Whether the pattern `*` is in the set, which covers all names of one label. */
  readonly anyLabel: boolean;
  /** Patterns with `*` in another place than the first label. */
  readonly patterns: DomainPatterns<true>;
  readonly size: number;
};

/**
 * A large set of domain patterns without values, made by `DomainSetBuilder`. One hash is rolled over the host from the right
 * and the table is asked at each label border; names are bytes in one array, because pointers to strings miss the cache.
 */
export class DomainSet {
  readonly #table: DomainSetTable;

  constructor(table: DomainSetTable) {
    this.#table = table;
  }

  /** How many patterns were added, those that were there already included. */
  get size(): number {
    return this.#table.size;
  }

  /** Bytes of the tables, without patterns that have `*` in the middle. */
  get sizeBytes(): number {
    const { slots, ends, covers, text } = this.#table;
    return slots.byteLength + ends.byteLength + covers.byteLength + text.byteLength;
  }

  /** Whether a pattern covers `host` (lower case, no trailing dot). */
  has(host: string): boolean {
    if (host === '') return false;
    const { anyLabel, patterns } = this.#table;
    if (this.#hasName(host, false)) return true;
    if (anyLabel && !host.includes('.')) return true;
    return patterns.size > 0 && patterns.find(host) === true;
  }

  /** `encoded` says that `host` is UTF-8 with one unit a byte, as names beyond ASCII have to be. */
  #hasName(host: string, encoded: boolean): boolean {
    let hash = HASH_SEED;
    for (let start = host.length - 1; start >= 0; start--) {
      const unit = host.charCodeAt(start);
      if (unit > LAST_ASCII && !encoded)
        return this.#hasName(Buffer.from(host, 'utf8').toString('latin1'), true);
      hash = Math.imul(hash ^ unit, FNV_PRIME);
      if (start !== 0 && host.charCodeAt(start - 1) !== DOT) continue;
      const covers = this.#coversOf(hash, host, start);
      if (covers === 0) continue;
      if (start === 0) return (covers & COVERS_SELF) !== 0;
      if ((covers & COVERS_BELOW) !== 0) return true;
      if ((covers & COVERS_CHILD) !== 0 && host.lastIndexOf('.', start - 2) < 0) return true;
    }
    return false;
  }

  /** What the name that is `host` from `start` on covers, 0 when it is not stored. */
  #coversOf(hash: number, host: string, start: number): number {
    const { slots, covers } = this.#table;
    const mask = slots.length - 1;
    const tag = hash >>> NUMBER_BITS;
    let slot = spread(hash) & mask;
    for (let packed = slots[slot] as number; packed !== 0; packed = slots[slot] as number) {
      if (packed >>> NUMBER_BITS === tag) {
        const name = (packed & NUMBER_MASK) - 1;
        if (this.#isName(name, host, start)) return covers[name] as number;
      }
      slot = (slot + 1) & mask;
    }
    return 0;
  }

  #isName(name: number, host: string, start: number): boolean {
    const { ends, text } = this.#table;
    const end = ends[name] as number;
    const textStart = name === 0 ? 0 : (ends[name - 1] as number);
    if (end - textStart !== host.length - start) return false;
    for (let at = textStart, index = start; at < end; at++, index++) {
      if (text[at] !== host.charCodeAt(index)) return false;
    }
    return true;
  }
}
