/** How a connection or UDP session entered the gateway; the wire names of the control API. */
export type InboundType =
  | 'HTTP'
  | 'HTTPS'
  | 'Socks4'
  | 'Socks5'
  | 'ShadowSocks'
  | 'Tunnel'
  | 'Redir'
  | 'TProxy'
  | 'Tun'
  | 'Inner';

/** Everything known about a flow before it is routed; members are filled in as they become known. */
export type FlowMetadata = {
  readonly network: 'tcp' | 'udp';
  readonly type: InboundType;
  readonly sourceIp: string;
  readonly sourcePort: number;
  /** Destination domain in lower case, `''` when the client named an IP. */
  host: string;
  /** Destination IP literal, `''` until known. */
  destinationIp: string;
  readonly destinationPort: number;
  readonly inboundIp: string;
  readonly inboundPort: number;
  readonly inboundName: string;
  readonly inboundUser: string;
  /** IP (or host) the outbound really connected to, `''` before that. */
  remoteDestination: string;
  /** Outbound named by the flow's creator instead of a rule, `''` otherwise. */
  readonly specialProxy: string;
};
