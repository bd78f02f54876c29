import type { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { parseBodyVersion, readLength } from './header.ts';

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
  return new MrsDomains(leaves, labels, parentsOf(childBits, labels.length, at), at);
}

/** Bit `index` of big-endian 64-bit words. */
function bitAt(words: Uint8Array, index: number): number {
  return ((words[(index >>> 3) ^ 7] as number) >>> (index & 7)) & 1;
}

/** Node → its parent; a parent always has the smaller number, so there are no loops. */
function parentsOf(childBits: Uint8Array, labelCount: number, at: number): Uint32Array {
  const parents = new Uint32Array(labelCount + 1);
  let node = 0;
  let last = 0;
  for (let index = 0; index < childBits.length; index++) {
    // Words are big-endian, their lowest bit comes first.
    let byte = childBits[index ^ 7] as number;
    for (let bit = 0; bit < 8; bit++, byte >>>= 1) {
      if ((byte & 1) === 0) {
        if (last === labelCount) throw new ProtocolError('mrs-trie', at);
        parents[++last] = node;
      } else if (++node > labelCount) return parents;
      else if (node > last) throw new ProtocolError('mrs-trie', at);
    }
  }
  throw new ProtocolError('mrs-trie', at);
}

/**
 * Steps through the patterns of a trie, each the UTF-8 bytes from `start` to `end` until the next step. It walks from a leaf up
 * to the root, which gives the pattern the right way round, since the trie holds it reversed.
 */
export class MrsDomains {
  readonly bytes = new Uint8Array(MAX_KEY_BYTES);
  start = 0;
  end = 0;
  readonly #leaves: Uint8Array;
  readonly #labels: Uint8Array;
  readonly #parents: Uint32Array;
  readonly #at: number;
  readonly #nodes: number;
  #node = 0;
  #textBytes = 0;

  constructor(leaves: Uint8Array, labels: Uint8Array, parents: Uint32Array, at: number) {
    this.#leaves = leaves;
    this.#labels = labels;
    this.#parents = parents;
    this.#at = at;
    this.#nodes = Math.min(parents.length, leaves.length * 8);
  }

  /** False behind the last pattern. @throws ProtocolError `mrs-too-large` */
  next(): boolean {
    const leaves = this.#leaves;
    const nodes = this.#nodes;
    let node = this.#node + 1;
    while (node < nodes && bitAt(leaves, node) === 0) {
      // Most nodes only lie on the way to a leaf.
      node += (node & 7) === 0 && leaves[(node >>> 3) ^ 7] === 0 ? 8 : 1;
    }
    this.#node = Math.min(node, nodes);
    if (node >= nodes) return false;
    this.#climb(node);
    return true;
  }

  #climb(leaf: number): void {
    const { bytes } = this;
    const labels = this.#labels;
    const parents = this.#parents;
    let end = 0;
    let widest = 0;
    for (let node = leaf; node !== 0; node = parents[node] as number) {
      const label = labels[node - 1] as number;
      if (end === MAX_KEY_BYTES) throw new ProtocolError('mrs-too-large', this.#at);
      bytes[end++] = label;
      widest |= label;
    }
    this.#textBytes += end;
    if (this.#textBytes > MAX_TEXT_BYTES) throw new ProtocolError('mrs-too-large', this.#at);
    if (widest > LAST_ASCII) restoreCharacters(bytes.subarray(0, end));
    this.start = bytes[0] === PLUS && bytes[1] === DOT ? 1 : 0;
    this.end = end;
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
