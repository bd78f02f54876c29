import { isAddressRecord, type RecordPlace } from '@sluice/codec/dns/message';
import { addressOf } from '@sluice/codec/dns/records';
export function recordText(bytes: Uint8Array, record: RecordPlace): string {
  return isAddressRecord(record) ? addressOf(bytes, record) : `type ${record.type}`;
}
