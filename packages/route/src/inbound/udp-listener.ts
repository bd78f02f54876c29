import type { Endpoint } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import type { Logger } from '@sluice/core/log/logger';
import {
  DATAGRAM_HEADER_LIMIT_BYTES,
  type DatagramPeer,
  type DatagramSocket,
  datagramEngine,
} from '@sluice/core/native/datagram-engine';
import { type InboundType, newFlow } from '@sluice/core/ports/flow';
import type { ClientPacket, PacketWay } from '../tunnel/udp-session.ts';
import type { InboundLabels } from './inbound.ts';
import { KnownWays } from './known-ways.ts';

/** How one kind of inbound puts destinations into datagrams. */
export type DatagramFormat = {
  readonly type: InboundType;
  /** What is left of `data` is its end. @throws ProtocolError for what is to be dropped */
  readonly parse: (packet: Uint8Array) => { readonly remote: Endpoint; readonly data: Uint8Array };
  /** What goes before the data of an answer. */
  readonly header: (remote: Endpoint) => Uint8Array;
};

/** SOCKS5 datagrams (RFC 1928 §7). */
export const SOCKS_DATAGRAMS: DatagramFormat = {
  type: 'Socks5',
  parse: parseSocksDatagram,
  header: encodeSocksDatagramHeader,
};

const NO_HEADER = new Uint8Array(0);

/** Bare datagrams that all go to one place. */
export function tunnelDatagrams(target: Endpoint): DatagramFormat {
  return { type: 'Tunnel', parse: (data) => ({ remote: target, data }), header: () => NO_HEADER };
}

/** Takes datagrams of clients on one port. */
export class UdpListener {
  readonly #labels: InboundLabels;
  readonly #format: DatagramFormat;
  readonly #log: Logger;
  readonly #onPacket: (packet: ClientPacket) => PacketWay | undefined;
  readonly #ways = new KnownWays();
  #socket: DatagramSocket | undefined;
  #local: Endpoint = { host: '', port: 0 };
  #closed = false;

  /** `onPacket` answers with the way that further datagrams of the client to the same place can go at once. */
  constructor(
    labels: InboundLabels,
    format: DatagramFormat,
    log: Logger,
    onPacket: (packet: ClientPacket) => PacketWay | undefined,
  ) {
    this.#labels = labels;
    this.#format = format;
    this.#log = log;
    this.#onPacket = onPacket;
  }

  /** Resolves to the port really bound; an empty host means all interfaces, both families. */
  async listen(host: string, port: number): Promise<number> {
    const { socket, local } = await datagramEngine().listen(
      { host, port },
      {
        onDatagram: (packet, from) => this.#receive(packet, from),
        onError: (error) => this.#log.warning(`${this.#labels.name} UDP: ${error.message}`),
      },
    );
    this.#local = local;
    this.#socket = socket;
    if (this.#closed) socket.close();
    return local.port;
  }

  /** Sessions that go on can no longer answer. */
  close(): void {
    this.#closed = true;
    this.#socket?.close();
  }

  #receive(packet: Uint8Array, from: DatagramPeer): void {
    if (this.#ways.send(packet, from)) return;
    // Port 0 cannot be sent to: neither the destination nor, with a forged source, the answer.
    if (from.port === 0) return;
    // Whoever chooses the way keeps the datagram meanwhile.
    const kept = Buffer.from(packet);
    const datagram = this.#read(kept);
    if (datagram === undefined || datagram.remote.port === 0) return;
    const { remote, data } = datagram;
    const way = this.#onPacket({ metadata: this.#metadata(remote, from), data, reply: this.#replyTo(from) });
    if (way !== undefined) this.#ways.keep(from, kept.subarray(0, kept.length - data.length), way);
  }

  #metadata(remote: Endpoint, from: DatagramPeer) {
    const { name, specialProxy, specialRules } = this.#labels;
    return newFlow({
      network: 'udp',
      type: this.#format.type,
      sourceIp: from.host,
      sourcePort: from.port,
      host: remote.host,
      destinationPort: remote.port,
      inboundIp: this.#local.host,
      inboundPort: this.#local.port,
      inboundName: name,
      specialProxy,
      specialRules,
    });
  }

  #replyTo(client: DatagramPeer): ClientPacket['reply'] {
    let last: Endpoint | undefined;
    let header: Uint8Array = NO_HEADER;
    return (data, remote) => {
      if (remote !== last) {
        header = this.#format.header(remote);
        last = remote;
      }
      if (header.length <= DATAGRAM_HEADER_LIMIT_BYTES) this.#socket?.send(data, client, header);
      else this.#socket?.send(Buffer.concat([header, data]), client, NO_HEADER);
    };
  }

  /** A malformed or fragmented datagram is dropped like a lost one. */
  #read(packet: Uint8Array) {
    try {
      return this.#format.parse(packet);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}
