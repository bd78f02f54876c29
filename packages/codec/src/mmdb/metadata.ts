import { ProtocolError } from '@sluice/base/errors';
import { MmdbDecoder, type MmdbMap, type MmdbValue } from './decoder.ts';

/** What the file says of itself; record sizes are in bits. */
export type MmdbMetadata = {
  readonly nodeCount: number;
  readonly recordSize: 24 | 28 | 32;
  readonly ipVersion: 4 | 6;
  readonly databaseType: string;
  /** Seconds since the Unix epoch. */
  readonly buildEpoch: number;
};

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** The metadata stands in the last 128 KiB. */
const MAX_METADATA_BYTES = 128 * 1024;

/** Reads the map behind the last marker. @throws ProtocolError `mmdb-metadata` */
export function parseMmdbMetadata(bytes: Uint8Array): MmdbMetadata {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const marker = file.lastIndexOf(MARKER);
  if (marker < 0 || marker < file.length - MAX_METADATA_BYTES - MARKER.length)
    throw new ProtocolError('mmdb-metadata', file.length);
  const at = marker + MARKER.length;
  const map = new MmdbDecoder(file, at, file.length).decode(0);
  if (!isMap(map)) throw new ProtocolError('mmdb-metadata', at);
  const recordSize = map.get('record_size');
  const ipVersion = map.get('ip_version');
  const nodeCount = map.get('node_count');
  const databaseType = map.get('database_type');
  if (
    (recordSize !== 24 && recordSize !== 28 && recordSize !== 32) ||
    (ipVersion !== 4 && ipVersion !== 6) ||
    typeof nodeCount !== 'number' ||
    !(Number.isSafeInteger(nodeCount) && nodeCount >= 0) ||
    typeof databaseType !== 'string'
  ) {
    throw new ProtocolError('mmdb-metadata', at);
  }
  return { nodeCount, recordSize, ipVersion, databaseType, buildEpoch: Number(map.get('build_epoch') ?? 0) };
}

/** Whether a value is a map. */
export function isMap(value: MmdbValue | undefined): value is MmdbMap {
  return value instanceof Map;
}
