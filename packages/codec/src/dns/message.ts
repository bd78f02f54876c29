import { ProtocolError } from '@sluice/base/errors';
import { type Edns, parseEdns } from './edns.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES, u16At, u32At } from './header.ts';
import { readName, skipName } from './name.ts';
import { DNS_CLASS, DNS_TYPE } from './types.ts';

/*
 * message  = header | question* | answer record* | authority record* | additional record*      (RFC 1035 §4.1)
 * question = name | type(2) | class(2)
 * record   = name | type(2) | class(2) | TTL(4) | length(2) | data
 */

/** The first question of a message. */
export type DnsQuestion = {
  /** Lower case, without a trailing dot, `''` for the root. */
  readonly name: string;
  /** The name as it was sent. */
  readonly wireName: Uint8Array;
  readonly type: number;
  readonly class: number;
};

/** A query as far as a server has to know it. */
export type DnsQuery = {
  readonly bytes: Uint8Array;
  readonly id: number;
  /** The 16 bits of `DNS_FLAG`, opcode and RCODE. */
  readonly flags: number;
  /** 0 is QUERY. */
  readonly opcode: number;
  /** `undefined` when there is none; further questions are not looked at. */
  readonly question: DnsQuestion | undefined;
  readonly edns: Edns | undefined;
};

/** Sections of records in message order. */
export const SECTION = { ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2 } as const;

/** Where a record lies in a message; offsets count from the message's start. */
export type RecordPlace = {
  readonly section: number;
  readonly start: number;
  readonly type: number;
  readonly class: number;
  /** Seconds; of OPT records anything. */
  readonly ttl: number;
  readonly ttlOffset: number;
  readonly dataOffset: number;
  readonly dataLength: number;
};

/** A message with the places of its records. */
export type DnsMessage = DnsQuery & { readonly records: readonly RecordPlace[] };

/**
 * Reads header, first question and EDNS of a message; records other than OPT are passed over. Works for responses, too.
 * @throws ProtocolError `truncated`, `too-large`, `bad-label`, `bad-pointer`, `name-too-long`
 */
export function parseDnsQuery(bytes: Uint8Array): DnsQuery {
  if (bytes.length < HEADER_BYTES) throw new ProtocolError('truncated', bytes.length);
  if (bytes.length > MAX_MESSAGE_BYTES) throw new ProtocolError('too-large', MAX_MESSAGE_BYTES);
  const flags = u16At(bytes, 2);
  const question = readQuestion(bytes);
  return {
    bytes,
    id: u16At(bytes, 0),
    flags,
    opcode: (flags >>> 11) & 15,
    question,
    edns: u16At(bytes, 10) === 0 ? undefined : ednsOf(bytes, recordsOf(bytes)),
  };
}

/**
 * Reads header, first question, EDNS and the places of all records.
 * @throws ProtocolError as `parseDnsQuery`
 */
export function scanMessage(bytes: Uint8Array): DnsMessage {
  if (bytes.length < HEADER_BYTES) throw new ProtocolError('truncated', bytes.length);
  if (bytes.length > MAX_MESSAGE_BYTES) throw new ProtocolError('too-large', MAX_MESSAGE_BYTES);
  const flags = u16At(bytes, 2);
  const question = readQuestion(bytes);
  const records = recordsOf(bytes);
  const edns = ednsOf(bytes, records);
  return { bytes, id: u16At(bytes, 0), flags, opcode: (flags >>> 11) & 15, question, edns, records };
}

/** The first question, `undefined` without one; needs no records. @throws ProtocolError as `parseDnsQuery` */
export function readQuestion(bytes: Uint8Array): DnsQuestion | undefined {
  if (u16At(bytes, 4) === 0) return undefined;
  const { text, end, compressed } = readName(bytes, HEADER_BYTES, true);
  // Before the first question there is only the header, which holds no name.
  if (compressed) throw new ProtocolError('bad-pointer', end - 2);
  if (end + 4 > bytes.length) throw new ProtocolError('truncated', bytes.length);
  return {
    name: text,
    wireName: bytes.subarray(HEADER_BYTES, end),
    type: u16At(bytes, end),
    class: u16At(bytes, end + 2),
  };
}

/** The offset behind all questions of a message. @throws ProtocolError `truncated`, `bad-label` */
export function questionsEnd(bytes: Uint8Array): number {
  let at = HEADER_BYTES;
  for (let left = u16At(bytes, 4); left > 0; left--) {
    at = skipName(bytes, at) + 4;
    if (at > bytes.length) throw new ProtocolError('truncated', bytes.length);
  }
  return at;
}

function recordsOf(bytes: Uint8Array): readonly RecordPlace[] {
  const records: RecordPlace[] = [];
  let at = questionsEnd(bytes);
  for (let section = 0; section < 3; section++) {
    for (let left = u16At(bytes, 6 + section * 2); left > 0; left--) {
      const fields = skipName(bytes, at);
      const dataOffset = fields + 10;
      if (dataOffset > bytes.length) throw new ProtocolError('truncated', bytes.length);
      const dataLength = u16At(bytes, fields + 8);
      if (dataOffset + dataLength > bytes.length) throw new ProtocolError('truncated', bytes.length);
      records.push({
        section,
        start: at,
        type: u16At(bytes, fields),
        class: u16At(bytes, fields + 2),
        ttl: u32At(bytes, fields + 4),
        ttlOffset: fields + 4,
        dataOffset,
        dataLength,
      });
      at = dataOffset + dataLength;
    }
  }
  return records;
}

function ednsOf(bytes: Uint8Array, records: readonly RecordPlace[]): Edns | undefined {
  const opt = records.find((record) => record.type === DNS_TYPE.OPT && record.section === SECTION.ADDITIONAL);
  return opt === undefined
    ? undefined
    : parseEdns(opt.class, opt.ttl & 0xffff, bytes.subarray(opt.dataOffset, opt.dataOffset + opt.dataLength));
}

/** Whether a record is an address record of class IN with data of the right length. */
export function isAddressRecord(record: RecordPlace): boolean {
  if (record.class !== DNS_CLASS.IN) return false;
  return record.type === DNS_TYPE.A
    ? record.dataLength === 4
    : record.type === DNS_TYPE.AAAA && record.dataLength === 16;
}

/** The end of a record: the start of the next one. */
export function recordEnd(record: RecordPlace): number {
  return record.dataOffset + record.dataLength;
}
