import { GatewayError } from '@sluice/base/errors';
import { MAX_MESSAGE_BYTES } from '@sluice/codec/dns/header';

/** An open way to an HTTP server. */
export interface HttpAsk {
  readonly isOpen: boolean;
  /** The body of a GET answered with 200. @throws GatewayError `dns.http-status`, `dns.closed`, the socket's error, or the signal's reason */
  get(path: string, signal: AbortSignal): Promise<Uint8Array>;
  close(): void;
}

/** Gathers a body up to the size of a DNS message. */
export class BodyCollector {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  /** False when the body is too long. */
  add(chunk: Buffer): boolean {
    this.#length += chunk.length;
    if (this.#length > MAX_MESSAGE_BYTES) return false;
    this.#chunks.push(chunk);
    return true;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }
}

export function unexpectedStatus(status: number): GatewayError {
  return new GatewayError('unavailable', 'dns.http-status', `unexpected status: ${status}`);
}

export function tooLong(): GatewayError {
  return new GatewayError('unavailable', 'dns.bad-response', 'response too long');
}
