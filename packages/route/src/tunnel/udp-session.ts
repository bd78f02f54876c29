import type { Endpoint } from '@sluice/base/address';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { firstAddress, type Resolver } from '../net/system-resolver.ts';
import type { PacketSocket } from '../outbound/outbound.ts';
import { preHandle, type RoutingTables } from './router.ts';
import type { TrackedFlow } from './tracker.ts';

/** One datagram from a client, with the way back to it. */
export type ClientPacket = {
  readonly metadata: FlowMetadata;
  readonly data: Uint8Array;
  readonly reply: (data: Uint8Array, from: Endpoint) => void;
};

const QUEUE_LIMIT_PACKETS = 128;
const RESOLVED_LIMIT = 128;

/** All datagrams of one client socket: they share the outbound that was chosen for the first. */
export class UdpSession {
  readonly reply: ClientPacket['reply'];
  readonly #resolver: Resolver;
  readonly #tables: () => RoutingTables;
  readonly #resolved = new Map<string, string>();
  #waiting: { readonly data: Uint8Array; readonly to: Endpoint }[] = [];
  #resolving = 0;
  #upstream: PacketSocket | undefined;
  #flow: TrackedFlow | undefined;
  lastActiveMs: number;

  constructor(first: ClientPacket, resolver: Resolver, tables: () => RoutingTables, nowMs: number) {
    this.reply = first.reply;
    this.#resolver = resolver;
    this.#tables = tables;
    this.lastActiveMs = nowMs;
  }

  /** The destination address of a packet, resolved here since outbounds are given IPs. @throws GatewayError when it has none */
  async addressOf(metadata: FlowMetadata): Promise<string> {
    const known = this.#knownAddress(metadata);
    if (known !== undefined) return known;
    const ip = firstAddress(await this.#resolver.resolve(metadata.host));
    const [oldest] = this.#resolved.keys();
    if (this.#resolved.size >= RESOLVED_LIMIT && oldest !== undefined) this.#resolved.delete(oldest);
    this.#resolved.set(metadata.host, ip);
    return ip;
  }

  /** Sends a packet, or keeps it until the outbound is open; what exceeds the queue is dropped. */
  send({ metadata, data }: ClientPacket, onError: (error: unknown) => void): void {
    preHandle(metadata, this.#tables().hosts);
    const known = this.#knownAddress(metadata);
    if (known !== undefined) {
      this.#deliver(data, { host: known, port: metadata.destinationPort });
      return;
    }
    if (this.#resolving >= QUEUE_LIMIT_PACKETS) return;
    this.#resolving += 1;
    this.addressOf(metadata)
      .then((host) => this.#deliver(data, { host, port: metadata.destinationPort }))
      .catch(onError)
      .finally(() => {
        this.#resolving -= 1;
      });
  }

  /** The outbound is ready: what waited goes first. */
  opened(upstream: PacketSocket, flow: TrackedFlow): void {
    this.#upstream = upstream;
    this.#flow = flow;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { data, to } of waiting) this.#deliver(data, to);
  }

  /** A datagram came back. */
  receive(data: Uint8Array, from: Endpoint): void {
    this.#flow?.countDownload(data.length);
    this.reply(data, from);
  }

  close(): TrackedFlow | undefined {
    this.#waiting = [];
    this.#upstream?.close();
    this.#upstream = undefined;
    return this.#flow;
  }

  #knownAddress(metadata: FlowMetadata): string | undefined {
    if (metadata.host === '') return metadata.destinationIp;
    return this.#tables().hosts.lookupIps(metadata.host)?.[0] ?? this.#resolved.get(metadata.host);
  }

  #deliver(data: Uint8Array, to: Endpoint): void {
    if (this.#upstream !== undefined) {
      this.#flow?.countUpload(data.length);
      this.#upstream.send(data, to);
    } else if (this.#waiting.length < QUEUE_LIMIT_PACKETS) {
      this.#waiting.push({ data, to });
    }
  }
}
