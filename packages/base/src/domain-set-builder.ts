import { DomainPatterns } from './domain-patterns.ts';
import {
  COVERS_BELOW,
  COVERS_CHILD,
  COVERS_SELF,
  DomainSet,
  HASH_SEED,
  NUMBER_BITS,
  NUMBER_MASK,
} from './domain-set.ts';
import { FNV_PRIME, spread } from './domain-table.ts';

const DOT = 46;
const PLUS = 43;
const STAR = 42;
const SLASH = 47;
const SPACE = 32;
const DELETE = 127;
const UPPER_A = 65;
const UPPER_Z = 90;

const MAX_NAMES = 4_000_000;
/** Patterns with `*` in the middle take some hundred bytes each. */
const MAX_PATTERNS = 50_000;
const MAX_NAME_BYTES = 1024;

/** Byte → its lower case, or NOT_IN_NAMES; those beyond ASCII stay. */
const NOT_IN_NAMES = 0;
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte <= SPACE || byte === SLASH || byte === DELETE) return NOT_IN_NAMES;
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | SPACE : byte;
});

/** What became of a name: taken as it is, no name at all, or to be handled as text. */
const TAKEN = 0;
const INVALID = 1;
const BEYOND_ASCII = 2;
const HAS_STAR = 3;

/** Takes domain patterns one by one, straight from the bytes of a file, and keeps nothing but numbers. */
export class DomainSetBuilder {
  #slots = new Uint32Array(1024);
  #hashes = new Uint32Array(512);
  #ends = new Uint32Array(512);
  #covers = new Uint8Array(512);
  #text = new Uint8Array(8192);
  #names = 0;
  #size = 0;
  #anyLabel = false;
  readonly #patterns = new DomainPatterns<true>();

  get size(): number {
    return this.#size;
  }

  /** Adds the UTF-8 pattern from `start` to `end`; false when it is none, or when there are too many. */
  add(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (end <= start) return false;
    const first = bytes[start];
    const second = start + 1 < end ? bytes[start + 1] : undefined;
    if (first === STAR && second === undefined) {
      this.#anyLabel = true;
      this.#size++;
      return true;
    }
    let covers = COVERS_SELF;
    let nameStart = start;
    if (first === DOT) {
      covers = COVERS_BELOW;
      nameStart = start + 1;
    } else if (first === PLUS && (second === DOT || second === undefined)) {
      covers = COVERS_SELF | COVERS_BELOW;
      nameStart = start + 2;
    } else if (first === STAR && second === DOT) {
      covers = COVERS_CHILD;
      nameStart = start + 2;
    }
    const outcome = this.#addName(bytes, nameStart, end, covers);
    if (outcome === TAKEN || outcome === INVALID) return outcome === TAKEN;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
    if (outcome === HAS_STAR) return this.#addPattern(text);
    const name = Buffer.from(text.slice(nameStart - start).toLowerCase(), 'utf8');
    const wideOutcome = this.#addName(name, 0, name.length, covers, true);
    return wideOutcome === HAS_STAR ? this.#addPattern(text) : wideOutcome === TAKEN;
  }

  /** Adds a name (ASCII in any case) that covers itself and, with `below`, all sub-domains. */
  addName(bytes: Uint8Array, start: number, end: number, below: boolean): boolean {
    const covers = below ? COVERS_SELF | COVERS_BELOW : COVERS_SELF;
    return this.#addName(bytes, start, end, covers) === TAKEN;
  }

  build(): DomainSet {
    return new DomainSet({
      slots: this.#slots,
      ends: this.#ends.slice(0, this.#names),
      covers: this.#covers.slice(0, this.#names),
      text: this.#text.slice(0, this.#textEnd),
      anyLabel: this.#anyLabel,
      patterns: this.#patterns,
      size: this.#size,
    });
  }

  get #textEnd(): number {
    return this.#names === 0 ? 0 : (this.#ends[this.#names - 1] as number);
  }

  #addPattern(text: string): boolean {
    if (this.#patterns.size >= MAX_PATTERNS || !this.#patterns.add(text, true)) return false;
    this.#size++;
    return true;
  }

  /** Writes the name behind the others, in lower case, where it stays if it turns out to be new. */
  #addName(bytes: Uint8Array, start: number, end: number, covers: number, wide = false): number {
    const length = end - start;
    if (length <= 0 || length > MAX_NAME_BYTES || this.#names >= MAX_NAMES) return INVALID;
    const place = this.#textEnd;
    this.#reserveText(place + length);
    const text = this.#text;
    const shift = place - start;
    let hash = HASH_SEED;
    let lastDot = end;
    for (let index = end - 1; index >= start; index--) {
      const byte = bytes[index] as number;
      const unit = LOWER[byte] as number;
      if (unit <= DOT) {
        if (unit === DOT) {
          if (index + 1 === lastDot || index === start) return INVALID;
          lastDot = index;
        } else if (unit === STAR && isLabel(bytes, index, start, end)) return HAS_STAR;
        else if (unit === NOT_IN_NAMES) return INVALID;
      } else if (unit > DELETE && !wide) return BEYOND_ASCII;
      hash = Math.imul(hash ^ unit, FNV_PRIME);
      text[shift + index] = unit;
    }
    this.#store(hash, place, length, covers);
    this.#size++;
    return TAKEN;
  }

  #store(hash: number, place: number, length: number, covers: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const tag = hash >>> NUMBER_BITS;
    let slot = spread(hash) & mask;
    for (let packed = slots[slot] as number; packed !== 0; packed = slots[slot] as number) {
      const name = (packed & NUMBER_MASK) - 1;
      if (packed >>> NUMBER_BITS === tag && this.#isName(name, place, length)) {
        this.#covers[name] = (this.#covers[name] as number) | covers;
        return;
      }
      slot = (slot + 1) & mask;
    }
    const name = this.#names;
    if (name === this.#hashes.length) this.#growNames();
    slots[slot] = ((tag << NUMBER_BITS) | (name + 1)) >>> 0;
    this.#hashes[name] = hash;
    this.#ends[name] = place + length;
    this.#covers[name] = covers;
    this.#names++;
    if (this.#names * 3 > slots.length * 2) this.#growSlots();
  }

  #isName(name: number, place: number, length: number): boolean {
    const text = this.#text;
    const end = this.#ends[name] as number;
    const start = name === 0 ? 0 : (this.#ends[name - 1] as number);
    if (end - start !== length) return false;
    for (let index = 0; index < length; index++) {
      if (text[start + index] !== text[place + index]) return false;
    }
    return true;
  }

  #growNames(): void {
    this.#hashes = longer(this.#hashes, new Uint32Array(this.#names * 2));
    this.#ends = longer(this.#ends, new Uint32Array(this.#names * 2));
    this.#covers = longer(this.#covers, new Uint8Array(this.#names * 2));
  }

  #growSlots(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let name = 0; name < this.#names; name++) {
      const hash = this.#hashes[name] as number;
      let slot = spread(hash | 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = (((hash >>> NUMBER_BITS) << NUMBER_BITS) | (name + 1)) >>> 0;
    }
    this.#slots = slots;
  }

  #reserveText(length: number): void {
    if (length <= this.#text.length) return;
    this.#text = longer(this.#text, new Uint8Array(Math.max(length, this.#text.length * 2)));
  }
}

/** Whether the byte at `index` is a label of its own. */
function isLabel(bytes: Uint8Array, index: number, start: number, end: number): boolean {
  return (index === start || bytes[index - 1] === DOT) && (index + 1 === end || bytes[index + 1] === DOT);
}

function longer<A extends Uint8Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
