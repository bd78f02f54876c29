/** A finished response, one that is on its way, or `undefined` for what gets none (no DNS query at all). */
export type DnsResponse = Uint8Array | Promise<Uint8Array> | undefined;

/** The longest response in bytes, or `client`: what the query says its sender takes over UDP. */
export type ResponseLimit = number | 'client';

/** Answers DNS messages as they came from the network; never throws, and its promises never reject. */
export interface DnsResponder {
  /**
   * `client` (with port 0 a text of any kind) and `clientPort` are for the query log. What needs no upstream is answered at
   * once, without a promise.
   */
  respond(message: Uint8Array, client: string, clientPort: number, limit: ResponseLimit): DnsResponse;
}
