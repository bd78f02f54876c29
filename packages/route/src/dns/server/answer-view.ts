import { DNS_FLAG } from '@sluice/codec/dns/header';
import { SECTION, scanMessage } from '@sluice/codec/dns/message';
import { readName } from '@sluice/codec/dns/name';
import { presentRecords } from '@sluice/codec/dns/presentation';
import type { DnsAnswerView, DnsRecordView } from '../../port.ts';

/** A response in presentation form, without OPT records. @throws ProtocolError when it is malformed */
export function answerView(bytes: Uint8Array): DnsAnswerView {
  const message = scanMessage(bytes);
  const { flags, question } = message;
  const records = presentRecords(message);
  const section = (wanted: number): DnsRecordView[] =>
    records
      .filter((record) => record.section === wanted)
      .map(({ name, type, ttl, data }) => ({ name, type, ttl, data }));
  return {
    status: flags & 15,
    question: {
      name: `${question === undefined ? '' : readName(question.wireName, 0, false).text}.`,
      type: question?.type ?? 0,
      class: question?.class ?? 0,
    },
    truncated: (flags & DNS_FLAG.TC) !== 0,
    recursionDesired: (flags & DNS_FLAG.RD) !== 0,
    recursionAvailable: (flags & DNS_FLAG.RA) !== 0,
    authenticData: (flags & DNS_FLAG.AD) !== 0,
    checkingDisabled: (flags & DNS_FLAG.CD) !== 0,
    answers: section(SECTION.ANSWER),
    authorities: section(SECTION.AUTHORITY),
    additionals: section(SECTION.ADDITIONAL),
  };
}
