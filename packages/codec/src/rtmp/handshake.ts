import { randomBytes } from 'node:crypto';
import { ByteQueue } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import {
  findDigest,
  HANDSHAKE_BYTES,
  PLAYER_FULL_KEY,
  PLAYER_KEY,
  SERVER_FULL_KEY,
  SERVER_KEY,
  signAnswer,
  signBlock,
} from './digest.ts';

const VERSION = 3;
/** What may wait unread: both messages and the bytes that came with the last one. */
const LIMIT_BYTES = 4 * 1024 * 1024;

/** Server side of the handshake (Adobe RTMP 1.0 §5.2), with digests when the client sends them. */
export class ServerHandshake {
  readonly #queue = new ByteQueue(LIMIT_BYTES);
  #state: 'c0c1' | 'c2' | 'done' = 'c0c1';

  /** Takes received bytes and returns what to send now; see `done` and `takeRest`. @throws ProtocolError */
  push(bytes: Uint8Array): Buffer | undefined {
    this.#queue.push(bytes);
    let reply: Buffer | undefined;
    if (this.#state === 'c0c1') {
      const version = this.#queue.at(0);
      if (version !== undefined && version !== VERSION) throw new ProtocolError('rtmp-version', 0);
      const hello = this.#queue.take(1 + HANDSHAKE_BYTES);
      if (hello === undefined) return undefined;
      reply = answerHello(hello.subarray(1));
      this.#state = 'c2';
    }
    // The content of C2 is not checked: clients differ in what they echo.
    if (this.#state === 'c2' && this.#queue.take(HANDSHAKE_BYTES) !== undefined) this.#state = 'done';
    return reply;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** The bytes that followed the handshake, once. */
  takeRest(): Uint8Array {
    return this.#queue.takeAll();
  }
}

/** S0, S1 and S2 for a C1: time 32, zero or version 32, 1528 random bytes (with a digest in the complex form). */
function answerHello(hello: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(1 + 2 * HANDSHAKE_BYTES);
  out[0] = VERSION;
  const s1 = out.subarray(1, 1 + HANDSHAKE_BYTES);
  const s2 = out.subarray(1 + HANDSHAKE_BYTES);
  randomBytes(HANDSHAKE_BYTES).copy(s1);
  s1.set(hello.subarray(0, 4));
  const simple = hello[4] === 0 && hello[5] === 0 && hello[6] === 0 && hello[7] === 0;
  const found = simple ? undefined : findDigest(hello, PLAYER_KEY);
  if (found === undefined) {
    s1.fill(0, 4, 8);
    s2.set(hello);
    return out;
  }
  s1.writeUInt32BE(0x04050001, 4);
  signBlock(s1, found.scheme, SERVER_KEY);
  randomBytes(HANDSHAKE_BYTES).copy(s2);
  signAnswer(s2, SERVER_FULL_KEY, found.digest);
  return out;
}

/** Client side of the handshake; S1 and S2 are not verified. `complex` sends a signed C1 and, if S1 is signed, C2. */
export class ClientHandshake {
  readonly #queue = new ByteQueue(LIMIT_BYTES);
  readonly #complex: boolean;
  #done = false;

  constructor(options: { readonly complex: boolean } = { complex: false }) {
    this.#complex = options.complex;
  }

  /** C0 and C1, to be sent first. */
  start(): Buffer {
    const out = randomBytes(1 + HANDSHAKE_BYTES);
    out[0] = VERSION;
    out.writeUInt32BE(0, 1);
    out.writeUInt32BE(this.#complex ? 0x80000702 : 0, 5);
    if (this.#complex) signBlock(out.subarray(1), 1, PLAYER_KEY);
    return out;
  }

  /** Takes received bytes and returns C2 when S0, S1 and S2 have arrived. @throws ProtocolError */
  push(bytes: Uint8Array): Buffer | undefined {
    this.#queue.push(bytes);
    if (this.#done) return undefined;
    const version = this.#queue.at(0);
    if (version !== undefined && version !== VERSION) throw new ProtocolError('rtmp-version', 0);
    const reply = this.#queue.take(1 + 2 * HANDSHAKE_BYTES);
    if (reply === undefined) return undefined;
    this.#done = true;
    const s1 = reply.subarray(1, 1 + HANDSHAKE_BYTES);
    const found = this.#complex ? findDigest(s1, SERVER_KEY) : undefined;
    if (found === undefined) return Buffer.from(s1);
    const c2 = randomBytes(HANDSHAKE_BYTES);
    signAnswer(c2, PLAYER_FULL_KEY, found.digest);
    return c2;
  }

  get done(): boolean {
    return this.#done;
  }

  /** The bytes that followed the handshake, once. */
  takeRest(): Uint8Array {
    return this.#queue.takeAll();
  }
}
