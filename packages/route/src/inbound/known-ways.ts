import type { DatagramPeer } from '@sluice/core/native/datagram-engine';
import type { PacketWay } from '../tunnel/udp-session.ts';

/** Clients that are remembered; one that is forgotten is looked up again. */
const CLIENT_LIMIT = 4_096;
const WAYS_PER_CLIENT = 8;

/** What a datagram begins with when it goes that way. */
type KnownWay = { readonly header: Uint8Array; readonly way: PacketWay };

/** Where datagrams of known clients with known headers go, so that only the first of them is taken apart. Bounded. */
export class KnownWays {
  readonly #clients = new Map<DatagramPeer, KnownWay[]>();

  /** Sends what follows the header; false when no way is known or the one known has come to its end. */
  send(packet: Uint8Array, from: DatagramPeer): boolean {
    const ways = this.#clients.get(from);
    if (ways === undefined) return false;
    for (let index = 0; index < ways.length; index++) {
      const { header, way } = ways[index] as KnownWay;
      if (!startsWith(packet, header)) continue;
      const { length } = header;
      if (way.send(length === 0 ? packet : packet.subarray(length))) return true;
      ways.splice(index, 1);
      return false;
    }
    return false;
  }

  keep(from: DatagramPeer, header: Uint8Array, way: PacketWay): void {
    const ways = this.#clients.get(from) ?? [];
    ways.unshift({ header: Uint8Array.from(header), way });
    ways.length = Math.min(ways.length, WAYS_PER_CLIENT);
    const [oldest] = this.#clients.size >= CLIENT_LIMIT ? this.#clients.keys() : [];
    if (oldest !== undefined && oldest !== from) this.#clients.delete(oldest);
    this.#clients.set(from, ways);
  }
}

function startsWith(packet: Uint8Array, header: Uint8Array): boolean {
  if (packet.length < header.length) return false;
  for (let index = 0; index < header.length; index++) if (packet[index] !== header[index]) return false;
  return true;
}
