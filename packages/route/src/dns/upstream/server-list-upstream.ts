import type { Clock } from '@sluice/base/clock';
import type { DnsQuery } from '@sluice/codec/dns/message';
import { askAll } from '../exchange/ask-all.ts';
import type { Upstream } from './upstream.ts';
import { orAborted } from './upstream.ts';

/** Servers that are found out while the gateway runs (the system's, those of DHCP), all asked at once. */
export class ServerListUpstream implements Upstream {
  readonly text: string;
  readonly isFixed = false;
  readonly #clock: Clock;
  readonly #addresses: () => Promise<readonly string[]>;
  readonly #create: (address: string) => Upstream;
  #upstreams: ReadonlyMap<string, Upstream> = new Map();

  constructor(
    text: string,
    clock: Clock,
    addresses: () => Promise<readonly string[]>,
    create: (address: string) => Upstream,
  ) {
    this.text = text;
    this.#clock = clock;
    this.#addresses = addresses;
    this.#create = create;
  }

  async exchange(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    const addresses = await orAborted(this.#addresses(), signal);
    const { message } = await askAll(this.#upstreamsFor(addresses), query, this.#clock, signal);
    return message.bytes;
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close();
    this.#upstreams = new Map();
  }

  #upstreamsFor(addresses: readonly string[]): readonly Upstream[] {
    const before = this.#upstreams;
    const isSame = before.size === addresses.length && addresses.every((address) => before.has(address));
    if (!isSame) {
      this.#upstreams = new Map(
        addresses.map((address) => [address, before.get(address) ?? this.#create(address)]),
      );
      for (const [address, upstream] of before) if (!this.#upstreams.has(address)) upstream.close();
    }
    return [...this.#upstreams.values()];
  }
}
