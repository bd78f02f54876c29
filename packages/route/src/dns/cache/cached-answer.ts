import { encodeOpt } from '@sluice/codec/dns/edns';
import { EDNS_UDP_SIZE } from '@sluice/codec/dns/encode';
import { DNS_FLAG, HEADER_BYTES, setU16, setU32, u16At } from '@sluice/codec/dns/header';
import type { DnsMessage, DnsQuery } from '@sluice/codec/dns/message';

const OPT = encodeOpt({ udpSize: EDNS_UDP_SIZE, dnssecOk: false, clientSubnet: undefined });
/** Where the DO flag is in an OPT record. */
const OPT_FLAGS_OFFSET = 7;
const DNSSEC_OK = 0x80;

/** An answer as it came, without OPT, with the places of its TTLs, so that serving it costs one copy. */
export class CachedAnswer {
  /** On the monotonic clock. */
  readonly expiresAtMs: number;
  readonly #bytes: Uint8Array;
  readonly #ttlOffsets: Uint16Array;
  readonly #ttls: Float64Array;
  /** For each TTL the smallest one of its section. */
  readonly #sectionSmallest: Float64Array;

  constructor(message: DnsMessage, expiresAtMs: number) {
    this.expiresAtMs = expiresAtMs;
    // A copy of its own: a view would keep a whole receive buffer alive.
    this.#bytes = Uint8Array.from(message.bytes);
    const { records } = message;
    this.#ttlOffsets = Uint16Array.from(records, (record) => record.ttlOffset);
    this.#ttls = Float64Array.from(records, (record) => record.ttl);
    const smallest = [Infinity, Infinity, Infinity];
    for (const { section, ttl } of records) smallest[section] = Math.min(smallest[section] ?? ttl, ttl);
    this.#sectionSmallest = Float64Array.from(records, (record) => smallest[record.section] ?? 0);
  }

  /**
   * The response to a query with the same question: TTLs are reduced by what has passed of the smallest of their section, to no
   * less than 1; with `remainingSeconds` 0 all are 1, without it they are as they came.
   */
  responseTo(query: DnsQuery, remainingSeconds?: number): Uint8Array {
    const stored = this.#bytes;
    const { edns, question } = query;
    const response = Buffer.allocUnsafe(stored.length + (edns === undefined ? 0 : OPT.length));
    response.set(stored);
    setU16(response, 0, query.id);
    const sticky = DNS_FLAG.RD | DNS_FLAG.CD;
    setU16(response, 2, (u16At(stored, 2) & ~sticky) | (query.flags & sticky));
    // Clients compare the letters of the name with what they sent.
    if (question !== undefined) response.set(question.wireName, HEADER_BYTES);
    if (remainingSeconds !== undefined) this.#writeTtls(response, remainingSeconds);
    if (edns !== undefined) {
      response.set(OPT, stored.length);
      if (edns.dnssecOk) response[stored.length + OPT_FLAGS_OFFSET] = DNSSEC_OK;
      setU16(response, 10, u16At(stored, 10) + 1);
    }
    return response;
  }

  #writeTtls(response: Buffer, remainingSeconds: number): void {
    const offsets = this.#ttlOffsets;
    for (let index = 0; index < offsets.length; index++) {
      const ttl = this.#ttls[index] as number;
      const passed = Math.max(0, (this.#sectionSmallest[index] as number) - remainingSeconds);
      setU32(response, offsets[index] as number, remainingSeconds === 0 ? 1 : Math.max(1, ttl - passed));
    }
  }
}
