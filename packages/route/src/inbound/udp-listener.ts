import dgram from 'node:dgram';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';
import type { Logger } from '@sluice/core/log/logger';
import { type InboundType, newFlow } from '@sluice/core/ports/flow';
import type { ClientPacket } from '../tunnel/udp-session.ts';
import type { InboundLabels } from './inbound.ts';

const SEND_QUEUE_LIMIT_BYTES = 1 << 20;

/** How one kind of inbound puts destinations into datagrams. */
export type DatagramFormat = {
  readonly type: InboundType;
  /** @throws ProtocolError for what is to be dropped */
  readonly parse: (packet: Uint8Array) => { readonly remote: Endpoint; readonly data: Uint8Array };
  /** What goes before the data of an answer. */
  readonly header: (remote: Endpoint) => Uint8Array | undefined;
};

/** SOCKS5 datagrams (RFC 1928 §7). */
export const SOCKS_DATAGRAMS: DatagramFormat = {
  type: 'Socks5',
  parse: parseSocksDatagram,
  header: encodeSocksDatagramHeader,
};

/** Bare datagrams that all go to one place. */
export function tunnelDatagrams(target: Endpoint): DatagramFormat {
  return { type: 'Tunnel', parse: (data) => ({ remote: target, data }), header: () => undefined };
}

/** Takes datagrams of clients on one port. */
export class UdpListener {
  readonly #socket: dgram.Socket;
  readonly #labels: InboundLabels;
  readonly #format: DatagramFormat;
  readonly #log: Logger;
  readonly #onPacket: (packet: ClientPacket) => void;
  #closed = false;

  /** An empty host means all interfaces, both families. */
  constructor(
    host: string,
    labels: InboundLabels,
    format: DatagramFormat,
    log: Logger,
    onPacket: (packet: ClientPacket) => void,
  ) {
    this.#socket = dgram.createSocket({ type: host === '' || host.includes(':') ? 'udp6' : 'udp4' });
    this.#labels = labels;
    this.#format = format;
    this.#log = log;
    this.#onPacket = onPacket;
  }

  /** Resolves to the port really bound. */
  listen(host: string, port: number): Promise<number> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port, ...(host === '' ? {} : { address: host }) }, () => {
        socket.off('error', reject);
        socket.on('error', (error) => this.#log.warning(`${this.#labels.name} UDP: ${error.message}`));
        const { address, port: boundPort } = socket.address();
        const local = { host: unmapIp(address), port: boundPort };
        socket.on('message', (packet, from) => this.#receive(packet, from, local));
        resolve(boundPort);
      });
    });
  }

  /** Sessions that go on can no longer answer. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #receive(packet: Buffer, from: dgram.RemoteInfo, local: Endpoint): void {
    const datagram = this.#read(packet);
    // Port 0 cannot be sent to: neither the destination nor, with a forged source, the answer.
    if (datagram === undefined || datagram.remote.port === 0 || from.port === 0) return;
    const { name, specialProxy, specialRules } = this.#labels;
    const metadata = newFlow({
      network: 'udp',
      type: this.#format.type,
      sourceIp: unmapIp(from.address),
      sourcePort: from.port,
      host: datagram.remote.host,
      destinationPort: datagram.remote.port,
      inboundIp: local.host,
      inboundPort: local.port,
      inboundName: name,
      specialProxy,
      specialRules,
    });
    const reply: ClientPacket['reply'] = (data, remote) => {
      if (this.#closed || this.#socket.getSendQueueSize() > SEND_QUEUE_LIMIT_BYTES) return;
      const header = this.#format.header(remote);
      // A client that cannot be reached concerns that datagram, not the listener.
      this.#socket.send(header === undefined ? data : [header, data], from.port, from.address, ignored);
    };
    this.#onPacket({ metadata, data: datagram.data, reply });
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

function ignored(): void {}
