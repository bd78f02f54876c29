import type { Clock } from '@sluice/base/clock';
import { errorText, GatewayError, ProtocolError } from '@sluice/base/errors';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery } from '@sluice/codec/dns/message';
import { parseTypeName } from '@sluice/codec/dns/types';
import type { DnsAnswerView, DnsControl, DnsLogEntry } from '../port.ts';
import type { FakeIpPools } from './fake-ip/fake-ip-pools.ts';
import type { DnsResolvers, Resolution } from './resolver/resolvers.ts';
import { answerView } from './server/answer-view.ts';
import type { QueryLog } from './server/query-log.ts';
import type { DnsResponder } from './server/responder.ts';

export type DnsControlParts = {
  readonly clock: Clock;
  readonly queries: QueryLog;
  readonly pools: FakeIpPools;
  readonly responder: DnsResponder;
  /** `undefined` while DNS is disabled. */
  readonly resolvers: () => DnsResolvers | undefined;
};

const MAX_MESSAGE_BYTES = 65_535;

/** The use cases of the DNS service. */
export class LiveDnsControl implements DnsControl {
  readonly #parts: DnsControlParts;

  constructor(parts: DnsControlParts) {
    this.#parts = parts;
  }

  get enabled(): boolean {
    return this.#parts.resolvers() !== undefined;
  }

  async query(name: string, type: string): Promise<DnsAnswerView> {
    const { exchanger } = this.#resolvers();
    const number = parseTypeName(type);
    if (number === undefined) throw new GatewayError('invalid', 'dns.type', 'invalid query type');
    const query = encodedQuery(name, number);
    const { clock, queries } = this.#parts;
    const startMs = clock.monotonicMs();
    const note = (via: string, server: string, reply: Uint8Array | undefined): void => {
      const asked = { name: query.question?.name ?? '', type: number, client: 'api', clientPort: 0 };
      const durationMs = clock.monotonicMs() - startMs;
      queries.add({ ...asked, timeMs: clock.now(), via, server, durationMs }, reply);
    };
    let resolution: Resolution;
    try {
      resolution = exchanger.cached(query) ?? (await exchanger.exchange(query));
    } catch (error) {
      note('', '', undefined);
      throw failed(error);
    }
    note(resolution.via, resolution.server, resolution.bytes);
    return answerView(resolution.bytes);
  }

  async answer(message: Uint8Array, client: string, limitBytes = MAX_MESSAGE_BYTES): Promise<Uint8Array> {
    this.#resolvers();
    try {
      parseDnsQuery(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new GatewayError('invalid', 'dns.message', errorText(error), { cause: error });
    }
    const response = await this.#parts.responder.respond(message, client, 0, limitBytes);
    if (response === undefined) throw new GatewayError('invalid', 'dns.message', 'not a DNS query');
    return response;
  }

  flushCache(): void {
    this.#parts.resolvers()?.flushCache();
  }

  flushFakeIp(): void {
    this.#parts.pools.clear();
  }

  log(limit: number): readonly DnsLogEntry[] {
    return this.#parts.queries.entries(limit);
  }

  stats(): ReturnType<DnsControl['stats']> {
    const { queries, pools } = this.#parts;
    return {
      queries: queries.total,
      cacheHits: queries.cacheHits,
      cacheEntries: this.#parts.resolvers()?.exchanger.cacheEntries ?? 0,
      fakeIps: pools.size,
    };
  }

  #resolvers(): DnsResolvers {
    const resolvers = this.#parts.resolvers();
    if (resolvers === undefined)
      throw new GatewayError('conflict', 'dns.disabled', 'DNS section is disabled');
    return resolvers;
  }
}

function encodedQuery(name: string, type: number): DnsQuery {
  try {
    return parseDnsQuery(encodeQuery(name, type, { id: 0, recursionDesired: true }));
  } catch (error) {
    throw failed(error);
  }
}

function failed(error: unknown): GatewayError {
  return error instanceof GatewayError && error.code === 'dns.failed'
    ? error
    : new GatewayError('unavailable', 'dns.failed', errorText(error), { cause: error });
}
