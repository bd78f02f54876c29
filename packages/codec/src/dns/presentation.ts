import { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { type DnsMessage, type RecordPlace, recordEnd } from './message.ts';
import { readName } from './name.ts';
import { FIELD_FORMATS, LAYOUTS } from './presentation-fields.ts';
import { DNS_TYPE } from './types.ts';

/** A record as a zone file shows it (RFC 1035 §5.1): `name` is fully qualified, `data` without name, TTL, class and type. */
export type PresentedRecord = {
  readonly section: number;
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: string;
};

/** All records of a message but OPT. @throws ProtocolError for owner names that make no sense */
export function presentRecords(message: DnsMessage): readonly PresentedRecord[] {
  return message.records
    .filter((record) => record.type !== DNS_TYPE.OPT)
    .map((record) => ({
      section: record.section,
      name: `${readName(message.bytes, record.start, false).text}.`,
      type: record.type,
      ttl: record.ttl,
      data: presentData(message.bytes, record),
    }));
}

/** The data of a record; unknown types and data that does not fit its type in the generic form `\# length hex` (RFC 3597 §5). */
export function presentData(bytes: Uint8Array, record: RecordPlace): string {
  const layout = LAYOUTS.get(record.type);
  if (layout === undefined) return genericData(bytes, record);
  // Names may point out of the data, so the fields are read from the whole message up to the data's end.
  const reader = new ByteReader(bytes.subarray(0, recordEnd(record)), record.dataOffset);
  try {
    const fields = layout.map((field) => FIELD_FORMATS[field](reader));
    if (reader.remaining > 0) return genericData(bytes, record);
    return fields.filter((text) => text !== '').join(' ');
  } catch (error) {
    if (error instanceof ProtocolError) return genericData(bytes, record);
    throw error;
  }
}

function genericData(bytes: Uint8Array, record: RecordPlace): string {
  const hex = Buffer.from(bytes.subarray(record.dataOffset, recordEnd(record))).toString('hex');
  return hex === '' ? '\\# 0' : `\\# ${record.dataLength} ${hex}`;
}
