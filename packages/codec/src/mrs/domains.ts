import type { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { parseBodyVersion, readLength } from './header.ts';

/** Patterns in UTF-8, one after the other: number `i` ends before byte `ends[i]`, where the next one starts. */
export type MrsDomains = { readonly text: Uint8Array; readonly ends: Uint32Array };

/** One bit per node, and one per child: of the file's words only the bits that can mean something are looked at. */
const MAX_NODES = 16 * 2 ** 20;
const MAX_KEY_BYTES = 1024;
const MAX_TEXT_BYTES = 64 * 2 ** 20;
const WORD_BYTES = 8;

const DOT = 46;
const PLUS = 43;
const LAST_ASCII = 127;

/**
 * Reads the body of a `domain` file: a trie over the reversed patterns in level order.
 *
 *     version (1) | words (8), leaves | words (8), child bits | bytes (8), labels
 *
 * Node 0 is the root; bit n of the leaves says that a pattern ends in node n. The child bits hold a 0 for each child of each
 * node and then a 1; label k belongs to the k-th 0, which leads to node k + 1. A pattern of the result is `a.b`, has `*`
 * labels, or starts with a dot when it covers all sub-domains but not the name itself; `+.a.b` comes as two patterns.
 *
 * @throws ProtocolError `mrs-version`, `mrs-length`, `mrs-trie`, `mrs-too-large`, `truncated`
 */
export function parseMrsDomains(reader: ByteReader): MrsDomains {
  parseBodyVersion(reader);
  const leaves = reader.view(readLength(reader, 1, WORD_BYTES) * WORD_BYTES);
  const childBits = reader.view(readLength(reader, 1, WORD_BYTES) * WORD_BYTES);
  const at = reader.offset;
  const labels = reader.view(readLength(reader, 1));
  if (labels.length >= MAX_NODES) throw new ProtocolError('mrs-too-large', at);
  const parents = parentsOf(childBits, labels.length, at);
  return new KeyCollector(leaves, labels, parents, at).collect();
}

/** Bit `index` of big-endian 64-bit words. */
function bitAt(words: Uint8Array, index: number): number {
  const byte = words[(index >>> 6) * WORD_BYTES + 7 - ((index & 63) >>> 3)] ?? 0;
  return (byte >>> (index & 7)) & 1;
}

/** Node → its parent; a parent always has the smaller number, so there are no loops. */
function parentsOf(childBits: Uint8Array, labelCount: number, at: number): Uint32Array {
  const parents = new Uint32Array(labelCount + 1);
  const bitCount = childBits.length * 8;
  let node = 0;
  let last = 0;
  for (let index = 0; index < bitCount; index++) {
    if (bitAt(childBits, index) === 0) {
      if (last === labelCount) throw new ProtocolError('mrs-trie', at);
      parents[++last] = node;
    } else {
      node++;
      if (node > labelCount) return parents;
      if (node > last) throw new ProtocolError('mrs-trie', at);
    }
  }
  throw new ProtocolError('mrs-trie', at);
}

/** Walks from each leaf up to the root, which gives the pattern the right way round, since the trie holds it reversed. */
class KeyCollector {
  readonly #leaves: Uint8Array;
  readonly #labels: Uint8Array;
  readonly #parents: Uint32Array;
  readonly #at: number;
  #text = new Uint8Array(4096);
  #length = 0;
  #ends = new Uint32Array(256);
  #count = 0;

  constructor(leaves: Uint8Array, labels: Uint8Array, parents: Uint32Array, at: number) {
    this.#leaves = leaves;
    this.#labels = labels;
    this.#parents = parents;
    this.#at = at;
  }

  collect(): MrsDomains {
    const nodes = Math.min(this.#parents.length, this.#leaves.length * 8);
    for (let node = 1; node < nodes; node++) {
      if (bitAt(this.#leaves, node) === 1) this.#collectKey(node);
    }
    return { text: this.#text.subarray(0, this.#length), ends: this.#ends.subarray(0, this.#count) };
  }

  #collectKey(leaf: number): void {
    const start = this.#length;
    if (start + MAX_KEY_BYTES > this.#text.length) this.#text = longer(this.#text, new Uint8Array(start * 2));
    const text = this.#text;
    let end = start;
    let widest = 0;
    for (let node = leaf; node !== 0; node = this.#parents[node] as number) {
      const label = this.#labels[node - 1] as number;
      if (end - start === MAX_KEY_BYTES) throw new ProtocolError('mrs-too-large', this.#at);
      text[end++] = label;
      widest |= label;
    }
    if (widest > LAST_ASCII) restoreCharacters(text.subarray(start, end));
    if (text[start] === PLUS && text[start + 1] === DOT) {
      text.copyWithin(start, start + 1, end);
      end--;
    }
    if (end > MAX_TEXT_BYTES) throw new ProtocolError('mrs-too-large', this.#at);
    if (this.#count === this.#ends.length) this.#ends = longer(this.#ends, new Uint32Array(this.#count * 2));
    this.#ends[this.#count++] = end;
    this.#length = end;
  }
}

/** Patterns were reversed by characters, so each character's bytes now stand the wrong way round. */
function restoreCharacters(bytes: Uint8Array): void {
  let start = 0;
  for (const [index, byte] of bytes.entries()) {
    // A byte 10xxxxxx continues a character; its first byte, which now comes last, is any other.
    if ((byte & 0xc0) === 0x80) continue;
    bytes.subarray(start, index + 1).reverse();
    start = index + 1;
  }
}

function longer<A extends Uint8Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
