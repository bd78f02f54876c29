import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@sluice/base/clock';

/** How long to wait for the first byte (`Infinity` for ever), and for enough bytes once there is one. */
export type SniffPatience = { readonly firstByteMs: number; readonly wholeMs: number };

const CR = 13;
const LF = 10;

/** Looks at the first bytes of a stream until they tell what it carries; the stream is paused afterwards. */
export class Sniffer {
  readonly #stream: Duplex;
  readonly #clock: Clock;

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /**
   * Feeds `classify` with all bytes so far (without leading empty lines) until it decides; `fallback` is the answer when
   * time is up, the stream ends or `cancel` aborts. The bytes are returned for whoever continues.
   */
  read<T>(
    initial: Buffer,
    patience: SniffPatience,
    classify: (bytes: Buffer) => T | undefined,
    fallback: T,
    cancel?: AbortSignal,
  ): Promise<{ readonly content: T; readonly bytes: Buffer }> {
    const stream = this.#stream;
    const { promise, resolve, reject } = Promise.withResolvers<{
      readonly content: T;
      readonly bytes: Buffer;
    }>();
    let bytes = withoutEmptyLines(initial);
    const { firstByteMs, wholeMs } = patience;
    const onEnd = (): void => settle(fallback);
    let timer = this.#after(bytes.length === 0 ? firstByteMs : wholeMs, onEnd);
    let settled = false;
    const settle = (content: T): void => {
      settled = true;
      timer?.cancel();
      cancel?.removeEventListener('abort', onEnd);
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      stream.pause();
      resolve({ content, bytes });
    };
    const look = (): void => {
      try {
        const content = bytes.length === 0 ? undefined : classify(bytes);
        if (content !== undefined) settle(content);
      } catch (error) {
        reject(error);
        settle(fallback);
      }
    };
    const onData = (chunk: Buffer): void => {
      if (bytes.length === 0) {
        timer?.cancel();
        timer = this.#after(wholeMs, onEnd);
      }
      bytes = bytes.length === 0 ? withoutEmptyLines(chunk) : Buffer.concat([bytes, chunk]);
      look();
    };
    cancel?.addEventListener('abort', onEnd, { once: true });
    stream.on('data', onData);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    look();
    if (!settled) stream.resume();
    return promise;
  }

  #after(delayMs: number, task: () => void): Timer | undefined {
    return delayMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.after(delayMs, task);
  }
}

// Some clients send an empty line after the CONNECT head.
function withoutEmptyLines(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  return at === 0 ? bytes : bytes.subarray(at);
}
