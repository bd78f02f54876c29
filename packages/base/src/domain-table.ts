/** The answer of an index lookup when nothing matches. */
export const NO_RULE = -1;

/** An empty slot of a table. */
export const EMPTY = -1;

export const FNV_PRIME = 0x01000193;

/** A key is four numbers: hash of the name, end of the name in the text, smallest rule as exact name and as suffix. */
export const KEY_STRIDE = 4;
export const HASH = 0;
export const TEXT_END = 1;
export const EXACT = 2;
export const SUFFIX = 3;

/** All names one after the other; a typed array, because following pointers to strings misses the cache each time. */
export type DomainText = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/**
 * Domain names by hash: FNV-1a over the UTF-16 units from the last to the first, so that a longer suffix extends a shorter
 * one's hash.
 */
export type DomainTable = {
  /** Slot → key number, or EMPTY; a power of two in size, at most half full. */
  readonly slots: Int32Array;
  readonly keys: Int32Array;
  readonly text: DomainText;
  /** The further rules of keys that are there more than once: key × KEY_STRIDE + EXACT or SUFFIX → rising rule numbers. */
  readonly more: ReadonlyMap<number, readonly number[]>;
  /** Entry → its rule, rising, and its key. */
  readonly entryRules: Int32Array;
  readonly entryKeys: Int32Array;
};

/** Brings the well-mixed high bits of a hash down, since the slot is taken from the low ones. */
export function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

/** Where the name of `key` starts in the text. */
export function textStartOf(keys: Int32Array, key: number): number {
  return key === 0 ? 0 : (keys[(key - 1) * KEY_STRIDE + TEXT_END] as number);
}

/** Whether the name of `key` is the part of `host` from `start` to `end`. */
export function isName(
  keys: Int32Array,
  text: DomainText,
  key: number,
  host: string,
  start: number,
  end = host.length,
): boolean {
  const textStart = textStartOf(keys, key);
  const length = (keys[key * KEY_STRIDE + TEXT_END] as number) - textStart;
  if (length !== end - start) return false;
  for (let index = 0; index < length; index++) {
    if (text[textStart + index] !== host.charCodeAt(start + index)) return false;
  }
  return true;
}
