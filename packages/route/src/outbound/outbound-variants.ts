import type { Endpoint } from '@sluice/base/address';
import type { Outbound, OutboundTraits } from './outbound.ts';
import { createVariant, type OutboundParts } from './registry.ts';
import { carriedPackets } from './server-packets.ts';

/** Makes what becomes of outbounds within groups; the same question gives the same outbound, with its open sessions. */
export interface OutboundVariants {
  /** The outbound with its connections to the server carried by another, instead of its own way there. */
  carried(outbound: Outbound, carrier: Outbound): Outbound;
  /** The outbound with the interface and mark for its sockets, `''` and 0 for none; its own win. */
  bound(outbound: Outbound, interfaceName: string, routingMark: number): Outbound;
}

/** Makes variants by building outbounds over again; they live as long as what they were made of. */
export class RebuiltVariants implements OutboundVariants {
  readonly #parts: OutboundParts;
  /** Carrier → outbound → carried outbound. */
  readonly #carried = new WeakMap<Outbound, WeakMap<Outbound, Outbound>>();
  /** Outbound → interface and mark → bound outbound. */
  readonly #bound = new WeakMap<Outbound, Map<string, Outbound>>();

  constructor(parts: OutboundParts) {
    this.#parts = parts;
  }

  carried(outbound: Outbound, carrier: Outbound): Outbound {
    const variants = this.#carried.get(carrier) ?? new WeakMap<Outbound, Outbound>();
    this.#carried.set(carrier, variants);
    const carried = variants.get(outbound) ?? this.#carry(outbound, carrier);
    variants.set(outbound, carried);
    return carried;
  }

  bound(outbound: Outbound, interfaceName: string, routingMark: number): Outbound {
    const traits = missingTraits(outbound.traits, interfaceName, routingMark);
    if (traits === undefined) return outbound;
    const key = JSON.stringify(traits);
    const variants = this.#bound.get(outbound) ?? new Map<string, Outbound>();
    this.#bound.set(outbound, variants);
    const bound = variants.get(key) ?? createVariant(outbound, traits, this.#parts);
    variants.set(key, bound);
    return bound;
  }

  #carry(outbound: Outbound, carrier: Outbound): Outbound {
    const connector = () => (target: Endpoint, signal: AbortSignal) =>
      carrier.dialTcp({ target, source: undefined, signal });
    const packets = () => carriedPackets(() => carrier, this.#parts.serverConnect);
    // The name of the carrier keeps the variant from being bound: it opens no sockets.
    return createVariant(outbound, { dialerProxy: carrier.name }, { ...this.#parts, connector, packets });
  }
}

/** What the outbound does not say itself; `undefined` when nothing is to be added. A carried outbound opens no sockets. */
function missingTraits(
  traits: OutboundTraits,
  interfaceName: string,
  routingMark: number,
): Partial<OutboundTraits> | undefined {
  if (traits.dialerProxy !== '') return undefined;
  const wantsInterface = interfaceName !== '' && traits.interfaceName === '';
  const wantsMark = routingMark !== 0 && traits.routingMark === 0;
  if (!wantsInterface && !wantsMark) return undefined;
  return { ...(wantsInterface ? { interfaceName } : {}), ...(wantsMark ? { routingMark } : {}) };
}
