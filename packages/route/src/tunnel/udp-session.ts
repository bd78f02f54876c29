import type { Endpoint } from '@sluice/base/address';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { firstAddress, type Resolver } from '../net/system-resolver.ts';
import type { PacketSocket } from '../outbound/outbound.ts';
import { type AddressNames, settleDestination } from './destination.ts';
import type { RoutingTables } from './router.ts';
import type { TrackedFlow } from './tracker.ts';

/** One datagram from a client, with the way back to it. */
export type ClientPacket = {
  readonly metadata: FlowMetadata;
  readonly data: Uint8Array;
  readonly reply: (data: Uint8Array, from: Endpoint) => void;
};

const QUEUE_LIMIT_PACKETS = 128;
const WAITING_LIMIT_BYTES = 32 << 20;

/** What all sessions together may keep waiting for outbounds and addresses, so that forged sources cannot fill the memory. */
export class WaitingBudget {
  #bytes = 0;

  /** False when there is no room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > WAITING_LIMIT_BYTES) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

const RESOLVED_LIMIT = 128;

type Waiting = { readonly data: Uint8Array; readonly to: Endpoint };

/** What a session shares with the others. */
export type UdpSessionParts = {
  readonly resolver: Resolver;
  readonly tables: () => RoutingTables;
  readonly names: () => AddressNames;
  readonly budget: WaitingBudget;
};

/** All datagrams of one client socket: they share the outbound that was chosen for the first. */
export class UdpSession {
  readonly reply: ClientPacket['reply'];
  readonly #resolver: Resolver;
  readonly #tables: () => RoutingTables;
  readonly #names: () => AddressNames;
  readonly #budget: WaitingBudget;
  /** Real address → the fake one that the client knows. */
  readonly #fakes = new Map<string, string>();
  readonly #resolved = new Map<string, string>();
  #waiting: Waiting[] = [];
  #resolving = 0;
  #closed = false;
  #upstream: PacketSocket | undefined;
  #flow: TrackedFlow | undefined;
  lastActiveMs: number;
  /** Whoever waits for the client's next datagram before the outbound is chosen. */
  onDatagram: ((data: Uint8Array) => void) | undefined;

  constructor(first: ClientPacket, parts: UdpSessionParts, nowMs: number) {
    this.reply = first.reply;
    this.#resolver = parts.resolver;
    this.#tables = parts.tables;
    this.#names = parts.names;
    this.#budget = parts.budget;
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

  /**
   * Sends a packet that the client addressed to `asked`, or keeps it until the outbound is open; what exceeds the queue is
   * dropped.
   */
  send({ metadata, data }: ClientPacket, asked: string, onError: (error: unknown) => void): void {
    settleDestination(metadata, this.#tables().hosts, this.#names());
    const fake = metadata.dnsMode === 'fake-ip' ? asked : undefined;
    const known = this.#knownAddress(metadata);
    if (known !== undefined) {
      this.#sendTo(known, metadata.destinationPort, data, fake);
      return;
    }
    if (this.#resolving >= QUEUE_LIMIT_PACKETS || !this.#budget.take(data.length)) return;
    this.#resolving += 1;
    this.addressOf(metadata)
      .then((host) => this.#sendTo(host, metadata.destinationPort, data, fake))
      .catch(onError)
      .finally(() => {
        this.#resolving -= 1;
        this.#budget.give(data.length);
      });
  }

  /** The outbound is ready: what waited goes first. */
  opened(upstream: PacketSocket, flow: TrackedFlow): void {
    this.#upstream = upstream;
    this.#flow = flow;
    for (const { data, to } of this.#takeWaiting()) this.#deliver(data, to);
  }

  /** A datagram came back. */
  receive(data: Uint8Array, from: Endpoint): void {
    this.#flow?.countDownload(data.length);
    const fake = this.#fakes.get(from.host);
    this.reply(data, fake === undefined ? from : { host: fake, port: from.port });
  }

  close(): TrackedFlow | undefined {
    this.#closed = true;
    this.#takeWaiting();
    this.#upstream?.close();
    this.#upstream = undefined;
    return this.#flow;
  }

  #knownAddress(metadata: FlowMetadata): string | undefined {
    if (metadata.host === '') return metadata.destinationIp;
    return this.#tables().hosts.lookupIps(metadata.host)?.[0] ?? this.#resolved.get(metadata.host);
  }

  #sendTo(host: string, port: number, data: Uint8Array, fake: string | undefined): void {
    if (fake !== undefined && (this.#fakes.size < RESOLVED_LIMIT || this.#fakes.has(host))) {
      this.#fakes.set(host, fake);
    }
    this.#deliver(data, { host, port });
  }

  #deliver(data: Uint8Array, to: Endpoint): void {
    if (this.#upstream !== undefined) {
      this.#flow?.countUpload(data.length);
      this.#upstream.send(data, to);
    } else if (
      !this.#closed &&
      this.#waiting.length < QUEUE_LIMIT_PACKETS &&
      this.#budget.take(data.length)
    ) {
      this.#waiting.push({ data, to });
    }
  }

  #takeWaiting(): readonly Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { data } of waiting) this.#budget.give(data.length);
    return waiting;
  }
}
