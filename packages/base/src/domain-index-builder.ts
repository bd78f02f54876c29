import { DomainIndex } from './domain-index.ts';
import {
  type DomainText,
  EMPTY,
  EXACT,
  FNV_PRIME,
  HASH,
  isName,
  KEY_STRIDE,
  NO_RULE,
  SUFFIX,
  spread,
  TEXT_END,
} from './domain-table.ts';

const TYPICAL_NAME_LENGTH = 16;

/** Takes domain keys one by one and keeps nothing but numbers, so that long lists leave no garbage behind. */
export class DomainIndexBuilder {
  readonly #slots: Int32Array;
  readonly #keys: Int32Array;
  readonly #entryRules: Int32Array;
  readonly #entryKeys: Int32Array;
  readonly #more = new Map<number, number[]>();
  #text: DomainText;
  #textEnd = 0;
  #keyCount = 0;
  #entryCount = 0;

  /** `capacity` is the largest number of entries that will be added. */
  constructor(capacity: number) {
    this.#slots = new Int32Array(slotCount(capacity)).fill(EMPTY);
    this.#keys = new Int32Array(capacity * KEY_STRIDE);
    this.#entryRules = new Int32Array(capacity);
    this.#entryKeys = new Int32Array(capacity);
    this.#text = new Uint8Array((capacity + 1) * TYPICAL_NAME_LENGTH);
  }

  get size(): number {
    return this.#entryCount;
  }

  /**
   * Adds a name (lower case, without leading or trailing dot): the part of `text` from `start` to `end`. Rules must come in
   * rising order.
   */
  add(text: string, isSuffix: boolean, rule: number, start = 0, end = text.length): void {
    const hash = this.#layDown(text, start, end);
    const slot = this.#slotOf(hash, text, start, end);
    let key = this.#slots[slot] as number;
    if (key === EMPTY) {
      key = this.#newKey(hash, end - start);
      this.#slots[slot] = key;
    }
    this.#entryRules[this.#entryCount] = rule;
    this.#entryKeys[this.#entryCount++] = key;
    this.#addRule(key * KEY_STRIDE + (isSuffix ? SUFFIX : EXACT), rule);
  }

  build(): DomainIndex {
    return new DomainIndex({
      slots: this.#slots,
      keys: this.#keys.slice(0, this.#keyCount * KEY_STRIDE),
      text: this.#text.slice(0, this.#textEnd),
      more: this.#more,
      entryRules: this.#entryRules.slice(0, this.#entryCount),
      entryKeys: this.#entryKeys.slice(0, this.#entryCount),
    });
  }

  /** Writes the name behind the others, where it stays if it turns out to be new, and returns its hash. */
  #layDown(name: string, start: number, end: number): number {
    const place = this.#textEnd - start;
    this.#reserve(place + end);
    const text = this.#text;
    let hash = 0;
    let widest = 0;
    for (let index = end - 1; index >= start; index--) {
      const unit = name.charCodeAt(index);
      hash = Math.imul(hash ^ unit, FNV_PRIME);
      text[place + index] = unit;
      widest |= unit;
    }
    if (widest > 0xff && text.BYTES_PER_ELEMENT === 1) {
      this.#text = Uint16Array.from(text);
      return this.#layDown(name, start, end);
    }
    return hash;
  }

  #reserve(length: number): void {
    if (length <= this.#text.length) return;
    const larger = new (this.#text.BYTES_PER_ELEMENT === 1 ? Uint8Array : Uint16Array)(
      Math.max(length, this.#text.length * 2),
    );
    larger.set(this.#text);
    this.#text = larger;
  }

  /** The slot that holds the name, or the free one where it belongs. */
  #slotOf(hash: number, name: string, start: number, end: number): number {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    let slot = spread(hash) & mask;
    for (let key = slots[slot] as number; key !== EMPTY; key = slots[slot] as number) {
      if (keys[key * KEY_STRIDE + HASH] === hash && isName(keys, this.#text, key, name, start, end)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #newKey(hash: number, nameLength: number): number {
    const key = this.#keyCount++;
    this.#textEnd += nameLength;
    const at = key * KEY_STRIDE;
    this.#keys[at + HASH] = hash;
    this.#keys[at + TEXT_END] = this.#textEnd;
    this.#keys[at + EXACT] = NO_RULE;
    this.#keys[at + SUFFIX] = NO_RULE;
    return key;
  }

  #addRule(field: number, rule: number): void {
    if (this.#keys[field] === NO_RULE) {
      this.#keys[field] = rule;
      return;
    }
    const more = this.#more.get(field);
    if (more === undefined) this.#more.set(field, [rule]);
    else more.push(rule);
  }
}

function slotCount(entries: number): number {
  let count = 16;
  while (count < entries * 2) count *= 2;
  return count;
}
