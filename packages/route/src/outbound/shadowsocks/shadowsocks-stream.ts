import { Duplex } from 'node:stream';
import type { Clock, Timer } from '@sluice/base/clock';
import {
  type ShadowsocksCipher,
  ShadowsocksDecoder,
  type ShadowsocksEncoder,
} from '@sluice/codec/shadowsocks/stream';

/** How long the destination waits to be sent together with the client's first bytes. */
const FIRST_PAYLOAD_WAIT_MS = 200;

/** The plaintext side of a Shadowsocks connection; every write is sealed before it is reported as taken. */
export class ShadowsocksStream extends Duplex {
  readonly #link: Duplex;
  readonly #encoder: ShadowsocksEncoder;
  readonly #decoder: ShadowsocksDecoder;
  #address: Uint8Array | undefined;
  readonly #addressTimer: Timer;

  /** Owns `link`, the paused connection to the server. `address` is the destination as SOCKS writes it. */
  constructor(
    link: Duplex,
    cipher: ShadowsocksCipher,
    encoder: ShadowsocksEncoder,
    address: Uint8Array,
    clock: Clock,
  ) {
    super({ allowHalfOpen: true });
    this.#link = link;
    this.#encoder = encoder;
    this.#decoder = new ShadowsocksDecoder(cipher);
    this.#address = address;
    // A destination that speaks first must not wait for its client.
    this.#addressTimer = clock.after(FIRST_PAYLOAD_WAIT_MS, () => this.#sendAddress());
    link.on('data', (chunk: Buffer) => this.#receive(chunk));
    link.once('end', () => this.push(null));
    link.on('error', (error) => this.destroy(error));
    link.once('close', () => {
      if (!link.readableEnded) this.destroy();
    });
    link.pause();
    // An error before the owner listens must not end the process; the close that follows it is seen in any case.
    this.on('error', () => this.destroy());
  }

  override _read(): void {
    this.#link.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const address = this.#takeAddress();
    const plain = address === undefined ? chunk : Buffer.concat([address, chunk]);
    if (this.#link.write(this.#encoder.encode(plain))) done();
    else this.#link.once('drain', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sendAddress();
    this.#link.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#addressTimer.cancel();
    this.#link.destroy();
    this.#encoder.close();
    this.#decoder.close();
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    let plain: Buffer;
    try {
      plain = this.#decoder.decode(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (plain.length > 0 && !this.push(plain)) this.#link.pause();
  }

  #takeAddress(): Uint8Array | undefined {
    const address = this.#address;
    this.#address = undefined;
    this.#addressTimer.cancel();
    return address;
  }

  #sendAddress(): void {
    const address = this.#takeAddress();
    if (address !== undefined && !this.destroyed) this.#link.write(this.#encoder.encode(address));
  }
}
