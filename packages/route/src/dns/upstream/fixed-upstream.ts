import { GatewayError } from '@sluice/base/errors';
import { encodeFailure } from '@sluice/codec/dns/encode';
import type { DnsQuery } from '@sluice/codec/dns/message';
import type { Upstream } from './upstream.ts';

/** Answers every question with the same code and no records (`rcode://…`). */
export class FixedUpstream implements Upstream {
  readonly text: string;
  readonly isFixed = true;
  readonly #rcode: number;

  constructor(text: string, rcode: number) {
    this.text = text;
    this.#rcode = rcode;
  }

  async exchange(query: DnsQuery): Promise<Uint8Array> {
    return encodeFailure(query, this.#rcode);
  }

  close(): void {
    // Nothing is open.
  }
}

/** A server whose transport this version cannot speak. */
export class UnservedUpstream implements Upstream {
  readonly text: string;
  readonly isFixed = false;
  readonly #message: string;

  constructor(text: string, message: string) {
    this.text = text;
    this.#message = message;
  }

  async exchange(): Promise<Uint8Array> {
    throw new GatewayError('unavailable', 'dns.not-served', this.#message);
  }

  close(): void {
    // Nothing is open.
  }
}
