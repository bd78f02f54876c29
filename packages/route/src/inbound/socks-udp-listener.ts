import dgram from 'node:dgram';
import { unmapIp } from '@sluice/base/address';
import { ProtocolError } from '@sluice/base/errors';
import {
  encodeSocksDatagramHeader,
  parseSocksDatagram,
  type SocksDatagram,
} from '@sluice/codec/socks/udp-header';
import type { Logger } from '@sluice/core/log/logger';
import { newFlow } from '@sluice/core/ports/flow';
import type { ClientPacket } from '../tunnel/udp-session.ts';

const SEND_QUEUE_LIMIT_BYTES = 1 << 20;

/** Takes SOCKS5 datagrams (RFC 1928 §7) on the port of a SOCKS or mixed inbound. */
export class SocksUdpListener {
  readonly #socket: dgram.Socket;
  readonly #inboundName: string;
  readonly #log: Logger;
  readonly #onPacket: (packet: ClientPacket) => void;
  #closed = false;

  /** An empty host means all interfaces, both families. */
  constructor(host: string, inboundName: string, log: Logger, onPacket: (packet: ClientPacket) => void) {
    this.#socket = dgram.createSocket({ type: host === '' || host.includes(':') ? 'udp6' : 'udp4' });
    this.#inboundName = inboundName;
    this.#log = log;
    this.#onPacket = onPacket;
  }

  listen(host: string, port: number): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port, ...(host === '' ? {} : { address: host }) }, () => {
        socket.off('error', reject);
        socket.on('error', (error) => this.#log.warning(`${this.#inboundName} UDP: ${error.message}`));
        const { address, port: boundPort } = socket.address();
        const local = { ip: unmapIp(address), port: boundPort };
        socket.on('message', (packet, from) => this.#receive(packet, from, local));
        resolve();
      });
    });
  }

  /** Sessions that go on can no longer answer. */
  close(): void {
    this.#closed = true;
    this.#socket.close();
  }

  #receive(
    packet: Buffer,
    from: dgram.RemoteInfo,
    local: { readonly ip: string; readonly port: number },
  ): void {
    const datagram = readDatagram(packet);
    // Port 0 cannot be sent to: neither the destination nor, with a forged source, the answer.
    if (datagram === undefined || datagram.remote.port === 0 || from.port === 0) return;
    const metadata = newFlow({
      network: 'udp',
      type: 'Socks5',
      sourceIp: unmapIp(from.address),
      sourcePort: from.port,
      host: datagram.remote.host,
      destinationPort: datagram.remote.port,
      inboundIp: local.ip,
      inboundPort: local.port,
      inboundName: this.#inboundName,
    });
    const reply: ClientPacket['reply'] = (data, remote) => {
      if (this.#closed || this.#socket.getSendQueueSize() > SEND_QUEUE_LIMIT_BYTES) return;
      // A client that cannot be reached concerns that datagram, not the listener.
      this.#socket.send([encodeSocksDatagramHeader(remote), data], from.port, from.address, () => undefined);
    };
    this.#onPacket({ metadata, data: datagram.data, reply });
  }
}

/** A malformed or fragmented datagram is dropped like a lost one. */
function readDatagram(packet: Uint8Array): SocksDatagram | undefined {
  try {
    return parseSocksDatagram(packet);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
