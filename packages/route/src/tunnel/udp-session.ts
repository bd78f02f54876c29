import { isIP } from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
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
  /** `data` is valid during the call only; `from` is the same object while it stays the same place. */
  readonly reply: (data: Uint8Array, from: Endpoint) => void;
};

/** The way of further datagrams of one client to one destination. */
export interface PacketWay {
  /** `data` is valid during the call only. False when the way has come to its end, and nothing was sent. */
  send(data: Uint8Array): boolean;
}

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
const NOTICE_MS = 1_000;

type Waiting = { readonly data: Uint8Array; readonly to: Endpoint };

/** What a session shares with the others. */
export type UdpSessionParts = {
  readonly resolver: Resolver;
  readonly tables: () => RoutingTables;
  readonly names: () => AddressNames;
  readonly budget: WaitingBudget;
  readonly clock: Clock;
  /** Called when packets pass a session, though not for every one. */
  readonly onUsed: (session: UdpSession) => void;
};

/** All datagrams of one client socket: they share the outbound that was chosen for the first. */
export class UdpSession {
  readonly key: string;
  readonly reply: ClientPacket['reply'];
  readonly #resolver: Resolver;
  readonly #tables: () => RoutingTables;
  readonly #names: () => AddressNames;
  readonly #budget: WaitingBudget;
  readonly #clock: Clock;
  readonly #onUsed: UdpSessionParts['onUsed'];
  /** Address that was used → the one that the client knows, such as a fake one. */
  readonly #asked = new Map<string, string>();
  readonly #resolved = new Map<string, string>();
  #waiting: Waiting[] = [];
  #resolving = 0;
  #closed = false;
  #upstream: PacketSocket | undefined;
  #flow: TrackedFlow | undefined;
  lastActiveMs: number;
  /** Whoever waits for the client's next datagram before the outbound is chosen. */
  onDatagram: ((data: Uint8Array) => void) | undefined;

  #noticedMs: number;

  constructor(key: string, first: ClientPacket, parts: UdpSessionParts) {
    this.key = key;
    this.reply = first.reply;
    this.#resolver = parts.resolver;
    this.#tables = parts.tables;
    this.#names = parts.names;
    this.#budget = parts.budget;
    this.#clock = parts.clock;
    this.#onUsed = parts.onUsed;
    this.lastActiveMs = parts.clock.monotonicMs();
    this.#noticedMs = this.lastActiveMs;
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
    const known = this.#knownAddress(metadata);
    if (known !== undefined) {
      this.#sendTo(known, metadata.destinationPort, data, asked);
      return;
    }
    if (this.#resolving >= QUEUE_LIMIT_PACKETS || !this.#budget.take(data.length)) return;
    this.#resolving += 1;
    this.addressOf(metadata)
      .then((host) => this.#sendTo(host, metadata.destinationPort, data, asked))
      .catch(onError)
      .finally(() => {
        this.#resolving -= 1;
        this.#budget.give(data.length);
      });
  }

  /**
   * How further packets with these metadata can go without being looked at, `undefined` when they must be: while the outbound is
   * being opened, and where a name or a fake address stands for the destination.
   */
  wayOf(metadata: FlowMetadata): PacketWay | undefined {
    if (this.#upstream === undefined || metadata.host !== '' || metadata.dnsMode !== 'normal')
      return undefined;
    const to = { host: metadata.destinationIp, port: metadata.destinationPort };
    const tables = this.#tables();
    return {
      send: (data) => {
        const upstream = this.#upstream;
        if (upstream === undefined || this.#tables() !== tables) return false;
        this.used();
        this.#deliver(upstream.sendsAtOnce === true ? data : Buffer.from(data), to);
        return true;
      },
    };
  }

  /** Something went either way. */
  used(): void {
    const nowMs = this.#clock.monotonicMs();
    this.lastActiveMs = nowMs;
    if (nowMs - this.#noticedMs < NOTICE_MS) return;
    this.#noticedMs = nowMs;
    this.#onUsed(this);
  }

  /** The outbound is ready: what waited goes first. */
  opened(upstream: PacketSocket, flow: TrackedFlow): void {
    this.#upstream = upstream;
    this.#flow = flow;
    for (const { data, to } of this.#takeWaiting()) this.#deliver(data, to);
  }

  /** A datagram came back. */
  receive(data: Uint8Array, from: Endpoint): void {
    this.used();
    this.#flow?.countDownload(data.length);
    const asked = this.#asked.size === 0 ? undefined : this.#asked.get(from.host);
    this.reply(data, asked === undefined ? from : { host: asked, port: from.port });
  }

  close(): TrackedFlow | undefined {
    this.#closed = true;
    this.#takeWaiting();
    this.#upstream?.close();
    this.#upstream = undefined;
    return this.#flow;
  }

  #knownAddress(metadata: FlowMetadata): string | undefined {
    // An address stays the destination although a name was found for it: the client expects answers from there.
    if (metadata.destinationIp !== '') return metadata.destinationIp;
    return this.#tables().hosts.lookupIps(metadata.host)?.[0] ?? this.#resolved.get(metadata.host);
  }

  #sendTo(host: string, port: number, data: Uint8Array, asked: string): void {
    if (asked !== host && isIP(asked) !== 0 && unmapIp(asked) !== host) {
      if (this.#asked.size < RESOLVED_LIMIT || this.#asked.has(host)) this.#asked.set(host, asked);
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
