import { ByteWriter } from '@sluice/base/bytes';
import { encodeBodyVersion, encodeMrsHeader } from './header.ts';

const LOW_BIT = 1n;

/** A decompressed MRS file with the domain patterns (`a.b`, `*` labels, `.a.b`, `+.a.b`; lower case), at least one. */
export function encodeMrsDomains(patterns: readonly string[]): Buffer {
  const writer = new ByteWriter(1024);
  encodeMrsHeader(writer, { behavior: 'domain', count: patterns.length });
  encodeBodyVersion(writer);
  const { leaves, childBits, labels } = trieOf(sortedKeys(patterns));
  for (const bits of [leaves, childBits]) {
    writer.u64(BigInt(bits.words.length));
    for (const word of bits.words) writer.u64(word);
  }
  writer.u64(BigInt(labels.length)).bytes(Uint8Array.from(labels));
  return writer.finish();
}

/** The reversed patterns in byte order; `+.a` is stored as the name and as everything below it. */
function sortedKeys(patterns: readonly string[]): Buffer[] {
  const keys = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.startsWith('+.')) keys.add(pattern.slice(2));
    keys.add(pattern.startsWith('.') ? `+${pattern}` : pattern);
  }
  return [...keys].map((key) => Buffer.from([...key].reverse().join(''), 'utf8')).sort(Buffer.compare);
}

type Trie = { readonly leaves: Bits; readonly childBits: Bits; readonly labels: readonly number[] };

/** Level order: a node is the run of keys that share its path. */
function trieOf(keys: readonly Buffer[]): Trie {
  const leaves = new Bits();
  const childBits = new Bits();
  const labels: number[] = [];
  const queue = [{ start: 0, end: keys.length, depth: 0 }];
  let bit = 0;
  for (const [node, { start, end, depth }] of queue.entries()) {
    let from = start;
    if (keys[from]?.length === depth) {
      leaves.set(node);
      from++;
    }
    while (from < end) {
      const label = keys[from]?.[depth] ?? 0;
      let to = from;
      while (to < end && keys[to]?.[depth] === label) to++;
      queue.push({ start: from, end: to, depth: depth + 1 });
      labels.push(label);
      bit++;
      from = to;
    }
    childBits.set(bit++);
  }
  return { leaves, childBits, labels };
}

/** A row of bits in 64-bit words, bit 0 lowest, as long as its last 1 needs. */
class Bits {
  readonly words: bigint[] = [];

  set(index: number): void {
    const word = index >>> 6;
    while (this.words.length <= word) this.words.push(0n);
    this.words[word] = (this.words[word] ?? 0n) | (LOW_BIT << BigInt(index & 63));
  }
}
