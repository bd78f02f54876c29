import type { Endpoint } from '@sluice/base/address';
import { GatewayError } from '@sluice/base/errors';
import { type Ffi, loadFfi } from '@sluice/core/native/ffi';
import { type NativeSockets, nativeSockets } from '@sluice/core/native/native-sockets';
import { FAMILY_IPV4, familyOf, parseSocketAddress } from '@sluice/core/native/socket-address';
import {
  IPV6_ONLY,
  LEVEL_IPV6,
  LEVEL_SOCKET,
  SO_RECEIVE_BUFFER,
  SO_REUSEADDR,
} from '@sluice/core/native/socket-constants';
import { DatagramBatch } from './datagram-batch.ts';
import type { DnsResponder } from './responder.ts';

const BATCH = 32;
/** Queries are far shorter. */
const QUERY_BYTES = 4_096;
const RESPONSE_BYTES = 65_507;
/** Responses up to this are sent in batches. */
const SHORT_RESPONSE_BYTES = 1_472;
/** Batches in a row before other work gets its turn. */
const MAX_BATCHES = 8;
const MAX_PENDING = 4_096;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

const NOT_ALLOWED = 'recvmmsg and sendmmsg are not allowed here';
const NOBODY: Endpoint = { host: '', port: 0 };

/** What the listener runs on, or why it cannot. */
export type BatchSupport =
  | { readonly available: true; readonly ffi: Ffi; readonly sockets: NativeSockets }
  | { readonly available: false; readonly reason: string };

/** Whether datagrams can be moved in batches here. */
export function batchSupport(): BatchSupport {
  const native = nativeSockets();
  if (!native.available) return native;
  const foreign = loadFfi();
  return foreign.available ? { available: true, ffi: foreign.ffi, sockets: native.sockets } : foreign;
}

/**
 * DNS over UDP on one address, many datagrams to a system call: most of the cost of a short answer is in the calls that receive
 * the question and send the answer.
 */
export class BatchUdpListener {
  readonly #responder: DnsResponder;
  readonly #sockets: NativeSockets;
  readonly #fd: number;
  readonly #received: DatagramBatch;
  readonly #responses: DatagramBatch;
  readonly #longResponse: DatagramBatch;
  readonly #unwatch: () => void;
  #staged = 0;
  #pending = 0;
  #closed = false;
  /** The sender of the slot before, since a busy client fills many in a row. */
  #lastSlot = -1;
  #lastHost = '';

  private constructor(
    fd: number,
    responder: DnsResponder,
    { ffi, sockets }: Extract<BatchSupport, { available: true }>,
  ) {
    this.#responder = responder;
    this.#sockets = sockets;
    this.#fd = fd;
    this.#received = new DatagramBatch(ffi, BATCH, QUERY_BYTES);
    this.#responses = new DatagramBatch(ffi, BATCH, SHORT_RESPONSE_BYTES);
    this.#longResponse = new DatagramBatch(ffi, 1, RESPONSE_BYTES);
    if (!this.#received.isUsable(fd)) throw new GatewayError('unavailable', 'native.batches', NOT_ALLOWED);
    this.#unwatch = sockets.watch(fd, () => this.#onReadable());
  }

  /** An empty host means every address, else it is an IP literal. @throws GatewayError `native.socket`, `native.batches` */
  static listen(
    { host, port }: Endpoint,
    responder: DnsResponder,
    support: Extract<BatchSupport, { available: true }>,
  ): BatchUdpListener {
    const { sockets } = support;
    const family = familyOf(host);
    const fd = sockets.open(family, 'datagram');
    try {
      sockets.setOption(fd, LEVEL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
      sockets.setOption(fd, LEVEL_SOCKET, SO_RECEIVE_BUFFER, RECEIVE_BUFFER_BYTES, 'SO_RCVBUF');
      if (family !== FAMILY_IPV4) sockets.setOption(fd, LEVEL_IPV6, IPV6_ONLY, 0, 'IPV6_V6ONLY');
      sockets.bind(fd, family, { host, port });
      return new BatchUdpListener(fd, responder, support);
    } catch (error) {
      sockets.close(fd);
      throw error;
    }
  }

  /** The port really listened on. */
  get port(): number {
    return this.#sockets.localAddress(this.#fd)?.port ?? 0;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
    this.#sockets.close(this.#fd);
  }

  #onReadable(): void {
    for (let round = 0; round < MAX_BATCHES && !this.#closed; round++) {
      const count = this.#received.receive(this.#fd);
      this.#lastSlot = -1;
      for (let slot = 0; slot < count; slot++) this.#answer(slot);
      this.#sendStaged();
      if (count < BATCH) return;
    }
  }

  #answer(slot: number): void {
    const message = this.#received.datagram(slot);
    if (message === undefined || this.#pending >= MAX_PENDING) return;
    const name = this.#received.name(slot);
    const port = ((name[2] ?? 0) << 8) | (name[3] ?? 0);
    const reply = this.#responder.respond(message, this.#hostOf(slot, name), port, 'client');
    if (reply instanceof Promise) void this.#answerLater(reply, Buffer.from(name));
    else if (reply !== undefined) this.#stage(reply, name);
  }

  #hostOf(slot: number, name: Uint8Array): string {
    if (this.#lastSlot < 0 || !this.#received.hasSameHost(slot, this.#lastSlot))
      this.#lastHost = (parseSocketAddress(name) ?? NOBODY).host;
    this.#lastSlot = slot;
    return this.#lastHost;
  }

  async #answerLater(reply: Promise<Uint8Array>, name: Uint8Array): Promise<void> {
    this.#pending++;
    const bytes = await reply;
    this.#pending--;
    if (this.#closed) return;
    this.#stage(bytes, name);
    this.#sendStaged();
  }

  #stage(reply: Uint8Array, name: Uint8Array): void {
    if (this.#responses.put(this.#staged, reply, name)) {
      if (++this.#staged === BATCH) this.#sendStaged();
    } else if (this.#longResponse.put(0, reply, name)) this.#longResponse.send(this.#fd, 1);
  }

  #sendStaged(): void {
    if (this.#staged > 0) this.#responses.send(this.#fd, this.#staged);
    this.#staged = 0;
  }
}
