import dgram from 'node:dgram';
import { type Endpoint, formatEndpoint } from '@sluice/base/address';
import type { Clock, Timer } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { NativeSockets } from '@sluice/core/native/native-sockets';
import { newFlow } from '@sluice/core/ports/flow';
import { isLocalAddress } from '../net/loopback-guard.ts';
import type { ClientPacket } from '../tunnel/udp-session.ts';
import type { InboundLabels } from './inbound.ts';
import { bindForeignUdp, bindTransparentUdp } from './listener-socket.ts';

const READS_PER_TURN = 64;
const REPLY_SOCKET_LIMIT = 1_024;
const REPLY_IDLE_MS = 60_000;
const SWEEP_MS = 10_000;
const DSCP_SHIFT = 2;

/** A socket that answers one client in the name of one remote address. */
type ReplySocket = { readonly socket: dgram.Socket; isConnected: boolean; lastUsedMs: number };

/** Takes datagrams that a packet filter routed to this machine (TPROXY), and answers with the address they were sent to. */
export class TproxyUdpListener {
  readonly #sockets: NativeSockets;
  readonly #labels: InboundLabels;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onPacket: (packet: ClientPacket) => unknown;
  /** By client and remote address, the longest unused first. */
  readonly #replies = new Map<string, ReplySocket>();
  #fd: number | undefined;
  #unwatch: (() => void) | undefined;
  #sweeper: Timer | undefined;

  constructor(
    sockets: NativeSockets,
    labels: InboundLabels,
    parts: {
      readonly clock: Clock;
      readonly log: Logger;
      readonly onPacket: (packet: ClientPacket) => unknown;
    },
  ) {
    this.#sockets = sockets;
    this.#labels = labels;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#onPacket = parts.onPacket;
  }

  /** Starts receiving; an empty host means all interfaces, both families. @throws GatewayError `native.socket` */
  listen(host: string, port: number): void {
    const fd = bindTransparentUdp(this.#sockets, { host, port });
    const local = { host: host === '' ? '::' : host, port };
    this.#fd = fd;
    this.#unwatch = this.#sockets.watch(fd, () => this.#drain(fd, local));
    this.#sweeper = this.#clock.every(SWEEP_MS, () => this.#sweep());
  }

  close(): void {
    if (this.#fd === undefined) return;
    this.#unwatch?.();
    this.#sockets.close(this.#fd);
    this.#fd = undefined;
    this.#sweeper?.cancel();
    for (const key of [...this.#replies.keys()]) this.#drop(key);
  }

  /** What is left after some reads is offered again. */
  #drain(fd: number, local: Endpoint): void {
    for (let count = 0; count < READS_PER_TURN && this.#fd === fd; count++) {
      const datagram = this.#sockets.receive(fd);
      if (datagram === undefined) return;
      const { destination, source, data, tos } = datagram;
      if (destination === undefined) continue;
      this.#take(source, destination, data, tos >> DSCP_SHIFT, local);
    }
  }

  #take(source: Endpoint, destination: Endpoint, data: Uint8Array, dscp: number, local: Endpoint): void {
    const { name, specialProxy, specialRules } = this.#labels;
    // Port 0 cannot be sent to; what was sent to this very port would come back for ever.
    const isOwn = destination.port === local.port && isLocalAddress(destination.host);
    if (isOwn || source.port === 0 || destination.port === 0) return;
    const metadata = newFlow({
      network: 'udp',
      type: 'TProxy',
      sourceIp: source.host,
      sourcePort: source.port,
      host: '',
      destinationIp: destination.host,
      destinationPort: destination.port,
      inboundIp: local.host,
      inboundPort: local.port,
      inboundName: name,
      specialProxy,
      specialRules,
      dscp,
    });
    const reply: ClientPacket['reply'] = (answer, from) => this.#answer(source, from, answer, local);
    this.#onPacket({ metadata, data, reply });
  }

  #answer(client: Endpoint, remote: Endpoint, data: Uint8Array, local: Endpoint): void {
    if (this.#fd === undefined) return;
    const key = `${formatEndpoint(client.host, client.port)} ${formatEndpoint(remote.host, remote.port)}`;
    const reply = this.#replies.get(key) ?? this.#openReply(key, client, remote, local);
    if (reply === undefined) return;
    reply.lastUsedMs = this.#clock.monotonicMs();
    if (this.#replies.delete(key)) this.#replies.set(key, reply);
    // The runtime keeps what the system does not take at once.
    const kept = Buffer.from(data);
    if (reply.isConnected) reply.socket.send(kept, ignored);
    else reply.socket.once('connect', () => reply.socket.send(kept, ignored));
  }

  #openReply(key: string, client: Endpoint, remote: Endpoint, local: Endpoint): ReplySocket | undefined {
    let fd: number;
    try {
      fd = bindForeignUdp(this.#sockets, remote);
    } catch (error) {
      this.#log.warning(`${this.#labels.name} UDP: ${errorText(error)}`);
      return undefined;
    }
    const [oldest] = this.#replies.keys();
    if (this.#replies.size >= REPLY_SOCKET_LIMIT && oldest !== undefined) this.#drop(oldest);
    const socket = dgram.createSocket(remote.host.includes(':') ? 'udp6' : 'udp4');
    const reply = { socket, isConnected: false, lastUsedMs: this.#clock.monotonicMs() };
    this.#replies.set(key, reply);
    socket.on('error', () => this.#drop(key));
    socket.once('connect', () => {
      reply.isConnected = true;
    });
    // The system gives this socket, as the closer match, what the client sends to the same address from now on.
    socket.on('message', (data) => {
      reply.lastUsedMs = this.#clock.monotonicMs();
      this.#take(client, remote, data, 0, local);
    });
    socket.bind({ fd }, () => undefined);
    socket.connect(client.port, client.host);
    return reply;
  }

  #drop(key: string): void {
    const reply = this.#replies.get(key);
    if (reply === undefined) return;
    this.#replies.delete(key);
    reply.socket.removeAllListeners('message');
    reply.socket.close();
  }

  #sweep(): void {
    const deadMs = this.#clock.monotonicMs() - REPLY_IDLE_MS;
    for (const [key, { lastUsedMs }] of this.#replies) if (lastUsedMs <= deadMs) this.#drop(key);
  }
}

function ignored(): void {}
