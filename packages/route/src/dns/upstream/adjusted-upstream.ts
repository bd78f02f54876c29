import { encodeFailure, withClientSubnet } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery } from '@sluice/codec/dns/message';
import { DNS_RCODE } from '@sluice/codec/dns/types';
import type { Upstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream-config.ts';

/** A server with the options that change queries and answers: client subnet and types that are not asked for. */
export class AdjustedUpstream implements Upstream {
  readonly text: string;
  readonly isFixed: boolean;
  readonly #upstream: Upstream;
  readonly #options: UpstreamOptions;

  constructor(upstream: Upstream, options: UpstreamOptions) {
    this.text = upstream.text;
    this.isFixed = upstream.isFixed;
    this.#upstream = upstream;
    this.#options = options;
  }

  async exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    const { disabledTypes, ecs, ecsOverride } = this.#options;
    if (query.question !== undefined && disabledTypes.includes(query.question.type))
      return encodeFailure(query, DNS_RCODE.NOERROR);
    if (ecs === undefined) return this.#upstream.exchange(query, signal);
    return this.#upstream.exchange(parseDnsQuery(withClientSubnet(query, ecs, ecsOverride)), signal);
  }

  close(): void {
    this.#upstream.close();
  }
}
