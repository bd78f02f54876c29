import dgram, { type RemoteInfo } from 'node:dgram';
import { isIP } from 'node:net';
import { type Endpoint, unmapIp } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { DnsResponder } from './responder.ts';

const MAX_QUERY_BYTES = 4_096;
/** Queries that wait for an upstream at the same time; more are dropped, as an overloaded network would. */
const MAX_PENDING = 4_096;
/** Responses the kernel has not taken yet. */
const MAX_UNSENT = 1_024;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** DNS over UDP on one address. */
export class UdpListener {
  readonly #responder: DnsResponder;
  readonly #socket: dgram.Socket;
  #pending = 0;
  #unsent = 0;

  private constructor(responder: DnsResponder, socket: dgram.Socket, log: Logger) {
    this.#responder = responder;
    this.#socket = socket;
    socket.on('message', (message, from) => this.#onMessage(message, from));
    socket.on('error', (error) => log.warning(`DNS server (UDP): ${errorText(error)}`));
  }

  /** `place.host` is an IP literal. Rejects with the socket's error. */
  static async listen(place: Endpoint, responder: DnsResponder, log: Logger): Promise<UdpListener> {
    return new UdpListener(responder, await bindSocket(place), log);
  }

  /** The port really listened on. */
  get port(): number {
    return this.#socket.address().port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }

  #onMessage(message: Buffer, from: RemoteInfo): void {
    const isBusy = this.#pending >= MAX_PENDING || this.#unsent >= MAX_UNSENT;
    if (isBusy || message.length > MAX_QUERY_BYTES) return;
    const reply = this.#responder.respond(message, unmapIp(from.address), from.port, 'client');
    if (reply instanceof Promise) void this.#sendLater(reply, from);
    else if (reply !== undefined) this.#send(reply, from);
  }

  async #sendLater(reply: Promise<Uint8Array>, to: RemoteInfo): Promise<void> {
    this.#pending++;
    const bytes = await reply;
    this.#pending--;
    this.#send(bytes, to);
  }

  #send(reply: Uint8Array, to: RemoteInfo): void {
    this.#unsent++;
    try {
      this.#socket.send(reply, to.port, to.address, this.#onSent);
    } catch (error) {
      this.#onSent(error as Error);
    }
  }

  /** A response that could not be sent is one that got lost: the client asks again. */
  readonly #onSent = (_error: Error | null): void => {
    this.#unsent--;
  };
}

async function bindSocket({ host: address, port }: Endpoint): Promise<dgram.Socket> {
  const socket = dgram.createSocket({
    type: isIP(address) === 4 ? 'udp4' : 'udp6',
    reuseAddr: true,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Addresses of clients are literals; the default would take a turn of the event loop to find that out.
    lookup: (name, _options, done) => done(null, name, isIP(name)),
  });
  const opened = Promise.withResolvers<void>();
  socket.once('error', opened.reject);
  socket.bind({ address, port }, opened.resolve);
  try {
    await opened.promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.removeListener('error', opened.reject);
  return socket;
}
