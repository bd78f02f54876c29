import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@sluice/base/clock';
import type { DnsResponder } from './responder.ts';

/*
 * stream = (length(2) | message)*       (RFC 1035 §4.2.2); responses may come in any order (RFC 7766 §7)
 */
const LENGTH_BYTES = 2;
/** No question comes near it; a client that announces more is not one. */
const MAX_QUERY_BYTES = 8_192;
const MAX_RESPONSE_BYTES = 65_535;
const IDLE_MS = 10_000;
const MAX_PENDING = 64;
/** A client that does not read its responses is not read from. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** DNS messages over one byte stream, from its first byte to its end. */
export class TcpSession {
  readonly #stream: Duplex;
  readonly #responder: DnsResponder;
  readonly #clock: Clock;
  readonly #ip: string;
  readonly #port: number;
  readonly #timer: { current: Timer };
  #buffered: Buffer = Buffer.alloc(0);
  #pending = 0;
  #ended = false;
  #activeAtMs: number;

  /** Takes the stream over; it is destroyed when its client is silent for ten seconds or breaks the rules. */
  constructor(
    stream: Duplex,
    responder: DnsResponder,
    client: { readonly ip: string; readonly port: number },
    clock: Clock,
  ) {
    this.#stream = stream;
    this.#responder = responder;
    this.#clock = clock;
    this.#ip = client.ip;
    this.#port = client.port;
    this.#activeAtMs = clock.monotonicMs();
    this.#timer = { current: clock.after(IDLE_MS, () => this.#checkIdle()) };
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('drain', () => this.#flow());
    stream.on('end', () => {
      this.#ended = true;
      this.#endWhenDone();
    });
    stream.on('error', () => stream.destroy());
    stream.on('close', () => this.#timer.current.cancel());
  }

  #onData(chunk: Buffer): void {
    this.#activeAtMs = this.#clock.monotonicMs();
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    this.#takeMessages();
  }

  #takeMessages(): void {
    // Questions that came together are answered together.
    this.#stream.cork();
    this.#takeBuffered();
    this.#stream.uncork();
  }

  #takeBuffered(): void {
    let at = 0;
    const bytes = this.#buffered;
    while (!this.#isFull() && bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readUInt16BE(at);
      if (length > MAX_QUERY_BYTES) {
        this.#stream.destroy();
        return;
      }
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      this.#answer(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    // The rest must not keep a larger chunk alive.
    this.#buffered = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
    if (this.#isFull()) this.#stream.pause();
  }

  #answer(message: Uint8Array): void {
    const reply = this.#responder.respond(message, this.#ip, this.#port, MAX_RESPONSE_BYTES);
    if (reply instanceof Promise) void this.#answerLater(reply);
    else if (reply === undefined) this.#stream.destroy();
    else this.#send(reply);
  }

  async #answerLater(reply: Promise<Uint8Array>): Promise<void> {
    this.#pending++;
    const bytes = await reply;
    this.#pending--;
    if (this.#stream.destroyed) return;
    this.#send(bytes);
    this.#flow();
    this.#endWhenDone();
  }

  #send(reply: Uint8Array): void {
    if (this.#stream.destroyed) return;
    this.#activeAtMs = this.#clock.monotonicMs();
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + reply.length);
    frame.writeUInt16BE(reply.length, 0);
    frame.set(reply, LENGTH_BYTES);
    this.#stream.write(frame);
  }

  #isFull(): boolean {
    return this.#pending >= MAX_PENDING || this.#stream.writableLength > MAX_UNSENT_BYTES;
  }

  /** Goes on with what had to wait. */
  #flow(): void {
    if (this.#stream.destroyed || this.#isFull()) return;
    this.#takeMessages();
    if (!this.#isFull() && this.#stream.isPaused()) this.#stream.resume();
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#ended && this.#pending === 0 && !this.#stream.destroyed) this.#stream.end();
  }

  #checkIdle(): void {
    const leftMs = this.#activeAtMs + IDLE_MS - this.#clock.monotonicMs();
    if (leftMs > 0) this.#timer.current = this.#clock.after(leftMs, () => this.#checkIdle());
    else this.#stream.destroy();
  }
}
