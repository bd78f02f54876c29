import { MessageBuilder } from './builder.ts';
import { copyRecords } from './encode.ts';
import { DNS_FLAG, HEADER_BYTES, setU16, u16At } from './header.ts';
import { type DnsMessage, questionsEnd, recordEnd, SECTION, scanMessage } from './message.ts';
import { DNS_TYPE } from './types.ts';

/** The message without OPT records; itself when it has none. @throws ProtocolError when a record is malformed */
export function withoutOpt(message: DnsMessage): DnsMessage {
  const index = message.records.findIndex((record) => record.type === DNS_TYPE.OPT);
  const opt = message.records[index];
  if (opt === undefined) return message;
  if (opt.section !== SECTION.ADDITIONAL || index !== message.records.length - 1) return rebuilt(message);
  const bytes = Buffer.from(message.bytes.subarray(0, opt.start));
  setU16(bytes, 10, u16At(bytes, 10) - 1);
  return { ...message, bytes, edns: undefined, records: message.records.slice(0, index) };
}

/** Records behind the OPT may point into each other, so that cutting it out would break their names. */
function rebuilt(message: DnsMessage): DnsMessage {
  const builder = new MessageBuilder(message.id, message.flags);
  const question = message.question;
  if (question !== undefined) builder.question(question.wireName, question.type, question.class);
  copyRecords(builder, message);
  return scanMessage(builder.finish());
}

/**
 * The message in at most `limitBytes` (512 or more): itself when it is short enough, else with TC set and whole records cut off
 * the end, an OPT record kept.
 * @throws ProtocolError when it is malformed
 */
export function truncateTo(bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (bytes.length <= limitBytes) return bytes;
  const message = scanMessage(bytes);
  const opt = message.records.find((record) => record.type === DNS_TYPE.OPT);
  const optBytes = opt === undefined ? new Uint8Array(0) : bytes.subarray(opt.start, recordEnd(opt));
  const counts = [0, 0, 0];
  let end = questionsEnd(bytes);
  for (const record of message.records) {
    if (record === opt || recordEnd(record) + optBytes.length > limitBytes) break;
    end = recordEnd(record);
    counts[record.section] = (counts[record.section] ?? 0) + 1;
  }
  const cut = Buffer.concat([bytes.subarray(0, Math.max(HEADER_BYTES, end)), optBytes]);
  setU16(cut, 2, u16At(cut, 2) | DNS_FLAG.TC);
  for (const [section, count] of counts.entries()) setU16(cut, 6 + section * 2, count);
  if (opt !== undefined) setU16(cut, 10, (counts[SECTION.ADDITIONAL] ?? 0) + 1);
  return cut;
}
