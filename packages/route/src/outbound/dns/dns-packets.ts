import type { Endpoint } from '@sluice/base/address';
import type { Clock, Timer } from '@sluice/base/clock';
import type { PacketHandlers, PacketSocket } from '../outbound.ts';
import type { AnswerDns } from './dns-outbound.ts';

const IDLE_MS = 10_000;
const REPLY_LIMIT_BYTES = 2048;
const PENDING_LIMIT = 128;
const HEADER_BYTES = 12;
const FLAG_TRUNCATED = 0x02;

/** DNS datagrams that are answered here; the association closes when nothing has been asked for ten seconds. */
export function openDnsPackets(
  answer: AnswerDns,
  client: string,
  handlers: PacketHandlers,
  clock: Clock,
): PacketSocket {
  return new DnsPackets(answer, client, handlers, clock);
}

class DnsPackets implements PacketSocket {
  readonly #answer: AnswerDns;
  readonly #client: string;
  readonly #handlers: PacketHandlers;
  readonly #clock: Clock;
  #idle: Timer;
  #pending = 0;
  #closed = false;

  constructor(answer: AnswerDns, client: string, handlers: PacketHandlers, clock: Clock) {
    this.#answer = answer;
    this.#client = client;
    this.#handlers = handlers;
    this.#clock = clock;
    this.#idle = clock.after(IDLE_MS, () => this.close());
  }

  send(data: Uint8Array, to: Endpoint): void {
    if (this.#closed || this.#pending >= PENDING_LIMIT) return;
    this.#idle.cancel();
    this.#idle = this.#clock.after(IDLE_MS, () => this.close());
    this.#pending += 1;
    // The datagram's memory belongs to whoever received it.
    this.#answer(Uint8Array.from(data), this.#client).then(
      (reply) => {
        this.#pending -= 1;
        if (!this.#closed) this.#handlers.onPacket(truncated(reply), to);
      },
      () => {
        // Like a datagram that was lost: the client asks again.
        this.#pending -= 1;
      },
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idle.cancel();
    this.#handlers.onClose();
  }
}

/** The reply itself, or its header and question with the TC bit when it is too long for a datagram (RFC 2181 §9). */
function truncated(reply: Uint8Array): Uint8Array {
  if (reply.length <= REPLY_LIMIT_BYTES) return reply;
  const head = Buffer.from(reply.subarray(0, questionEnd(reply)));
  head[2] = (head[2] ?? 0) | FLAG_TRUNCATED;
  head.fill(0, 6, HEADER_BYTES);
  if (head.length === HEADER_BYTES) head.fill(0, 4, 6);
  return head;
}

/** Where the one question of a message ends; just behind the header when it cannot be told. */
function questionEnd(message: Uint8Array): number {
  let at = HEADER_BYTES;
  for (let length = message[at]; length !== undefined && length < 64; length = message[at]) {
    at += 1 + length;
    if (length === 0) return at + 4 <= REPLY_LIMIT_BYTES && message[5] === 1 ? at + 4 : HEADER_BYTES;
  }
  return HEADER_BYTES;
}
