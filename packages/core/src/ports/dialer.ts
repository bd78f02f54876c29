import type { Duplex } from 'node:stream';

/** One outgoing TCP connection wanted by another plane; it enters routing as an `Inner` flow. */
export type DialRequest = {
  readonly host: string;
  readonly port: number;
  /** Who asks, for the log and the connection table, for example `inspect` or `media.pull`. */
  readonly purpose: string;
  /** Name of the outbound or group to use; rules decide when absent. */
  readonly outbound?: string;
  /** The client on whose behalf this is dialed, so that source rules see the real client. */
  readonly client?: { readonly ip: string; readonly port: number };
  readonly signal?: AbortSignal;
};

/** An open byte stream to the destination, with the flow it was accounted to. */
export type Dialed = {
  readonly stream: Duplex;
  readonly flowId: string;
  /** Outbound names, leaf first, as the control API shows them. */
  readonly chain: readonly string[];
};

/** Opens every outgoing connection of the other planes through the route plane. */
export interface Dialer {
  /** @throws GatewayError `route.*` when no outbound could connect. */
  dial(request: DialRequest): Promise<Dialed>;
}
