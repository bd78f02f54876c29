import type { Duplex } from 'node:stream';
import type { Endpoint } from '@sluice/base/address';
import type { GatewayError } from '@sluice/base/errors';

/** One connection an outbound is asked for. */
export type OutboundRequest = {
  /** Domain or IP literal. */
  readonly target: Endpoint;
  /** Who asked, when it came through an inbound. */
  readonly source: Endpoint | undefined;
  /** Where the inbound took it. */
  readonly inbound?: Endpoint;
  /** Aborts when the dial budget is spent; ignored once the stream is open. */
  readonly signal: AbortSignal;
};

/** An open byte stream through an outbound; it is paused, half-open capable and never emits an unhandled `error`. */
export type OutboundStream = {
  readonly stream: Duplex;
  /** IP (or host) really connected to. */
  readonly remote: string;
};

/** What an open packet socket tells its owner. */
export type PacketHandlers = {
  readonly onPacket: (data: Uint8Array, from: Endpoint) => void;
  /** True when `onPacket` needs the data during the call only, which spares copying it. */
  readonly readsAtOnce?: boolean;
  /** Called once, also after `close`. */
  readonly onClose: () => void;
};

/** An open UDP association through an outbound. Sending after `close` is ignored. */
export interface PacketSocket {
  /** True when `send` needs the data during the call only. */
  readonly sendsAtOnce?: boolean;
  /** `to.host` is an IP literal for direct, anything for proxies. */
  send(data: Uint8Array, to: Endpoint): void;
  close(): void;
}

/** What the configuration says about an outbound beyond its protocol; for display and for the sockets it opens. */
export type OutboundTraits = {
  /** `''` for the system's choice. */
  readonly interfaceName: string;
  /** 0 for none. */
  readonly routingMark: number;
  /** Outbound or group that carries the connection to the server, `''` for none. */
  readonly dialerProxy: string;
  readonly uot: boolean;
  readonly xudp: boolean;
  readonly tfo: boolean;
  readonly mptcp: boolean;
  readonly smux: boolean;
};

/** Those of an outbound that nothing was said about. */
export const NO_TRAITS: OutboundTraits = {
  interfaceName: '',
  routingMark: 0,
  dialerProxy: '',
  uot: false,
  xudp: false,
  tfo: false,
  mptcp: false,
  smux: false,
};

/** A way out of the gateway. Errors of dialing are `GatewayError`s with code `route.dial-failed` or plain socket errors. */
export interface Outbound {
  readonly name: string;
  /** The control API's type name. */
  readonly type: string;
  readonly udp: boolean;
  readonly traits: OutboundTraits;
  dialTcp(request: OutboundRequest): Promise<OutboundStream>;
  openUdp(request: OutboundRequest, handlers: PacketHandlers): Promise<PacketSocket>;
}

/** The failure texts that a second attempt cannot cure (kernel behaviour: no retry). */
export const FINAL_DIAL_CODES: ReadonlySet<string> = new Set([
  'route.no-address',
  'route.ip-version',
  'route.ipv6-disabled',
  'route.loopback',
  'route.udp-unsupported',
  'route.rejected',
  'route.outbound-unavailable',
  'route.outbound-not-found',
  'route.dialer-loop',
]);

/** True when dialing again within the budget may help. */
export function isRetryable(error: unknown): boolean {
  const code = (error as Partial<GatewayError> | null)?.code;
  return typeof code !== 'string' || !FINAL_DIAL_CODES.has(code);
}
