import { ProtocolError } from '@sluice/base/errors';
import type { IpAddress } from '@sluice/base/ip';
import { MmdbDecoder, type MmdbValue } from './decoder.ts';
import { type MmdbMetadata, parseMmdbMetadata } from './metadata.ts';

/** What `find` answers for addresses of which the file knows nothing. */
export const NO_RECORD = -1;

const SEPARATOR_BYTES = 16;

/**
 * A MaxMind DB file in memory (MaxMind DB file format 2.0): a binary tree over the bits of an address, whose leaves point into a
 * data section. Nothing in a file makes it read without end: a search takes one step a bit, a value has a limit of parts.
 */
export class MmdbReader {
  readonly metadata: MmdbMetadata;
  readonly #bytes: Buffer;
  readonly #nodeBytes: number;
  readonly #dataStart: number;
  readonly #decoder: MmdbDecoder;
  /** Where the tree of IPv4 addresses, which have 96 zero bits in front of them, starts in a tree of IPv6 addresses. */
  readonly #v4Start: number;

  /** @throws ProtocolError `mmdb-metadata`, `mmdb-tree` (longer than the file) */
  constructor(bytes: Uint8Array) {
    this.metadata = parseMmdbMetadata(bytes);
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#nodeBytes = this.metadata.recordSize / 4;
    this.#dataStart = this.metadata.nodeCount * this.#nodeBytes + SEPARATOR_BYTES;
    if (this.#dataStart > bytes.byteLength) throw new ProtocolError('mmdb-tree', bytes.byteLength);
    this.#decoder = new MmdbDecoder(this.#bytes, this.#dataStart, bytes.byteLength);
    this.#v4Start = this.metadata.ipVersion === 6 ? this.#descend(0, 0, 96) : 0;
  }

  /**
   * The offset of an address's record in the data section, or NO_RECORD; many addresses share one. Also IPv6 addresses of
   * the mapped form `::ffff:a.b.c.d` count as IPv4.
   */
  find(address: IpAddress): number {
    const { nodeCount, ipVersion } = this.metadata;
    let record: number;
    if (address.family === 4) record = this.#descend(this.#v4Start, address.value, 32);
    else {
      const [first, second, third, fourth] = address.words;
      if (first === 0 && second === 0 && third === 0xffff) return this.find({ family: 4, value: fourth });
      if (ipVersion === 4) return NO_RECORD;
      record = 0;
      for (const word of address.words) record = this.#descend(record, word, 32);
    }
    return record > nodeCount ? record - nodeCount - SEPARATOR_BYTES : NO_RECORD;
  }

  /** The record at an offset that `find` gave. @throws ProtocolError `mmdb-data` */
  decode(offset: number): MmdbValue {
    if (offset < 0) throw new ProtocolError('mmdb-data', this.#dataStart);
    return this.#decoder.decode(offset);
  }

  /** Follows the highest `bits` bits of `word` (all zero when there are more than 32) until the tree ends. */
  #descend(from: number, word: number, bits: number): number {
    const { nodeCount, recordSize } = this.metadata;
    const bytes = this.#bytes;
    const nodeBytes = this.#nodeBytes;
    let node = from;
    for (let bit = 0; bit < bits && node < nodeCount; bit++) {
      const side = bits > 32 ? 0 : (word >>> (31 - bit)) & 1;
      const at = node * nodeBytes;
      if (recordSize === 24) node = uint24(bytes, at + side * 3);
      else if (recordSize === 28) {
        // Both records' highest four bits are in the byte between the two.
        const high = side === 0 ? (bytes[at + 3] as number) >>> 4 : (bytes[at + 3] as number) & 15;
        node = (high << 24) | uint24(bytes, at + side * 4);
      } else node = (bytes[at + side * 4] as number) * 0x100_0000 + uint24(bytes, at + side * 4 + 1);
    }
    return node;
  }
}

function uint24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}
