import { formatIp } from '@sluice/base/ip';
import { u32At } from './header.ts';
import { type DnsMessage, isAddressRecord, type RecordPlace, SECTION } from './message.ts';
import { readName } from './name.ts';
import { DNS_TYPE } from './types.ts';

/** One address of an answer. */
export type AnswerAddress = { readonly ip: string; readonly ttl: number };

/** The addresses of the A and AAAA records in the answer section, in message order. */
export function answerAddresses(message: DnsMessage): readonly AnswerAddress[] {
  const addresses: AnswerAddress[] = [];
  for (const record of message.records) {
    if (record.section !== SECTION.ANSWER) break;
    if (isAddressRecord(record)) addresses.push({ ip: addressOf(message.bytes, record), ttl: record.ttl });
  }
  return addresses;
}

/** Whether the answer section has an A or AAAA record. */
export function hasAddress(message: DnsMessage): boolean {
  return message.records.some((record) => record.section === SECTION.ANSWER && isAddressRecord(record));
}

/** The address of a record for which `isAddressRecord` holds. */
export function addressOf(bytes: Uint8Array, record: RecordPlace): string {
  const at = record.dataOffset;
  if (record.type === DNS_TYPE.A) return formatIp({ family: 4, value: u32At(bytes, at) });
  return formatIp({
    family: 6,
    words: [u32At(bytes, at), u32At(bytes, at + 4), u32At(bytes, at + 8), u32At(bytes, at + 12)],
  });
}

/** The owner name of a record, lower case, without a trailing dot. @throws ProtocolError as `readName` */
export function ownerName(bytes: Uint8Array, record: RecordPlace): string {
  return readName(bytes, record.start, true).text;
}
