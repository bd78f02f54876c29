import { ProtocolError } from '@sluice/base/errors';
import type { DataPart } from './builder.ts';
import { type RecordPlace, recordEnd } from './message.ts';
import { readName, readWireName } from './name.ts';

/** `name`: a domain name that senders may compress; a number: that many bytes; `text`: a length byte and that many bytes. */
type Part = 'name' | 'text' | number;

/** The record data that contains names, up to the last name (RFC 1035 §3.3, RFC 3597 §4); what follows is opaque. */
const LAYOUTS: ReadonlyMap<number, readonly Part[]> = new Map<number, readonly Part[]>([
  [2, ['name']], // NS
  [3, ['name']], // MD
  [4, ['name']], // MF
  [5, ['name']], // CNAME
  [6, ['name', 'name']], // SOA
  [7, ['name']], // MB
  [8, ['name']], // MG
  [9, ['name']], // MR
  [12, ['name']], // PTR
  [14, ['name', 'name']], // MINFO
  [15, [2, 'name']], // MX
  [17, ['name', 'name']], // RP
  [18, [2, 'name']], // AFSDB
  [21, [2, 'name']], // RT
  [24, [18, 'name']], // SIG
  [26, [2, 'name', 'name']], // PX
  [30, ['name']], // NXT
  [33, [6, 'name']], // SRV
  [35, [4, 'text', 'text', 'text', 'name']], // NAPTR
  [36, [2, 'name']], // KX
  [39, ['name']], // DNAME
]);

/** The types of RFC 1035, whose names every receiver can decompress (RFC 3597 §4). */
const LAST_COMPRESSED_TYPE = 15;

/** The data of a record with its names decompressed, so that it can be written into another message. @throws ProtocolError */
export function recordData(bytes: Uint8Array, record: RecordPlace): readonly DataPart[] {
  const layout = LAYOUTS.get(record.type);
  const end = recordEnd(record);
  const parts: DataPart[] = [];
  let at = record.dataOffset;
  for (const part of layout ?? []) {
    if (part === 'name') {
      const next = readName(bytes, at, false).end;
      parts.push({ bytes: readWireName(bytes, at), isName: record.type <= LAST_COMPRESSED_TYPE });
      at = next;
    } else {
      const count = part === 'text' ? 1 + (bytes[at] ?? 0) : part;
      parts.push({ bytes: bytes.subarray(at, at + count), isName: false });
      at += count;
    }
    if (at > end) throw new ProtocolError('truncated', at);
  }
  if (at < end) parts.push({ bytes: bytes.subarray(at, end), isName: false });
  return parts;
}
