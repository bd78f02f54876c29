import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { type AnswerRecord, encodeAnswer, encodeFailure } from '@sluice/codec/dns/encode';
import { parseDnsQuery } from '@sluice/codec/dns/message';
import { typeName } from '@sluice/codec/dns/types';
import type { DnsDialer } from '../dns-service.ts';

/** Dials as the operating system does, whatever the way. */
export const plainDialer: DnsDialer = {
  async dialTcp({ host, port }) {
    const socket = net.connect({ host, port });
    await once(socket, 'connect');
    return socket;
  },
  async openUdp({ host }, _via, { onPacket, onClose }) {
    const socket = dgram.createSocket(net.isIP(host) === 6 ? 'udp6' : 'udp4');
    socket.on('message', (data, from) => onPacket(data, { host: from.address, port: from.port }));
    socket.on('close', onClose);
    socket.on('error', () => socket.close());
    return {
      send: (data, to) => socket.send(data, to.port, to.host),
      close: () => socket.close(),
    };
  },
};

/** A DNS server on a loopback port with fixed answers by `name TYPE`; what is not in the table does not exist. */
export class LoopbackDns {
  readonly asked: string[] = [];
  readonly #socket = dgram.createSocket('udp4');
  readonly #answers: Readonly<Record<string, readonly AnswerRecord[]>>;
  #closed = false;

  constructor(answers: Readonly<Record<string, readonly AnswerRecord[]>>) {
    this.#answers = answers;
    this.#socket.on('message', (message, from) => {
      this.#socket.send(this.answer(message), from.port, from.address);
    });
  }

  /** Resolves with `127.0.0.1:port`. */
  async listen(): Promise<string> {
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Stops answering; once is enough. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  /** The response to a query, whichever way it came. */
  answer(message: Uint8Array): Uint8Array {
    const query = parseDnsQuery(message);
    const key = `${query.question?.name} ${typeName(query.question?.type ?? 0)}`;
    this.asked.push(key);
    const answers = this.#answers[key];
    if (answers === undefined) return encodeFailure(query, 3);
    return encodeAnswer(query, { rcode: 0, authoritative: false, recursionAvailable: true, answers });
  }
}
