import type { FlowMetadata } from '@sluice/core/ports/flow';

/** What a sniffer found: the name, and whether it replaces the destination. */
export type Sniffed = { readonly host: string; readonly override: boolean };

/** What reading the first bytes of a TCP connection came to. */
export type StreamVerdict =
  | { readonly kind: 'found'; readonly sniffed: Sniffed }
  /** Nothing useful; go on without. */
  | { readonly kind: 'none' }
  /** More bytes are needed: at least `totalBytes` from the start. */
  | { readonly kind: 'more'; readonly totalBytes: number };

/** Reads destination names out of the first bytes of flows; decides by configuration whether to look at all. */
export interface Sniffer {
  /** Whether the first bytes of this TCP flow are to be waited for (at most a second; then `timedOut` and the flow ends). */
  wantsStream(flow: FlowMetadata): boolean;
  readStream(flow: FlowMetadata, first: Uint8Array): StreamVerdict;
  /** The client sent nothing in time. */
  timedOut(flow: FlowMetadata): void;
  /** Looks at one datagram of a session whose outbound is not chosen yet; `undefined` when it says nothing. */
  readDatagram(flow: FlowMetadata, data: Uint8Array): Sniffed | undefined;
  /**
   * True after `readDatagram` said nothing because the hello goes on in later datagrams of the session; each should then be
   * given with the same flow, before its outbound is chosen, for as long as the session can wait.
   */
  awaitsDatagram(flow: FlowMetadata): boolean;
}
