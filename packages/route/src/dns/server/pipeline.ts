import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError, ProtocolError } from '@sluice/base/errors';
import { encodeAliasAnswer, encodeFailure, encodeQuery } from '@sluice/codec/dns/encode';
import { DNS_FLAG, HEADER_BYTES, setU16, u16At } from '@sluice/codec/dns/header';
import { type DnsQuery, type DnsQuestion, parseDnsQuery, scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { truncateTo } from '@sluice/codec/dns/rewrite';
import { DNS_CLASS, DNS_RCODE, DNS_TYPE } from '@sluice/codec/dns/types';
import type { Logger } from '@sluice/core/log/logger';
import type { DnsExchanger, Resolution } from '../resolver/resolvers.ts';
import { answerLocally, HOSTS_TTL_SECONDS, type LocalSources } from './local-answers.ts';
import type { QueryLog } from './query-log.ts';
import type { DnsResponder, DnsResponse, ResponseLimit } from './responder.ts';

/** What one configuration answers with. */
export type PipelineParts = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly queries: QueryLog;
  readonly sources: LocalSources;
  readonly exchanger: DnsExchanger;
};

const MIN_UDP_BYTES = 512;
const OPCODE_QUERY = 0;

/** The way of a client's question: hosts, fake addresses, then the upstreams, whose addresses are remembered by name. */
export class DnsPipeline implements DnsResponder {
  readonly #parts: PipelineParts;
  #lastFault = '';

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  respond(message: Uint8Array, client: string, clientPort: number, limit: ResponseLimit): DnsResponse {
    let query: DnsQuery;
    try {
      query = parseDnsQuery(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#logFault('reading a DNS query', error);
      return formatError(message);
    }
    // Answering responses would let two servers answer each other for ever.
    if ((query.flags & DNS_FLAG.QR) !== 0) return undefined;
    const { question } = query;
    if (query.opcode !== OPCODE_QUERY) return encodeFailure(query, DNS_RCODE.NOTIMP);
    if (question === undefined) return encodeFailure(query);
    return this.#respond(query, question, client, clientPort, limit);
  }

  #respond(
    query: DnsQuery,
    question: DnsQuestion,
    client: string,
    clientPort: number,
    limit: ResponseLimit,
  ): DnsResponse {
    const finish = ({ bytes, via, server }: Resolution, durationMs: number): Uint8Array => {
      const timeMs = this.#parts.clock.now();
      const { name, type } = question;
      const record = { timeMs, name, type, client, clientPort, via, server, durationMs };
      this.#parts.queries.add(record, via === '' ? undefined : bytes);
      return truncateTo(bytes, limit === 'client' ? (query.edns?.udpSize ?? MIN_UDP_BYTES) : limit);
    };
    try {
      const reply = this.#answer(query, question, true);
      // What is answered at once takes no time worth asking the clock for.
      return reply instanceof Promise ? this.#timed(query, reply, finish) : finish(reply, 0);
    } catch (error) {
      return finish(this.#failed(query, error), 0);
    }
  }

  async #timed(
    query: DnsQuery,
    reply: Promise<Resolution>,
    finish: (reply: Resolution, durationMs: number) => Uint8Array,
  ): Promise<Uint8Array> {
    const { clock } = this.#parts;
    const startMs = clock.monotonicMs();
    const settled = await reply.catch((error: unknown) => this.#failed(query, error));
    return finish(settled, clock.monotonicMs() - startMs);
  }

  /** SERVFAIL; its `via` is empty. */
  #failed(query: DnsQuery, error: unknown): Resolution {
    const { log } = this.#parts;
    const isExpected = error instanceof GatewayError || error instanceof ProtocolError;
    if (!isExpected) this.#logFault('answering a DNS query', error);
    else if (log.enabled('debug')) log.debug(`[DNS] ${query.question?.name ?? ''}: ${errorText(error)}`);
    return { bytes: encodeFailure(query), via: '', server: '' };
  }

  /** A fault of our own; a client that knows how to cause it must not fill the log. */
  #logFault(work: string, error: unknown): void {
    const text = `${work} failed: ${errorText(error)}`;
    if (text !== this.#lastFault) this.#parts.log.error(text);
    this.#lastFault = text;
  }

  #answer(query: DnsQuery, question: DnsQuestion, followsAlias: boolean): Resolution | Promise<Resolution> {
    const { sources, exchanger } = this.#parts;
    if (question.class === DNS_CLASS.IN) {
      const local = answerLocally(query, question, sources);
      if (local?.kind === 'answer') return { bytes: local.bytes, via: local.via, server: '' };
      if (local !== undefined && followsAlias) return this.#answerAlias(query, question, local.name);
    }
    const cached = exchanger.cached(query);
    if (cached !== undefined) return this.#forward(cached, question);
    return exchanger.exchange(query).then((reply) => this.#forward(reply, question));
  }

  /** A CNAME and what the question for its target yields. */
  #answerAlias(query: DnsQuery, { type }: DnsQuestion, target: string): Resolution | Promise<Resolution> {
    const flags = { id: query.id, recursionDesired: true };
    const asked = parseDnsQuery(encodeQuery(target, type, flags));
    const join = (reply: Resolution): Resolution => ({
      bytes: encodeAliasAnswer(query, target, HOSTS_TTL_SECONDS, scanMessage(reply.bytes)),
      via: reply.via === 'hosts' ? 'hosts' : `hosts, ${reply.via}`,
      server: reply.server,
    });
    const reply = asked.question === undefined ? undefined : this.#answer(asked, asked.question, false);
    if (reply === undefined) throw new ProtocolError('bad-label', 0);
    return reply instanceof Promise ? reply.then(join) : join(reply);
  }

  /** An upstream's answer as this server's own: it counts as authoritative, and its addresses are remembered. */
  #forward(reply: Resolution, question: DnsQuestion): Resolution {
    const { bytes } = reply;
    setU16(bytes, 2, u16At(bytes, 2) | DNS_FLAG.AA);
    const { mapping } = this.#parts.sources;
    const isAddress = question.type === DNS_TYPE.A || question.type === DNS_TYPE.AAAA;
    if (mapping !== undefined && isAddress && question.class === DNS_CLASS.IN) {
      for (const { ip } of answerAddresses(scanMessage(bytes))) mapping.remember(ip, question.name);
    }
    return reply;
  }
}

/** FORMERR for something that at least has the header of a query; no question is repeated, because it could not be read. */
function formatError(message: Uint8Array): Uint8Array | undefined {
  if (message.length < HEADER_BYTES || (u16At(message, 2) & DNS_FLAG.QR) !== 0) return undefined;
  const reply = Buffer.alloc(HEADER_BYTES);
  setU16(reply, 0, u16At(message, 0));
  setU16(reply, 2, DNS_FLAG.QR | DNS_FLAG.RA | (u16At(message, 2) & 0x7900) | DNS_RCODE.FORMERR);
  return reply;
}
