import dgram from 'node:dgram';
import { once } from 'node:events';
import type { Endpoint } from '@sluice/base/address';
import { encodeSocksDatagramHeader, parseSocksDatagram } from '@sluice/codec/socks/udp-header';

/** What came back: the end point the relay names, and the data as text. */
type UdpAnswer = { readonly from: string; readonly text: string; readonly data: Buffer };

/** One UDP socket that speaks to a SOCKS5 relay on loopback. */
export class SocksUdpClient {
  readonly #socket = dgram.createSocket('udp4');
  readonly #relayPort: number;
  readonly #received: UdpAnswer[] = [];
  readonly #waiting: ((answer: UdpAnswer) => void)[] = [];

  constructor(relayPort: number) {
    this.#relayPort = relayPort;
    this.#socket.on('message', (message) => {
      const { remote, data } = parseSocksDatagram(message);
      const bytes = Buffer.from(data);
      const answer = { from: `${remote.host}:${remote.port}`, text: bytes.toString(), data: bytes };
      const next = this.#waiting.shift();
      if (next === undefined) this.#received.push(answer);
      else next(answer);
    });
  }

  static async open(relayPort: number): Promise<SocksUdpClient> {
    const client = new SocksUdpClient(relayPort);
    client.#socket.bind(0, '127.0.0.1');
    await once(client.#socket, 'listening');
    return client;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(to: Endpoint, data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const packet = Buffer.concat([encodeSocksDatagramHeader(to), bytes]);
    this.#socket.send(packet, this.#relayPort, '127.0.0.1');
  }

  /** The next answer. @throws Error when none comes in time */
  next(timeoutMs = 5_000): Promise<UdpAnswer> {
    const received = this.#received.shift();
    if (received !== undefined) return Promise.resolve(received);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no datagram came back')), timeoutMs);
      this.#waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  /** Sends and waits for the answer. */
  ask(to: Endpoint, data: string | Uint8Array): Promise<UdpAnswer> {
    this.send(to, data);
    return this.next();
  }

  close(): void {
    this.#socket.close();
  }
}
