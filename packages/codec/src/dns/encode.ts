import { ProtocolError } from '@sluice/base/errors';
import { MessageBuilder } from './builder.ts';
import { addressBytes, type ClientSubnet, type Edns, encodeOpt } from './edns.ts';
import { DNS_FLAG } from './header.ts';
import { type DnsMessage, type DnsQuery, SECTION } from './message.ts';
import { encodeName, ROOT, readWireName } from './name.ts';
import { recordData } from './record-data.ts';
import { DNS_CLASS, DNS_RCODE, DNS_TYPE } from './types.ts';

/** A record the gateway makes up itself; names in presentation form, the final dot is optional. */
export type AnswerRecord =
  /** A or AAAA, by the family of the literal. */
  | { readonly kind: 'address'; readonly name: string; readonly ttl: number; readonly ip: string }
  | {
      readonly kind: 'name';
      readonly name: string;
      readonly ttl: number;
      /** CNAME, NS or PTR. */
      readonly type: number;
      readonly target: string;
    };

export type AnswerOptions = {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly answers: readonly AnswerRecord[];
};

const OPCODE_MASK = 0x7800;
/** What the gateway takes over UDP from upstreams, and tells its clients (DNS flag day 2020). */
export const EDNS_UDP_SIZE = 1232;

/**
 * The response to a query: its id, opcode, RD, CD and first question, with an OPT record when the query had one.
 * @throws ProtocolError for names and addresses that cannot be written
 */
export function encodeAnswer(query: DnsQuery, options: AnswerOptions): Buffer {
  const builder = responseTo(query, options);
  for (const record of options.answers) addAnswer(builder, record);
  if (query.edns !== undefined) builder.additional(encodeOpt(answerEdns(query.edns)));
  return builder.finish();
}

/**
 * The response for an alias: a CNAME from the question to `target`, then the records of `answer`, which is the response to the
 * question for `target`; its RCODE is kept.
 * @throws ProtocolError when `answer` is malformed
 */
export function encodeAliasAnswer(query: DnsQuery, target: string, ttl: number, answer: DnsMessage): Buffer {
  const builder = responseTo(query, {
    rcode: answer.flags & 15,
    authoritative: true,
    recursionAvailable: true,
  });
  const alias = encodeName(target);
  builder.record(
    SECTION.ANSWER,
    query.question?.wireName ?? ROOT,
    DNS_TYPE.CNAME,
    query.question?.class ?? DNS_CLASS.IN,
    ttl,
    [{ bytes: alias, isName: true }],
  );
  copyRecords(builder, answer);
  if (query.edns !== undefined) builder.additional(encodeOpt(answerEdns(query.edns)));
  return builder.finish();
}

/** Copies all records but OPT into a message under construction. */
export function copyRecords(builder: MessageBuilder, message: DnsMessage): void {
  for (const record of message.records) {
    if (record.type === DNS_TYPE.OPT) continue;
    const name = readWireName(message.bytes, record.start);
    const data = recordData(message.bytes, record);
    builder.record(record.section, name, record.type, record.class, record.ttl, data);
  }
}

function responseTo(query: DnsQuery, options: Omit<AnswerOptions, 'answers'>): MessageBuilder {
  const flags =
    DNS_FLAG.QR |
    (query.flags & (OPCODE_MASK | DNS_FLAG.RD | DNS_FLAG.CD)) |
    (options.authoritative ? DNS_FLAG.AA : 0) |
    (options.recursionAvailable ? DNS_FLAG.RA : 0) |
    (options.rcode & 15);
  const builder = new MessageBuilder(query.id, flags);
  const question = query.question;
  if (question !== undefined) builder.question(question.wireName, question.type, question.class);
  return builder;
}

function answerEdns(edns: Edns): Edns {
  return { udpSize: EDNS_UDP_SIZE, dnssecOk: edns.dnssecOk, clientSubnet: undefined };
}

function addAnswer(builder: MessageBuilder, record: AnswerRecord): void {
  const name = encodeName(record.name);
  if (record.kind === 'name') {
    builder.record(SECTION.ANSWER, name, record.type, DNS_CLASS.IN, record.ttl, [
      { bytes: encodeName(record.target), isName: true },
    ]);
    return;
  }
  const bytes = addressBytes(record.ip);
  if (bytes === undefined) throw new ProtocolError('bad-address', 0);
  const type = bytes.length === 4 ? DNS_TYPE.A : DNS_TYPE.AAAA;
  builder.record(SECTION.ANSWER, name, type, DNS_CLASS.IN, record.ttl, [{ bytes, isName: false }]);
}

/** An empty response with a code, for example SERVFAIL. */
export function encodeFailure(query: DnsQuery, rcode: number = DNS_RCODE.SERVFAIL): Buffer {
  return encodeAnswer(query, { rcode, authoritative: false, recursionAvailable: true, answers: [] });
}

export type QueryOptions = {
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly authenticData?: boolean;
  readonly checkingDisabled?: boolean;
  readonly edns?: Edns | undefined;
};

/** A question in wire form; `name` is text or an uncompressed wire name. @throws ProtocolError for names that cannot be written */
export function encodeQuery(
  name: string | Uint8Array,
  type: number,
  options: QueryOptions,
  questionClass: number = DNS_CLASS.IN,
): Buffer {
  const flags =
    (options.recursionDesired ? DNS_FLAG.RD : 0) |
    (options.authenticData === true ? DNS_FLAG.AD : 0) |
    (options.checkingDisabled === true ? DNS_FLAG.CD : 0);
  const builder = new MessageBuilder(options.id, flags);
  builder.question(typeof name === 'string' ? encodeName(name) : name, type, questionClass);
  if (options.edns !== undefined) builder.additional(encodeOpt(options.edns));
  return builder.finish();
}

/**
 * What a forwarder sends upstream for a client's query: its first question and RD, AD, CD, DO flags, with the forwarder's own id
 * and UDP size (EDNS is hop by hop, RFC 6891 §6.1.1). `undefined` without a question.
 */
export function encodeForward(query: DnsQuery, id: number): Buffer | undefined {
  const { question, edns } = query;
  if (question === undefined) return undefined;
  return encodeQuery(
    question.wireName,
    question.type,
    {
      id,
      recursionDesired: (query.flags & DNS_FLAG.RD) !== 0,
      authenticData: (query.flags & DNS_FLAG.AD) !== 0,
      checkingDisabled: (query.flags & DNS_FLAG.CD) !== 0,
      edns: edns === undefined ? undefined : { ...edns, udpSize: EDNS_UDP_SIZE },
    },
    question.class,
  );
}

/** A query that `encodeQuery` or `encodeForward` made, with a client subnet; one that is there is kept unless `override`. */
export function withClientSubnet(query: DnsQuery, subnet: ClientSubnet, override: boolean): Uint8Array {
  if (query.edns?.clientSubnet !== undefined && !override) return query.bytes;
  const edns: Edns = {
    udpSize: query.edns?.udpSize ?? EDNS_UDP_SIZE,
    dnssecOk: query.edns?.dnssecOk ?? false,
    clientSubnet: subnet,
  };
  return encodeForward({ ...query, edns }, query.id) ?? query.bytes;
}
